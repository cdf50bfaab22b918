"""The only writer of job rows: enqueue, claim, renew, finish, fail, give back, expire, cancel.

Every time is `clock_timestamp()` of the database: `now()` stands still inside a transaction, and
a worker's clock may be wrong. Who claims a job gets a token; a later claim makes it stale.
"""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, case, func, literal, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.notifications import JOBS_CHANNEL, notify
from app.db.queries import jobs as job_queries
from app.db.tables import Job
from app.domain.errors import Conflict, NotFound, PliantError, ProcessingFailed
from app.jobs.kinds import LIMITS, JobKind, Limits

FIRST_BACKOFF_SECONDS = 5


class StaleAttempt(Exception):  # noqa: N818  the handlers read it as a sentence
    """The attempt no longer holds the job: another has it, or it is over. Write nothing."""


class LeaseState(StrEnum):
    HELD = "held"
    LOST = "lost"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One attempt at one job."""

    job_id: uuid.UUID
    kind: JobKind
    subject_id: uuid.UUID
    token: int
    attempt: int


def enqueue(
    session: Session,
    kind: JobKind,
    subject_id: uuid.UUID,
    *,
    dedupe_key: str | None = None,
    priority: int | None = None,
) -> uuid.UUID | None:
    """Queue work in the caller's transaction; None if its `dedupe_key` was queued before."""
    limits = LIMITS[kind]
    job_id = session.scalar(
        insert(Job)
        .values(
            kind=kind,
            queue=limits.queue,
            priority=limits.priority if priority is None else priority,
            subject_id=subject_id,
            dedupe_key=dedupe_key,
            max_attempts=limits.max_attempts,
        )
        .on_conflict_do_nothing(index_elements=[Job.dedupe_key])
        .returning(Job.id)
    )
    if job_id is not None:
        notify(session, JOBS_CHANNEL, limits.queue)
    return job_id


def claim(
    session: Session, job_id: uuid.UUID, *, limits: Mapping[JobKind, Limits] = LIMITS
) -> Claim | None:
    """Take a queued job; None if there is nothing to take, and the message is void."""
    lease = _by_kind({kind: limit.lease_seconds for kind, limit in limits.items()})
    deadline = _by_kind({kind: limit.deadline_seconds for kind, limit in limits.items()})
    row = session.execute(
        update(Job)
        .where(
            Job.id == job_id,
            Job.state == "queued",
            Job.kind.in_(list(limits)),
            Job.cancel_requested_at.is_(None),
            Job.not_before <= func.clock_timestamp(),
        )
        .values(
            state="running",
            attempts=Job.attempts + 1,
            token=Job.token + 1,
            lease_until=func.clock_timestamp() + lease,
            deadline_at=func.clock_timestamp() + deadline,
        )
        .returning(Job.kind, Job.subject_id, Job.token, Job.attempts)
    ).one_or_none()
    if row is None:
        return None
    return Claim(
        job_id=job_id,
        kind=JobKind(row.kind),
        subject_id=row.subject_id,
        token=row.token,
        attempt=row.attempts,
    )


def renew(session: Session, job_id: uuid.UUID, token: int, *, lease_seconds: float) -> LeaseState:
    """Prolong the lease, never past the deadline; also how a running job hears of a cancel."""
    lease = func.clock_timestamp() + dt.timedelta(seconds=lease_seconds)
    row = session.execute(
        update(Job)
        .where(
            Job.id == job_id,
            Job.token == token,
            Job.state == "running",
            Job.deadline_at > func.clock_timestamp(),
        )
        .values(lease_until=func.least(lease, Job.deadline_at))
        .returning(Job.cancel_requested_at)
    ).one_or_none()
    if row is None:
        return LeaseState.LOST
    return LeaseState.HELD if row.cancel_requested_at is None else LeaseState.CANCELLED


def finish(session: Session, job_id: uuid.UUID, token: int) -> None:
    """Mark done, first in the transaction that writes the result; raises StaleAttempt."""
    done = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.token == token, Job.state == "running")
        .values(
            state="done",
            finished_at=func.clock_timestamp(),
            lease_until=None,
            error_code=None,
            error_message=None,
        )
        .returning(Job.id)
    ).one_or_none()
    if done is None:
        raise StaleAttempt(str(job_id))


def fail(session: Session, job_id: uuid.UUID, token: int, error: PliantError) -> Job:
    """Mark failed for a reason that no retry would change."""
    job = _held(session, job_id, token)
    _close(session, job, "failed", error)
    return job


def spend_attempt(session: Session, job_id: uuid.UUID, token: int, error: PliantError) -> Job:
    """Queue it again after a crash, or quarantine it if that was the last attempt."""
    job = _held(session, job_id, token)
    _retry_or_quarantine(session, job, error)
    return job


def release(session: Session, job_id: uuid.UUID, token: int) -> None:
    """Give the job back unharmed, with its attempt: the worker is asked to stop."""
    job = _held(session, job_id, token)
    job.attempts -= 1
    _queue_again(session, job, delay_seconds=0)


def cancel_running(session: Session, job_id: uuid.UUID, token: int) -> Job:
    """Close a running job whose cancellation was asked for."""
    job = _held(session, job_id, token)
    _close(session, job, "cancelled", _cancelled())
    return job


def request_cancel(session: Session, job_id: uuid.UUID) -> Job:
    """Cancel at once if it waits; if it runs, its worker stops at the next checkpoint."""
    job = job_queries.locked(session, job_id)
    if job is None:
        raise NotFound("job_unknown", "There is no such job.")
    if job.state in ("queued", "running") and job.cancel_requested_at is None:
        job.cancel_requested_at = _clock(session)
    if job.state == "queued":
        _close(session, job, "cancelled", _cancelled())
    session.flush()
    return job


def expire(session: Session, job_id: uuid.UUID) -> Job | None:
    """Take back a job whose lease ran out; None if it was renewed, finished or taken meanwhile."""
    job = job_queries.locked_if_expired(session, job_id)
    if job is None:
        return None
    if job.cancel_requested_at is not None:
        _close(session, job, "cancelled", _cancelled())
        return job
    lost = "The worker died or hung; see its log, then run the job again."
    _retry_or_quarantine(session, job, ProcessingFailed("worker_lost", lost))
    return job


def requeue(session: Session, job_id: uuid.UUID) -> Job:
    """Run a failed, quarantined or cancelled job anew, with all its attempts."""
    job = job_queries.locked(session, job_id)
    if job is None:
        raise NotFound("job_unknown", "There is no such job.")
    if job.state not in ("failed", "quarantined", "cancelled"):
        raise Conflict("job_not_over", f"The job is {job.state}; only what is over runs again.")
    job.attempts = 0
    job.cancel_requested_at = job.finished_at = job.error_code = job.error_message = None
    _queue_again(session, job, delay_seconds=0)
    return job


def mark_published(session: Session, job_ids: Collection[uuid.UUID]) -> None:
    session.execute(
        update(Job).where(Job.id.in_(job_ids)).values(published_at=func.clock_timestamp())
    )


def _by_kind(seconds: Mapping[JobKind, int]) -> ColumnElement[dt.timedelta]:
    spans = {kind.value: literal(dt.timedelta(seconds=value)) for kind, value in seconds.items()}
    return case(spans, value=Job.kind)


def _clock(session: Session) -> dt.datetime:
    moment = session.scalar(func.clock_timestamp())
    assert isinstance(moment, dt.datetime)
    return moment


def _held(session: Session, job_id: uuid.UUID, token: int) -> Job:
    job = job_queries.locked_if_held(session, job_id, token)
    if job is None:
        raise StaleAttempt(str(job_id))
    return job


def _retry_or_quarantine(session: Session, job: Job, error: PliantError) -> None:
    if job.attempts >= job.max_attempts:
        _close(session, job, "quarantined", error)
        return
    # The first retry is at once: most crashes are the worker's, not the job's.
    retries_before = job.attempts - 1
    delay = 0 if retries_before == 0 else FIRST_BACKOFF_SECONDS * 2 ** min(retries_before - 1, 6)
    job.error_code, job.error_message = error.code, error.message
    _queue_again(session, job, delay_seconds=delay)


def _queue_again(session: Session, job: Job, *, delay_seconds: float) -> None:
    job.state = "queued"
    job.lease_until = job.deadline_at = job.published_at = None
    job.not_before = _clock(session) + dt.timedelta(seconds=delay_seconds)
    session.flush()
    notify(session, JOBS_CHANNEL, job.queue)


def _close(session: Session, job: Job, state: str, error: PliantError) -> None:
    job.state = state
    job.lease_until = None
    job.error_code, job.error_message = error.code, error.message
    job.finished_at = _clock(session)
    session.flush()


def _cancelled() -> PliantError:
    return ProcessingFailed("cancelled", "Someone cancelled this work before it was done.")
