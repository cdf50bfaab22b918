"""People: accounts, one-time sign-in links, passwords."""

import datetime as dt
import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.db.queries import accounts as queries
from app.db.tables import Account, SignInLink
from app.domain.errors import Conflict, InvalidInput, NotAuthenticated, NotFound
from app.security import passwords
from app.security.permissions import Principal, Role
from app.security.tokens import hash_token, new_token
from app.services import audit, browser_sessions
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


def create_account(session: Session, principal: Principal, *, name: str, role: Role) -> AccountView:
    """A person without a password; `make_sign_in_link` lets them in."""
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
    return tuple(_view(account) for account in queries.list_all(session))


def get_account(session: Session, principal: Principal) -> AccountView:
    """The account that a signed-in principal stands for."""
    return _view(_own_account(session, principal))


def make_sign_in_link(session: Session, principal: Principal, account_id: uuid.UUID) -> str:
    """The path of a link that signs in once within a day; earlier unused ones end."""
    account = _locked(session, account_id)
    token, at = new_token(), dt.datetime.now(dt.UTC)
    queries.void_links(session, account.id, at=at)
    session.add(
        SignInLink(
            account_id=account.id, token_sha256=hash_token(token), expires_at=at + LINK_LIVES
        )
    )
    audit.record(
        session, actor=principal.id, action="account.link_made", entity="account",
        entity_id=str(account.id),
    )  # fmt: skip
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
    queries.end_browser_sessions(session, account.id, at=dt.datetime.now(dt.UTC))
    signed_in = browser_sessions.start(session, account)
    audit.record(
        session, actor=principal.id, action="account.password_set", entity="account",
        entity_id=str(account.id),
    )  # fmt: skip
    return signed_in


def sign_out(session: Session, token: str) -> None:
    browser_sessions.end(session, token)


def disable_account(session: Session, principal: Principal, account_id: uuid.UUID) -> AccountView:
    account = _locked(session, account_id)
    if account.disabled_at is None:
        account.disabled_at = dt.datetime.now(dt.UTC)
        queries.end_browser_sessions(session, account.id, at=account.disabled_at)
        audit.record(
            session, actor=principal.id, action="account.disabled", entity="account",
            entity_id=str(account.id),
        )  # fmt: skip
    return _view(account)


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
        raise NotFound("account_unknown", "There is no such account.")
    return account


def _view(account: Account) -> AccountView:
    return AccountView(
        id=account.id,
        name=account.name,
        role=Role(account.role),
        has_password=account.password_hash is not None,
        is_disabled=account.disabled_at is not None,
        created_at=account.created_at,
    )
