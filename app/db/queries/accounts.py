import datetime as dt
import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import Text, cast, func, literal, or_, select, union_all, update
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


def lock_administrators(session: Session) -> Sequence[uuid.UUID]:
    """Those who can sign in, locked, so that the last two cannot disable each other at once."""
    able = (Account.role == "administrator", Account.disabled_at.is_(None))
    rows = select(Account.id).where(*able).order_by(Account.id).with_for_update()
    return session.scalars(rows).all()


def last_seen(session: Session) -> dict[uuid.UUID, dt.datetime]:
    newest = select(BrowserSession.account_id, func.max(BrowserSession.last_seen_at))
    rows = session.execute(newest.group_by(BrowserSession.account_id))
    return {row[0]: row[1] for row in rows}


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


def successor_of(session: Session, key_id: uuid.UUID) -> uuid.UUID | None:
    return session.scalar(select(ApiKey.id).where(ApiKey.replaces_id == key_id))


def note_key_use(
    session: Session, key_id: uuid.UUID, *, at: dt.datetime, unless_since: dt.datetime
) -> None:
    """Write when a key was used; whoever finds the row locked leaves it to the other request."""
    free = (
        select(ApiKey.id)
        .where(
            ApiKey.id == key_id,
            or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < unless_since),
        )
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(ApiKey)
        .where(ApiKey.id == free.scalar_subquery())
        .values(last_used_at=at)
        .execution_options(synchronize_session=False)
    )


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
