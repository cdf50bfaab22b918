import datetime as dt
import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import Text, cast, func, literal, select, union_all, update
from sqlalchemy.orm import Session

from app.db.tables import Account, ApiKey, BrowserSession, SignInLink


def by_name(session: Session, name: str) -> Account | None:
    return session.scalars(select(Account).where(func.lower(Account.name) == name.lower())).first()


def locked(session: Session, account_id: uuid.UUID) -> Account | None:
    return session.scalars(
        select(Account).where(Account.id == account_id).with_for_update()
    ).one_or_none()


def list_all(session: Session) -> Sequence[Account]:
    return session.scalars(select(Account).order_by(Account.created_at, Account.id)).all()


def link_by_token(session: Session, token_sha256: bytes) -> SignInLink | None:
    """The link, locked, so that two clicks cannot both use it."""
    return session.scalars(
        select(SignInLink).where(SignInLink.token_sha256 == token_sha256).with_for_update()
    ).one_or_none()


def void_links(session: Session, account_id: uuid.UUID, *, at: dt.datetime) -> None:
    session.execute(
        update(SignInLink)
        .where(SignInLink.account_id == account_id, SignInLink.used_at.is_(None))
        .values(expires_at=at)
    )


def browser_session(session: Session, token_sha256: bytes) -> tuple[BrowserSession, Account] | None:
    row = session.execute(
        select(BrowserSession, Account)
        .join(Account, Account.id == BrowserSession.account_id)
        .where(BrowserSession.token_sha256 == token_sha256)
    ).one_or_none()
    return (row[0], row[1]) if row else None


def end_browser_sessions(
    session: Session, account_id: uuid.UUID, *, at: dt.datetime, but: uuid.UUID | None = None
) -> None:
    ending = update(BrowserSession).where(
        BrowserSession.account_id == account_id, BrowserSession.ended_at.is_(None)
    )
    if but is not None:
        ending = ending.where(BrowserSession.id != but)
    session.execute(ending.values(ended_at=at))


def has_anyone_signed_in(session: Session) -> bool:
    return session.scalars(select(BrowserSession.id).limit(1)).first() is not None


def key_by_prefix(session: Session, prefix: str) -> ApiKey | None:
    return session.scalars(select(ApiKey).where(ApiKey.prefix == prefix)).one_or_none()


def list_keys(session: Session) -> Sequence[ApiKey]:
    return session.scalars(select(ApiKey).order_by(ApiKey.created_at.desc(), ApiKey.id)).all()


def maker_of_key(session: Session, key_id: uuid.UUID) -> str | None:
    return session.scalar(select(ApiKey.created_by).where(ApiKey.id == key_id))


def names_of(session: Session, principals: Collection[str]) -> dict[str, str]:
    """What people call these principals, `account:<id>` or `key:<id>`; `system` has no row."""
    account = literal("account:") + cast(Account.id, Text)
    key = literal("key:") + cast(ApiKey.id, Text)
    rows = union_all(
        select(account, Account.name).where(account.in_(principals)),
        select(key, ApiKey.name).where(key.in_(principals)),
    )
    return {row[0]: row[1] for row in session.execute(rows)}
