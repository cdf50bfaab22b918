"""Signed-in browsers: rows, so that signing out or disabling an account acts at once."""

import datetime as dt
import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.db.queries import accounts as queries
from app.db.tables import Account, BrowserSession
from app.domain.errors import NotAuthenticated
from app.security.browser_sessions import IDLE, LONGEST, SEEN_EVERY
from app.security.permissions import Principal, Role
from app.security.tokens import hash_token, new_token


@dataclass(frozen=True)
class SignedIn:
    """A new session: `token` goes into the cookie and is kept nowhere else."""

    token: str
    account_id: uuid.UUID
    role: Role
    needs_password: bool


def start(session: Session, account: Account) -> SignedIn:
    token, at = new_token(), dt.datetime.now(dt.UTC)
    session.add(
        BrowserSession(
            account_id=account.id,
            token_sha256=hash_token(token),
            last_seen_at=at,
            expires_at=at + LONGEST,
            reauthenticated_at=at,
        )
    )
    session.flush()
    return SignedIn(
        token=token,
        account_id=account.id,
        role=Role(account.role),
        needs_password=account.password_hash is None,
    )


def authenticate(session: Session, token: str) -> Principal:
    """The account behind a cookie; its role is read anew on every request."""
    at = dt.datetime.now(dt.UTC)
    found = queries.browser_session(session, hash_token(token))
    if found is None or not _is_alive(*found, at):
        raise NotAuthenticated("authentication_required", "You are signed out; sign in again.")
    browser, account = found
    if at - browser.last_seen_at > SEEN_EVERY:
        browser.last_seen_at = at
    return principal_of(account)


def end(session: Session, token: str) -> None:
    found = queries.browser_session(session, hash_token(token))
    if found is not None:
        found[0].ended_at = dt.datetime.now(dt.UTC)


def principal_of(account: Account) -> Principal:
    role = Role(account.role)
    return Principal(f"account:{account.id}", account.name, role, sees_all=role != Role.LIMS)


def _is_alive(browser: BrowserSession, account: Account, at: dt.datetime) -> bool:
    return (
        browser.ended_at is None
        and account.disabled_at is None
        and at < browser.expires_at
        and at < browser.last_seen_at + IDLE
    )
