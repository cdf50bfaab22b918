import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Literal

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.db.tables import AuditEntry, AuditHead


def lock_head(session: Session) -> tuple[AuditHead, dt.datetime]:
    """The chain's end, locked until the transaction is over, and the time by the database."""
    head = session.scalars(
        select(AuditHead).with_for_update().execution_options(populate_existing=True)
    ).one()
    return head, session.scalars(select(func.clock_timestamp())).one()


def read_head(session: Session) -> AuditHead:
    return session.scalars(select(AuditHead).execution_options(populate_existing=True)).one()


def list_entries(
    session: Session,
    *,
    entity: str | None,
    entity_id: str | None,
    actor: str | None,
    action: str | None,
    since: dt.datetime | None,
    until: dt.datetime | None,
    before_seq: int | None,
    limit: int,
) -> Sequence[AuditEntry]:
    wanted = select(AuditEntry).order_by(AuditEntry.seq.desc()).limit(limit)
    columns = {
        AuditEntry.entity: entity,
        AuditEntry.entity_id: entity_id,
        AuditEntry.actor: actor,
        AuditEntry.action: action,
    }
    for column, value in columns.items():
        if value is not None:
            wanted = wanted.where(column == value)
    if since is not None:
        wanted = wanted.where(AuditEntry.at >= since)
    if until is not None:
        wanted = wanted.where(AuditEntry.at < until)
    if before_seq is not None:
        wanted = wanted.where(AuditEntry.seq < before_seq)
    return session.scalars(wanted).all()


def distinct(session: Session, column: Literal["entity", "action"]) -> tuple[str, ...]:
    """By steps along the index, one for each value: the trail is long, its kinds are few."""
    walked = text(
        f"WITH RECURSIVE kinds AS ("  # noqa: S608  one of two names of our own
        f"(SELECT {column} AS one FROM audit ORDER BY {column} LIMIT 1) UNION ALL "
        f"SELECT (SELECT {column} FROM audit WHERE {column} > one ORDER BY {column} LIMIT 1) "
        "FROM kinds WHERE one IS NOT NULL) SELECT one FROM kinds WHERE one IS NOT NULL"
    )
    return tuple(session.scalars(walked))


def entries_between(session: Session, first: int, last: int) -> Sequence[AuditEntry]:
    """In order, both ends included."""
    wanted = select(AuditEntry).where(AuditEntry.seq.between(first, last))
    fresh = wanted.order_by(AuditEntry.seq).execution_options(populate_existing=True)
    return session.scalars(fresh).all()


def count_recent(session: Session, action: str, *, account_id: str, since: dt.datetime) -> int:
    """Entries of this action about an account since then."""
    wanted = select(func.count()).where(
        AuditEntry.entity == "account",
        AuditEntry.entity_id == account_id,
        AuditEntry.action == action,
        AuditEntry.at >= since,
    )
    return session.scalar(wanted) or 0


def walk(session: Session, *, up_to: int, batch: int = 1000) -> Iterator[AuditEntry]:
    """Every entry in order, a batch in memory at a time."""
    after = None
    while True:
        wanted = select(AuditEntry).where(AuditEntry.seq <= up_to).order_by(AuditEntry.seq)
        if after is not None:
            wanted = wanted.where(AuditEntry.seq > after)
        entries = session.scalars(wanted.limit(batch)).all()
        yield from entries
        if len(entries) < batch:
            return
        after = entries[-1].seq
        session.expunge_all()
