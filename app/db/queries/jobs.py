"""What is waiting, running and stuck. Every time is the database's clock."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Row, and_, func, or_, select
from sqlalchemy.orm import Session

from app.db.tables import Job


def _is_due() -> ColumnElement[bool]:
    return and_(
        Job.state == "queued",
        Job.cancel_requested_at.is_(None),
        Job.not_before <= func.clock_timestamp(),
    )


def unpublished(
    session: Session,
    queue: str,
    *,
    kinds: Collection[str],
    excluding: Collection[uuid.UUID],
    older_than: dt.timedelta,
    limit: int,
) -> Sequence[Row[uuid.UUID, str]]:
    """Id and kind of due jobs that were not published within `older_than`, most urgent first."""
    quiet = or_(Job.published_at.is_(None), Job.published_at < func.clock_timestamp() - older_than)
    return session.execute(
        select(Job.id, Job.kind)
        .where(
            Job.queue == queue,
            Job.kind.in_(kinds),
            _is_due(),
            quiet,
            Job.id.not_in(excluding),
        )
        .order_by(Job.priority, Job.created_at)
        .limit(limit)
    ).all()


def expired_ids(session: Session, *, limit: int = 500) -> Sequence[uuid.UUID]:
    """Running jobs whose lease has run out."""
    return session.scalars(
        select(Job.id)
        .where(Job.state == "running", Job.lease_until < func.clock_timestamp())
        .order_by(Job.lease_until)
        .limit(limit)
    ).all()


def locked_if_expired(session: Session, job_id: uuid.UUID) -> Job | None:
    """The job, locked, unless its lease holds or another sweeper has it in hand."""
    return session.scalar(
        select(Job)
        .where(Job.id == job_id, Job.state == "running", Job.lease_until < func.clock_timestamp())
        .with_for_update(skip_locked=True)
    )


def locked_if_held(session: Session, job_id: uuid.UUID, token: int) -> Job | None:
    """The job, locked, if this token still holds it."""
    return session.scalar(
        select(Job)
        .where(Job.id == job_id, Job.token == token, Job.state == "running")
        .with_for_update()
    )


def locked(session: Session, job_id: uuid.UUID) -> Job | None:
    return session.get(Job, job_id, with_for_update=True, populate_existing=True)


def oldest_waiting_seconds(session: Session) -> float | None:
    """Age of the due job that has waited longest, in seconds; None if nothing waits."""
    since = func.min(func.greatest(Job.created_at, Job.not_before))
    age = session.scalar(
        select(func.extract("epoch", func.clock_timestamp() - since)).where(_is_due())
    )
    return None if age is None else float(age)


def counts_by_state(session: Session) -> dict[tuple[str, str], int]:
    """Number of jobs by (kind, state)."""
    rows = session.execute(
        select(Job.kind, Job.state, func.count()).group_by(Job.kind, Job.state)
    ).all()
    return {(kind, state): count for kind, state, count in rows}
