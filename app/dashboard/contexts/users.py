"""The users' page: who may sign in, as what, and the forms that change it."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.dashboard.contexts.permission_words import (
    ROLE_SENTENCES,
    ROLE_WORDS,
    PermissionRow,
    permission_table,
    role_names,
)
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import Chip, FormValues, MomentText, moment_text
from app.security.permissions import Principal, Role
from app.services.accounts import AccountView


@dataclass(frozen=True)
class RoleChoice:
    value: str
    name: str
    sentence: str


@dataclass(frozen=True)
class UserRow:
    id: str
    name: str
    role: str
    role_name: str
    state: Chip
    is_disabled: bool
    is_own: bool
    created: MomentText
    last_seen: MomentText | None


@dataclass(frozen=True)
class Invitation:
    """A link that signs in once, shown this one time."""

    name: str
    link: str


@dataclass(frozen=True)
class UsersPage:
    rows: tuple[UserRow, ...]
    roles: tuple[RoleChoice, ...]
    role_names: tuple[str, ...]
    permissions: tuple[PermissionRow, ...]
    asks_password: bool
    values: FormValues
    notice: Notice | None = None
    invitation: Invitation | None = None


def users_page(
    accounts: Sequence[AccountView],
    principal: Principal,
    *,
    asks_password: bool,
    values: FormValues,
    notice: Notice | None = None,
    invitation: Invitation | None = None,
) -> UsersPage:
    return UsersPage(
        rows=tuple(_row(account, principal) for account in accounts),
        roles=tuple(
            RoleChoice(role.value, ROLE_WORDS[role], ROLE_SENTENCES[role])
            for role in Role
            if role is not Role.LIMS
        ),
        role_names=role_names(),
        permissions=permission_table(),
        asks_password=asks_password,
        values=values,
        notice=notice,
        invitation=invitation,
    )


def _row(account: AccountView, principal: Principal) -> UserRow:
    return UserRow(
        id=str(account.id),
        name=account.name,
        role=account.role.value,
        role_name=ROLE_WORDS[account.role],
        state=_state(account),
        is_disabled=account.is_disabled,
        is_own=principal.id == f"account:{account.id}",
        created=moment_text(account.created_at),
        last_seen=None if account.last_seen_at is None else moment_text(account.last_seen_at),
    )


def _state(account: AccountView) -> Chip:
    if account.is_disabled:
        return Chip("Disabled", "bad")
    return (
        Chip("Can sign in", "good") if account.has_password else Chip("No password yet", "warning")
    )
