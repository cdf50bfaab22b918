"""`python -m worker.sweeper`: rings for what waits, takes back what was lost.

Several may run; one leads, by an advisory lock, and overlap would do no harm. What it does in
the database goes on while the broker is frozen or gone.
"""

import datetime as dt
import signal
import time
import uuid
from collections.abc import Collection
from types import FrameType
from typing import Final

import psycopg
import structlog
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from app.db.notifications import JOBS_CHANNEL, Listener, listen
from app.db.queries import jobs as job_queries
from app.db.session import SessionMaker, make_engine, make_sessions, transaction
from app.db.tables import Heartbeat
from app.jobs import ledger
from app.jobs.kinds import LIMITS, JobKind, Queue
from app.observability import configure_logs
from app.services import deliveries, pruning
from app.settings import Settings
from worker import controls
from worker.broker import BROKER_ERRORS, Doorbell, make_celery
from worker.context import StopFlag, required_database_url
from worker.runner import Handlers, LimitsByKind, record_end
from worker.tasks import HANDLERS

log = structlog.get_logger()

LEADER_LOCK: Final = 5_045_000_002
"""Advisory lock of the leading sweeper; the number is arbitrary."""
HEARTBEAT_NAME: Final = "sweeper"
TICK_SECONDS: Final = 1.0
BACKLOG_TICK_SECONDS: Final = 0.05
"""While more waits than was rung for: short, so that quick jobs do not wait for the next tick."""
DATABASE_TICK_SECONDS: Final = 5.0
UNHEARD_AFTER: Final = dt.timedelta(seconds=3)
"""A job rung for this long ago and still queued is rung for again."""
LEAST_BOUND: Final = 8
RINGS_PER_SLOT: Final = 4
ALL_QUEUES: Final = frozenset(Queue)


class Sweeper:
    """What the leader does at each tick."""

    def __init__(
        self,
        sessions: SessionMaker,
        doorbell: Doorbell,
        handlers: Handlers,
        *,
        scan_slots: int,
        limits: LimitsByKind = LIMITS,
    ) -> None:
        self._sessions = sessions
        self._doorbell = doorbell
        self._handlers = handlers
        self._limits = limits
        self._slots = dict.fromkeys(Queue, 1) | {Queue.SCANS: scan_slots}
        self._broker_error: str | None = None

    def ring(self, queues: Collection[Queue] = ALL_QUEUES) -> frozenset[Queue]:
        """Publish what is due, up to each queue's bound; the queues where more may be waiting."""
        try:
            behind = frozenset(queue for queue in Queue if queue in queues and self._ring(queue))
        except BROKER_ERRORS as error:
            self._doorbell.hang_up()
            self._note_broker(f"{type(error).__name__}: {error}")
            return frozenset()
        if queues:
            self._note_broker(None)
        return behind

    def _ring(self, queue: Queue) -> bool:
        rung = self._doorbell.rung(queue)
        room = max(LEAST_BOUND, RINGS_PER_SLOT * self._slots[queue]) - len(rung)
        if room <= 0:
            return True
        due = self._mark_published(queue, rung, room)
        for job_id, kind in due:
            limit = self._limits[JobKind(kind)].deadline_seconds
            self._doorbell.ring(queue, job_id, time_limit_seconds=limit)
        return len(due) == room

    def _mark_published(
        self, queue: Queue, rung: list[uuid.UUID], room: int
    ) -> list[tuple[uuid.UUID, str]]:
        """Choose and mark before publishing: a publication that fails is due again in 3 s."""
        with transaction(self._sessions) as session:
            rows = job_queries.unpublished(
                session,
                queue,
                kinds=list(self._limits),
                excluding=rung,
                older_than=UNHEARD_AFTER,
                limit=room,
            )
            if rows:
                ledger.mark_published(session, [row.id for row in rows])
            return [(row.id, row.kind) for row in rows]

    def _note_broker(self, error: str | None) -> None:
        if error == self._broker_error:
            return
        self._broker_error = error
        log.warning("broker.answers" if error is None else "broker.silent", cause=error)
        self.report()

    def take_back(self) -> None:
        """Queue again, or quarantine, every job whose lease ran out."""
        with transaction(self._sessions) as session:
            expired = job_queries.expired_ids(session)
        for job_id in expired:
            try:
                self._expire(job_id)
            except Exception:  # one bad row or hook must not hold up the others; the log has it
                log.exception("job.not_taken_back", job_id=str(job_id))

    def _expire(self, job_id: uuid.UUID) -> None:
        with transaction(self._sessions) as session:
            job = ledger.expire(session, job_id)
            if job is None:
                return
            log.warning("job.taken_back", job_id=str(job.id), kind=job.kind, state=job.state)
            if handler := self._handlers.get(JobKind(job.kind)):
                record_end(session, job, handler)

    def keep_timetable(self) -> None:
        """Queue what the clock asks for, and take the scores that control runs waited for."""
        with transaction(self._sessions) as session:
            controls.queue_timetabled(session)
            deliveries.wake_if_due(session)
        with transaction(self._sessions) as session:
            pruning.prune_nightly(session)

    def report(self) -> None:
        """Write the row by which the web process learns of the broker and of a standstill."""
        with transaction(self._sessions) as session:
            report = {
                "broker_ok": self._broker_error is None,
                "broker_error": self._broker_error,
                "oldest_waiting_seconds": job_queries.oldest_waiting_seconds(session),
            }
            now = func.clock_timestamp()
            session.execute(
                insert(Heartbeat)
                .values(name=HEARTBEAT_NAME, at=now, report=report)
                .on_conflict_do_update(
                    index_elements=[Heartbeat.name], set_={"at": now, "report": report}
                )
            )


def lead(sweeper: Sweeper, listener: Listener, stop: StopFlag) -> None:
    """Sweep until asked to stop, or until the database connection breaks."""
    database_due_at = all_due_at = 0.0
    touched = ALL_QUEUES
    while not stop.is_set:
        if time.monotonic() >= database_due_at:
            sweeper.take_back()
            sweeper.keep_timetable()
            sweeper.report()
            database_due_at = time.monotonic() + DATABASE_TICK_SECONDS
        if time.monotonic() >= all_due_at:
            touched = ALL_QUEUES
            all_due_at = time.monotonic() + TICK_SECONDS
        behind = sweeper.ring(touched)
        heard = listener.wait(BACKLOG_TICK_SECONDS if behind else TICK_SECONDS)
        # A hundred images arrive one by one: only their own queue is looked at for each.
        touched = behind | {queue for queue in Queue if (JOBS_CHANNEL, queue) in heard}


def sweep(
    settings: Settings, handlers: Handlers, stop: StopFlag, *, limits: LimitsByKind = LIMITS
) -> None:
    """Lead whenever no other sweeper does; outlive every restart of database and broker."""
    database_url = required_database_url(settings)
    sessions = make_sessions(make_engine(database_url, pool_size=1))
    doorbell = Doorbell(make_celery(settings))
    sweeper = Sweeper(sessions, doorbell, handlers, scan_slots=settings.workers, limits=limits)
    while not stop.is_set:
        try:
            with listen(database_url, [JOBS_CHANNEL]) as listener:
                while not stop.is_set and not listener.try_lock(LEADER_LOCK):
                    time.sleep(TICK_SECONDS)
                lead(sweeper, listener, stop)
        except (SQLAlchemyError, psycopg.Error):
            log.exception("database.lost")
            time.sleep(TICK_SECONDS)


def run_until_stopped(
    settings: Settings, handlers: Handlers, *, limits: LimitsByKind = LIMITS
) -> None:
    stop = StopFlag()

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.is_set = True

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    sweep(settings, handlers, stop, limits=limits)


if __name__ == "__main__":
    _settings = Settings()
    configure_logs(_settings.log_format)
    run_until_stopped(_settings, HANDLERS)
