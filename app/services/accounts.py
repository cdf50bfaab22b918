"""People: accounts, one-time sign-in links, passwords."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.db.queries import accounts as queries
from app.db.tables import Account, SignInLink
from app.domain.errors import Conflict, InvalidInput, NotAuthenticated, NotFound
from app.security import passwords
from app.security.permissions import PERMISSIONS, Principal, Role
from app.security.tokens import hash_token, new_token
from app.services import audit, browser_sessions, password_tries
from app.services.api_keys import check_grant
from app.services.browser_sessions import SignedIn

LINK_LIVES = dt.timedelta(hours=24)


@dataclass(frozen=True)
class AccountView:
    id: uuid.UUID
    name: str
    role: Role
    has_password: bool
    is_disabled: bool
    created_at: dt.datetime
    last_seen_at: dt.datetime | None


def create_account(session: Session, principal: Principal, *, name: str, role: Role) -> AccountView:
    """A person without a password; `make_sign_in_link` lets them in."""
    check_grant(principal, PERMISSIONS[role])
    name = name.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise InvalidInput("account_name", "A name has 1 to 100 printable characters.")
    if queries.by_name(session, name):
        raise Conflict("account_exists", f"There is already an account named {name}.")
    account = Account(name=name, role=role.value)
    session.add(account)
    session.flush()
    audit.record(
        session, actor=principal.id, action="account.created", entity="account",
        entity_id=str(account.id), after={"role": role.value},
    )  # fmt: skip
    return _view(account)


def list_accounts(session: Session) -> tuple[AccountView, ...]:
    seen = queries.last_seen(session)
    return tuple(_view(one, seen.get(one.id)) for one in queries.list_all(session))


def find_account(session: Session, account_id: uuid.UUID) -> AccountView:
    account = session.get(Account, account_id)
    if account is None:
        raise _unknown()
    return _view(account, queries.last_seen(session).get(account_id))


def get_account(session: Session, principal: Principal) -> AccountView:
    """The account that a signed-in principal stands for."""
    return _view(_own_account(session, principal))


def make_sign_in_link(session: Session, principal: Principal, account_id: uuid.UUID) -> str:
    """The path of a link that signs in once within a day; earlier unused ones end."""
    account = _locked(session, account_id)
    if account.disabled_at is not None:
        raise Conflict("account_disabled", "This account is disabled; enable it first.")
    check_grant(principal, PERMISSIONS[Role(account.role)])
    token, at = new_token(), dt.datetime.now(dt.UTC)
    queries.void_links(session, account.id, at=at)
    session.add(
        SignInLink(
            account_id=account.id, token_sha256=hash_token(token), expires_at=at + LINK_LIVES
        )
    )
    _record(session, principal, "account.link_made", account)
    return f"/sign-in/{token}"


def sign_in_with_link(session: Session, token: str) -> SignedIn:
    """Use a one-time link. It also forgets the password: the person sets a new one."""
    at = dt.datetime.now(dt.UTC)
    link = queries.link_by_token(session, hash_token(token))
    account = _locked(session, link.account_id) if link else None
    if not link or not account or link.used_at or link.expires_at <= at or account.disabled_at:
        raise NotAuthenticated(
            "link_used_up",
            "This sign-in link is unknown, used or too old; ask an administrator for a new one.",
        )
    link.used_at = at
    account.password_hash = None
    queries.end_browser_sessions(session, account.id, at=at)
    return _signed_in(session, account, by="link")


def sign_in_with_password(session: Session, name: str, password: str) -> SignedIn:
    """Wrong name and wrong password take equal time and get the same answer."""
    account = queries.by_name(session, name.strip())
    is_right = passwords.is_right(password, account.password_hash if account else None)
    if not account or not is_right or account.disabled_at:
        raise NotAuthenticated("sign_in_failed", "Name and password do not fit; try again.")
    password_tries.forget_tries(session, name=name)
    return _signed_in(session, account, by="password")


def set_password(
    session: Session, principal: Principal, *, new: str, current: str | None = None
) -> SignedIn:
    """Set or change one's own password; every session ends and a new one begins."""
    account = _own_account(session, principal)
    stored = account.password_hash
    if stored is not None and not passwords.is_right(current or "", stored):
        raise InvalidInput("password_wrong", "The present password is not right; try again.")
    passwords.check_strength(new, name=account.name)
    account.password_hash = passwords.hash_password(new)
    password_tries.forget_tries(session, name=account.name)
    queries.end_browser_sessions(session, account.id, at=dt.datetime.now(dt.UTC))
    signed_in = browser_sessions.start(session, account)
    _record(session, principal, "account.password_set", account)
    return signed_in


def sign_out(session: Session, token: str) -> None:
    browser_sessions.end(session, token)


def disable_account(session: Session, principal: Principal, account_id: uuid.UUID) -> AccountView:
    """Shut a person out at once: sessions and unused links end; what was done stays signed."""
    administrators = queries.lock_administrators(session)
    account = _locked(session, account_id)
    if account.disabled_at is not None:
        return _view(account)
    _check_not_own(principal, account, "disable")
    _check_not_last(administrators, account)
    at = dt.datetime.now(dt.UTC)
    account.disabled_at = at
    queries.end_browser_sessions(session, account.id, at=at)
    queries.void_links(session, account.id, at=at)
    _record(session, principal, "account.disabled", account)
    return _view(account)


def enable_account(session: Session, principal: Principal, account_id: uuid.UUID) -> AccountView:
    account = _locked(session, account_id)
    if account.disabled_at is not None:
        check_grant(principal, PERMISSIONS[Role(account.role)])
        account.disabled_at = None
        _record(session, principal, "account.enabled", account)
    return _view(account)


def change_role(
    session: Session, principal: Principal, account_id: uuid.UUID, role: Role
) -> AccountView:
    """Acts on the person's next request, in every open browser."""
    administrators = queries.lock_administrators(session)
    account = _locked(session, account_id)
    if account.role == role.value:
        return _view(account)
    _check_not_own(principal, account, "change the role of")
    check_grant(principal, PERMISSIONS[role])
    if role is not Role.ADMINISTRATOR:
        _check_not_last(administrators, account)
    before = account.role
    account.role = role.value
    audit.record(
        session, actor=principal.id, action="account.role_changed", entity="account",
        entity_id=str(account.id), before={"role": before}, after={"role": role.value},
    )  # fmt: skip
    return _view(account)


def end_sessions(session: Session, principal: Principal, account_id: uuid.UUID) -> AccountView:
    """Sign a person out everywhere."""
    account = _locked(session, account_id)
    queries.end_browser_sessions(session, account.id, at=dt.datetime.now(dt.UTC))
    _record(session, principal, "account.sessions_ended", account)
    return _view(account)


def _check_not_own(principal: Principal, account: Account, act: str) -> None:
    if principal.id == f"account:{account.id}":
        raise Conflict(
            "own_account", f"You cannot {act} your own account; ask another administrator."
        )


def _check_not_last(administrators: Sequence[uuid.UUID], account: Account) -> None:
    if list(administrators) == [account.id]:
        raise Conflict(
            "last_administrator",
            "This is the last administrator who can sign in; make another one first.",
        )


def _record(session: Session, principal: Principal, action: str, account: Account) -> None:
    audit.record(
        session, actor=principal.id, action=action, entity="account", entity_id=str(account.id)
    )


def _signed_in(session: Session, account: Account, *, by: str) -> SignedIn:
    signed_in = browser_sessions.start(session, account)
    audit.record(
        session, actor=f"account:{account.id}", action="account.signed_in", entity="account",
        entity_id=str(account.id), after={"by": by},
    )  # fmt: skip
    return signed_in


def _own_account(session: Session, principal: Principal) -> Account:
    kind, _, account_id = principal.id.partition(":")
    if kind != "account":
        raise InvalidInput("not_an_account", "Only a signed-in person has a password.")
    return _locked(session, uuid.UUID(account_id))


def _locked(session: Session, account_id: uuid.UUID) -> Account:
    account = queries.locked(session, account_id)
    if account is None:
        raise _unknown()
    return account


def _unknown() -> NotFound:
    return NotFound("account_unknown", "There is no such account; look at the list of users.")


def _view(account: Account, last_seen_at: dt.datetime | None = None) -> AccountView:
    return AccountView(
        id=account.id,
        name=account.name,
        role=Role(account.role),
        has_password=account.password_hash is not None,
        is_disabled=account.disabled_at is not None,
        created_at=account.created_at,
        last_seen_at=last_seen_at,
    )
