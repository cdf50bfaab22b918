"""One attempt at one job: claim, keep the lease, call the handler, record how it ended."""

import os
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.db.session import transaction
from app.db.tables import Job
from app.domain.errors import PliantError, ProcessingFailed, Unavailable
from app.jobs import ledger
from app.jobs.kinds import LIMITS, JobKind, Limits
from app.jobs.ledger import LeaseState, StaleAttempt
from app.services import audit
from worker.context import Context, Interrupted, Work

log = structlog.get_logger()

RENEWALS_PER_LEASE: Final = 4
STOP_GRACE_SECONDS: Final = 10.0
"""How long a job may go on after the process was asked to stop; less than its supervisor waits."""
LOOK_SECONDS: Final = 0.5

SYSTEM: Final = "system"

FailureHook = Callable[[Session, Job, PliantError], None]


def _nothing_to_record(session: Session, job: Job, error: PliantError) -> None: ...


@dataclass(frozen=True)
class Handler:
    """What a kind of job does.

    Parameters
    ----------
    run
        Does the work; must call `Work.finish` once. A PliantError means: failed for good,
        but for Unavailable, which costs an attempt like an unknown error.
    on_failure
        Records the consequence for the subject, in the transaction that marks the job failed,
        quarantined or cancelled while it ran.
    """

    run: Callable[[Work], None]
    on_failure: FailureHook = _nothing_to_record


Handlers = Mapping[JobKind, Handler]
LimitsByKind = Mapping[JobKind, Limits]


def run(
    job_id: uuid.UUID, context: Context, handlers: Handlers, *, limits: LimitsByKind = LIMITS
) -> None:
    """Run a job if it can be claimed; a message without a claimable row is void."""
    known = {kind: limits[kind] for kind in handlers}
    with transaction(context.sessions) as session:
        claim = ledger.claim(session, job_id, limits=known)
    if claim is None:
        return
    work = Work(
        job_id=job_id,
        kind=claim.kind,
        subject_id=claim.subject_id,
        token=claim.token,
        attempt=claim.attempt,
        context=context,
    )
    with LeaseKeeper(work, lease_seconds=known[claim.kind].lease_seconds):
        _attempt(work, handlers[claim.kind])


def _attempt(work: Work, handler: Handler) -> None:
    try:
        _call(work, handler)
    except StaleAttempt:
        log.warning("job.stale_attempt", **_name(work))
        _record_stale_attempt(work)


def _name(work: Work) -> dict[str, object]:
    return {"job_id": str(work.job_id), "kind": str(work.kind), "attempt": work.attempt}


def _record_stale_attempt(work: Work) -> None:
    with transaction(work.context.sessions) as session:
        audit.record(
            session,
            actor=SYSTEM,
            action="job.stale_attempt",
            entity="job",
            entity_id=str(work.job_id),
            after={"kind": work.kind, "token": work.token},
        )


def _call(work: Work, handler: Handler) -> None:
    """Raises StaleAttempt wherever the attempt turns out to hold the job no more."""
    try:
        _handle(work, handler)
    except StaleAttempt:
        raise
    except Interrupted:
        _stop(work, handler)
    except Unavailable as error:
        log.warning("job.put_off", **_name(work), code=error.code, cause=error.message)
        _spend(work, handler, error)
    except PliantError as error:
        log.warning("job.failed", **_name(work), code=error.code, cause=error.message)
        _fail(work, handler, error)
    except Exception:  # whatever a handler raises costs one attempt, never the process
        log.exception("job.crashed", **_name(work))
        message = "The worker met an error it does not know; its log tells more."
        _spend(work, handler, ProcessingFailed("internal_error", message))


def _handle(work: Work, handler: Handler) -> None:
    handler.run(work)
    if not work.finished.is_set():
        raise RuntimeError(f"the handler of {work.kind} returned without Work.finish")


def _stop(work: Work, handler: Handler) -> None:
    with transaction(work.context.sessions) as session:
        if not work.cancelled.is_set():
            ledger.release(session, work.job_id, work.token)
            return
        job = ledger.cancel_running(session, work.job_id, work.token)
        record_end(session, job, handler)


def _fail(work: Work, handler: Handler, error: PliantError) -> None:
    with transaction(work.context.sessions) as session:
        job = ledger.fail(session, work.job_id, work.token, error)
        handler.on_failure(session, job, error)


def _spend(work: Work, handler: Handler, error: PliantError) -> None:
    with transaction(work.context.sessions) as session:
        job = ledger.spend_attempt(session, work.job_id, work.token, error)
        record_end(session, job, handler)


def record_end(session: Session, job: Job, handler: Handler) -> None:
    """Tell the subject, if the job is over without a result."""
    if job.state not in ("failed", "quarantined", "cancelled"):
        return
    error = ProcessingFailed(job.error_code or job.state, job.error_message or job.state)
    handler.on_failure(session, job, error)


class LeaseKeeper:
    """A thread that renews the lease while the handler works, on a connection of its own."""

    def __init__(self, work: Work, *, lease_seconds: float) -> None:
        self._work = work
        self._lease_seconds = lease_seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="lease", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        interval = self._lease_seconds / RENEWALS_PER_LEASE
        renew_at = time.monotonic() + interval
        stop_at: float | None = None
        while not self._over.wait(min(LOOK_SECONDS, interval)):
            if time.monotonic() >= renew_at:
                self._renew()
                renew_at = time.monotonic() + interval
            if stop_at is None and self._work.context.stopping.is_set:
                stop_at = time.monotonic() + STOP_GRACE_SECONDS
            if stop_at is not None and time.monotonic() >= stop_at:
                self._leave()

    def _renew(self) -> None:
        try:
            with transaction(self._work.context.sessions) as session:
                state = ledger.renew(
                    session,
                    self._work.job_id,
                    self._work.token,
                    lease_seconds=self._lease_seconds,
                )
        except SQLAlchemyError:
            log.exception("job.lease_not_renewed", **_name(self._work))
            return
        if state is LeaseState.LOST:
            self._work.lost.set()
        elif state is LeaseState.CANCELLED:
            self._work.cancelled.set()

    def _leave(self) -> None:
        """Give the job back and end this process: the handler did not stop by itself."""
        try:
            with transaction(self._work.context.sessions) as session:
                ledger.release(session, self._work.job_id, self._work.token)
        except StaleAttempt:
            if self._work.finished.is_set():
                return
        except SQLAlchemyError:
            log.exception("job.not_given_back", **_name(self._work))
        os._exit(0)
