"""Keys for programs: made once, shown once, expiring, revocable."""

import datetime as dt
import hmac
import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.db.queries import accounts as queries
from app.db.tables import ApiKey
from app.domain.errors import InvalidInput, NotAuthenticated, NotFound
from app.security.api_keys import make_key, parse_key
from app.security.browser_sessions import SEEN_EVERY
from app.security.permissions import Principal, Role
from app.services import audit

LONGEST_DAYS = 365


@dataclass(frozen=True)
class KeyView:
    id: uuid.UUID
    name: str
    role: Role
    prefix: str
    created_at: dt.datetime
    created_by: str
    expires_at: dt.datetime
    revoked_at: dt.datetime | None
    last_used_at: dt.datetime | None


@dataclass(frozen=True)
class NewKeyView:
    """The only time that `token` is seen."""

    token: str
    key: KeyView


def create_key(
    session: Session, principal: Principal, *, name: str, role: Role, days: int = LONGEST_DAYS
) -> NewKeyView:
    if role == Role.VERIFIER:
        raise InvalidInput(
            "key_role", "Verifying is a person's act; keys are technician, lims or administrator."
        )
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidInput("key_lifetime", f"A key lives 1 to {LONGEST_DAYS} days.")
    made, at = make_key(), dt.datetime.now(dt.UTC)
    key = ApiKey(
        name=name,
        role=role.value,
        prefix=made.prefix,
        secret_sha256=made.secret_sha256,
        created_by=principal.id,
        expires_at=at + dt.timedelta(days=days),
    )
    session.add(key)
    session.flush()
    audit.record(
        session, actor=principal.id, action="api_key.created", entity="api_key",
        entity_id=str(key.id), after={"name": name, "role": role.value},
    )  # fmt: skip
    return NewKeyView(made.token, _view(key))


def list_keys(session: Session) -> tuple[KeyView, ...]:
    return tuple(_view(key) for key in queries.list_keys(session))


def revoke_key(session: Session, principal: Principal, key_id: uuid.UUID) -> KeyView:
    key = session.get(ApiKey, key_id, with_for_update=True)
    if key is None:
        raise NotFound("key_unknown", "There is no such key.")
    if key.revoked_at is None:
        key.revoked_at = dt.datetime.now(dt.UTC)
        audit.record(
            session, actor=principal.id, action="api_key.revoked", entity="api_key",
            entity_id=str(key.id),
        )  # fmt: skip
    return _view(key)


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
        key.last_used_at = at
    role = Role(key.role)
    return Principal(f"key:{key.id}", key.name, role, sees_all=role != Role.LIMS)


def _view(key: ApiKey) -> KeyView:
    return KeyView(
        id=key.id,
        name=key.name,
        role=Role(key.role),
        prefix=key.prefix,
        created_at=key.created_at,
        created_by=key.created_by,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
    )
