"""Keys for programs: shown once, limited, expiring, replaced without a gap, revocable."""

import datetime as dt
import hmac
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries import accounts as queries
from app.db.tables import ApiKey
from app.domain.errors import Conflict, InvalidInput, NotAuthenticated, NotFound, NotPermitted
from app.security.api_keys import make_key, parse_key
from app.security.browser_sessions import SEEN_EVERY
from app.security.permissions import PERMISSIONS, Permission, Principal, Role
from app.services import audit

LONGEST_DAYS: Final = 365
LONGEST_OVERLAP_HOURS: Final = 30 * 24
ENDING_SOON: Final = dt.timedelta(days=14)


class KeyState(StrEnum):
    WORKS = "works"
    REPLACED = "replaced"
    """A newer key stands beside it; it works until it expires."""
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class KeyView:
    id: uuid.UUID
    name: str
    role: Role
    scopes: tuple[Permission, ...] | None
    """What it is limited to; None: all that its role may do."""
    prefix: str
    state: KeyState
    created_at: dt.datetime
    created_by: str
    expires_at: dt.datetime
    is_ending_soon: bool
    revoked_at: dt.datetime | None
    last_used_at: dt.datetime | None
    replaces_id: uuid.UUID | None
    replaced_by_id: uuid.UUID | None


@dataclass(frozen=True)
class NewKeyView:
    """The only time that `token` is seen."""

    token: str
    key: KeyView


@dataclass(frozen=True, kw_only=True)
class KeyTerms:
    """What a key is for, what it may do and for how long."""

    name: str
    role: Role
    days: int = LONGEST_DAYS
    scopes: frozenset[Permission] | None = None


def create_key(
    session: Session,
    principal: Principal,
    *,
    name: str,
    role: Role,
    days: int = LONGEST_DAYS,
    scopes: Collection[Permission] | None = None,
) -> NewKeyView:
    """A key for a program; a limited key can only make keys that may no more than itself."""
    terms = KeyTerms(
        name=name.strip(),
        role=role,
        days=days,
        scopes=None if scopes is None else frozenset(scopes),
    )
    _check_terms(terms)
    check_grant(principal, PERMISSIONS[role] if terms.scopes is None else terms.scopes)
    token, key = _add(session, principal, terms)
    _record(session, principal, "api_key.created", key)
    return NewKeyView(token, _view(key))


def rotate_key(
    session: Session, principal: Principal, key_id: uuid.UUID, *, overlap_hours: float
) -> NewKeyView:
    """A second key of the same line and terms; the first works on for the stated time, then ends.

    Both own the same rows, so that a program sees what it made with either. One that expired or was
    revoked has a successor all the same, and stays ended: else nobody could reach its rows again.
    """
    if not 0 <= overlap_hours <= LONGEST_OVERLAP_HOURS:
        raise InvalidInput(
            "key_overlap",
            f"The old key may work on for 0 to {LONGEST_OVERLAP_HOURS} hours beside the new one.",
        )
    old, at = _locked(session, key_id), dt.datetime.now(dt.UTC)
    if queries.successor_of(session, old.id) is not None:
        raise Conflict("key_replaced", "This key was replaced already; rotate the newer one.")
    terms = _terms_of(old)
    check_grant(principal, PERMISSIONS[terms.role] if terms.scopes is None else terms.scopes)
    token, key = _add(session, principal, terms, replaces=old)
    old.expires_at = min(old.expires_at, at + dt.timedelta(hours=overlap_hours))
    _record(session, principal, "api_key.rotated", key, old_ends_at=old.expires_at.isoformat())
    return NewKeyView(token, _view(key))


def list_keys(session: Session) -> tuple[KeyView, ...]:
    """Newest first, ended ones too."""
    keys = queries.list_keys(session)
    replaced_by = {key.replaces_id: key.id for key in keys if key.replaces_id}
    return tuple(_view(key, replaced_by.get(key.id)) for key in keys)


def get_key(session: Session, key_id: uuid.UUID) -> KeyView:
    key = session.get(ApiKey, key_id)
    if key is None:
        raise _unknown()
    return _view(key, queries.successor_of(session, key_id))


def revoke_key(session: Session, principal: Principal, key_id: uuid.UUID) -> KeyView:
    """End a key at once; one that ended already stays as it is."""
    key = _locked(session, key_id)
    if key.revoked_at is None:
        key.revoked_at = dt.datetime.now(dt.UTC)
        audit.record(
            session, actor=principal.id, action="api_key.revoked", entity="api_key",
            entity_id=str(key.id),
        )  # fmt: skip
    return _view(key, queries.successor_of(session, key_id))


def check_grant(principal: Principal, granted: Collection[Permission]) -> None:
    """A limited key must not give others what it was not given itself."""
    beyond = frozenset(granted) - (principal.scopes or frozenset())
    if principal.scopes is not None and beyond:
        raise NotPermitted(
            "key_too_narrow",
            "This key is limited, and this would give out more than it may do itself; use an "
            "administrator's account.",
        )


def authenticate(session: Session, token: str) -> Principal:
    """The principal of a key; the refusal tells only the key's holder why it no longer works."""
    at = dt.datetime.now(dt.UTC)
    parsed = parse_key(token)
    key = queries.key_by_prefix(session, parsed[0]) if parsed else None
    if not parsed or not key or not hmac.compare_digest(key.secret_sha256, parsed[1]):
        raise NotAuthenticated("key_unknown", "This API key is not known here; check it.")
    if key.revoked_at is not None:
        raise NotAuthenticated("key_revoked", "This API key was revoked; ask for a new one.")
    if key.expires_at <= at:
        raise NotAuthenticated("key_expired", "This API key has expired; ask for a new one.")
    if key.last_used_at is None or at - key.last_used_at > SEEN_EVERY:
        queries.note_key_use(session, key.id, at=at, unless_since=at - SEEN_EVERY)
    return _principal_of(key)


def _principal_of(key: ApiKey) -> Principal:
    role = Role(key.role)
    scopes = _terms_of(key).scopes
    return Principal(
        f"key:{key.identity_id}", key.name, role, sees_all=role != Role.LIMS, scopes=scopes
    )


def _check_terms(terms: KeyTerms) -> None:
    if not 1 <= len(terms.name) <= 100 or not terms.name.isprintable():
        raise InvalidInput("key_name", "A key's name has 1 to 100 printable characters.")
    if terms.role == Role.VERIFIER:
        raise InvalidInput(
            "key_role", "Verifying is a person's act; keys are technician, lims or administrator."
        )
    if not 1 <= terms.days <= LONGEST_DAYS:
        raise InvalidInput("key_lifetime", f"A key lives 1 to {LONGEST_DAYS} days.")
    if terms.scopes is not None:
        _check_scopes(terms.role, terms.scopes)


def _check_scopes(role: Role, scopes: frozenset[Permission]) -> None:
    beyond = sorted(scopes - PERMISSIONS[role])
    if beyond or not scopes:
        told = ", ".join(beyond) or "nothing at all"
        raise InvalidInput(
            "key_scopes", f"A key of a {role} cannot be limited to: {told}; choose what it may do."
        )


def _add(
    session: Session, principal: Principal, terms: KeyTerms, *, replaces: ApiKey | None = None
) -> tuple[str, ApiKey]:
    made, key_id = make_key(), uuid.uuid4()
    key = ApiKey(
        id=key_id,
        identity_id=key_id if replaces is None else replaces.identity_id,
        replaces_id=None if replaces is None else replaces.id,
        name=terms.name,
        role=terms.role.value,
        scopes=None if terms.scopes is None else sorted(terms.scopes),
        prefix=made.prefix,
        secret_sha256=made.secret_sha256,
        created_by=principal.id,
        expires_at=dt.datetime.now(dt.UTC) + dt.timedelta(days=terms.days),
    )
    session.add(key)
    session.flush()
    return made.token, key


def _record(
    session: Session, principal: Principal, action: str, key: ApiKey, **more: object
) -> None:
    told = {"name": key.name, "role": key.role, "scopes": key.scopes}
    replaced = {"replaces": str(key.replaces_id)} if key.replaces_id else {}
    audit.record(
        session, actor=principal.id, action=action, entity="api_key", entity_id=str(key.id),
        after=told | {"expires_at": key.expires_at.isoformat()} | replaced | more,
    )  # fmt: skip


def _terms_of(key: ApiKey) -> KeyTerms:
    """As it was made, for as long again."""
    scopes = None
    if key.scopes is not None:  # a permission that a later release dropped permits nothing
        scopes = frozenset(Permission(one) for one in key.scopes if one in set(Permission))
    days = max(round((key.expires_at - key.created_at) / dt.timedelta(days=1)), 1)
    return KeyTerms(name=key.name, role=Role(key.role), days=days, scopes=scopes)


def _locked(session: Session, key_id: uuid.UUID) -> ApiKey:
    key = session.get(ApiKey, key_id, with_for_update=True)
    if key is None:
        raise _unknown()
    return key


def _unknown() -> NotFound:
    return NotFound("key_unknown", "There is no such key; look at the list of keys.")


def _view(key: ApiKey, replaced_by_id: uuid.UUID | None = None) -> KeyView:
    at, scopes = dt.datetime.now(dt.UTC), _terms_of(key).scopes
    state = _state(key, replaced_by_id, at)
    return KeyView(
        id=key.id,
        name=key.name,
        role=Role(key.role),
        scopes=None if scopes is None else tuple(sorted(scopes)),
        prefix=key.prefix,
        state=state,
        created_at=key.created_at,
        created_by=key.created_by,
        expires_at=key.expires_at,
        is_ending_soon=state is KeyState.WORKS and key.expires_at - at < ENDING_SOON,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
        replaces_id=key.replaces_id,
        replaced_by_id=replaced_by_id,
    )


def _state(key: ApiKey, replaced_by_id: uuid.UUID | None, at: dt.datetime) -> KeyState:
    if key.revoked_at is not None:
        return KeyState.REVOKED
    if key.expires_at <= at:
        return KeyState.EXPIRED
    return KeyState.WORKS if replaced_by_id is None else KeyState.REPLACED
