"""The page of API keys: what each may do, until when, when it was last used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.dashboard.contexts.permission_words import ROLE_SENTENCES, ROLE_WORDS, words_of
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.users import RoleChoice
from app.dashboard.contexts.wording import Chip, FormValues, MomentText, moment_text
from app.security.permissions import PERMISSIONS, Permission, Role
from app.services.api_keys import KeyState, KeyView

STATES: Final = {
    KeyState.WORKS: Chip("Works", "good"),
    KeyState.REPLACED: Chip("Replaced, still works", "warning"),
    KeyState.EXPIRED: Chip("Expired"),
    KeyState.REVOKED: Chip("Revoked", "bad"),
}
ENDING_SOON: Final = Chip("Ends soon", "warning")
KEY_ROLES: Final = (Role.LIMS, Role.TECHNICIAN, Role.ADMINISTRATOR)


@dataclass(frozen=True)
class KeyRow:
    id: str
    name: str
    prefix: str
    role_name: str
    scopes: tuple[str, ...] | None
    state: Chip
    works: bool
    may_rotate: bool
    made: MomentText
    made_by: str
    ends: MomentText
    last_used: MomentText | None


@dataclass(frozen=True)
class ScopeChoice:
    value: str
    words: str
    roles: str


@dataclass(frozen=True)
class ShownKey:
    """A key that was just made, shown this one time."""

    name: str
    token: str


@dataclass(frozen=True)
class KeysPage:
    working: tuple[KeyRow, ...]
    ended: tuple[KeyRow, ...]
    roles: tuple[RoleChoice, ...]
    scopes: tuple[ScopeChoice, ...]
    asks_password: bool
    values: FormValues
    chosen: frozenset[str]
    notice: Notice | None = None
    shown: ShownKey | None = None


def keys_page(
    keys: Sequence[KeyView],
    names: Mapping[str, str],
    *,
    asks_password: bool,
    values: FormValues,
    chosen: frozenset[str] = frozenset(),
    notice: Notice | None = None,
    shown: ShownKey | None = None,
) -> KeysPage:
    rows = tuple(_row(key, names) for key in keys)
    return KeysPage(
        working=tuple(row for row in rows if row.works),
        ended=tuple(row for row in rows if not row.works),
        roles=tuple(
            RoleChoice(role.value, ROLE_WORDS[role], ROLE_SENTENCES[role]) for role in KEY_ROLES
        ),
        scopes=_scope_choices(),
        asks_password=asks_password,
        values=values,
        chosen=chosen,
        notice=notice,
        shown=shown,
    )


def _row(key: KeyView, names: Mapping[str, str]) -> KeyRow:
    return KeyRow(
        id=str(key.id),
        name=key.name,
        prefix=f"pliant_{key.prefix}_…",
        role_name=ROLE_WORDS[key.role],
        scopes=None if key.scopes is None else tuple(words_of(one) for one in key.scopes),
        state=ENDING_SOON if key.is_ending_soon else STATES[key.state],
        works=key.state in (KeyState.WORKS, KeyState.REPLACED),
        may_rotate=key.replaced_by_id is None,
        made=moment_text(key.created_at),
        made_by=names.get(key.created_by, "the command line"),
        ends=moment_text(key.revoked_at or key.expires_at),
        last_used=None if key.last_used_at is None else moment_text(key.last_used_at),
    )


def _scope_choices() -> tuple[ScopeChoice, ...]:
    """What a key can have at all, each with the roles that have it."""
    found = []
    for permission in Permission:
        roles = [ROLE_WORDS[role] for role in KEY_ROLES if permission in PERMISSIONS[role]]
        if roles:
            told = "all roles" if len(roles) == len(KEY_ROLES) else ", ".join(roles)
            found.append(ScopeChoice(permission.value, words_of(permission), told))
    return tuple(found)
