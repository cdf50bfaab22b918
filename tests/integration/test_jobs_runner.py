"""The runner and the sweeper, called as functions: how an attempt ends, and what gets rung."""

import datetime as dt
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.session import SessionMaker, transaction
from app.db.tables import AuditEntry, Heartbeat, Job
from app.domain.errors import PliantError, ProcessingFailed, Unavailable
from app.jobs import ledger
from app.jobs.kinds import LIMITS, JobKind, Queue
from app.settings import Settings
from app.storage import open_store
from tests.conftest import empty_broker
from worker import runner
from worker.broker import Doorbell, make_celery
from worker.context import Context, Work
from worker.runner import Handler
from worker.sweeper import HEARTBEAT_NAME, LEAST_BOUND, Sweeper

NO_BROKER = "redis+socket:///nowhere/valkey.sock"


@pytest.fixture
def context(sessions: SessionMaker) -> Context:
    return Context(settings=Settings(), sessions=sessions, store=open_store("memory://"))


@pytest.fixture
def doorbell(broker_url: str) -> Iterator[Doorbell]:
    bell = Doorbell(make_celery(Settings(broker_url=broker_url)))
    yield bell
    bell.hang_up()


class Consequences:
    """A failure hook that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def __call__(self, session: Session, job: Job, error: PliantError) -> None:
        assert session.in_transaction()
        self.told.append((job.state, error.code))


def enqueue(
    sessions: SessionMaker, kind: JobKind = JobKind.INSPECT_IMAGE, *, priority: int | None = None
) -> uuid.UUID:
    with transaction(sessions) as session:
        job_id = ledger.enqueue(session, kind, uuid.uuid4(), priority=priority)
    assert job_id is not None
    return job_id


def state_of(sessions: SessionMaker, job_id: uuid.UUID) -> tuple[str, int]:
    with transaction(sessions) as session:
        job = session.get_one(Job, job_id)
        return job.state, job.attempts


def change(sessions: SessionMaker, job_id: uuid.UUID, act: Callable[[Job], None]) -> None:
    with transaction(sessions) as session:
        act(session.get_one(Job, job_id, with_for_update=True))


def lose_lease(sessions: SessionMaker, job_id: uuid.UUID) -> None:
    def expire(job: Job) -> None:
        job.lease_until = job.created_at

    change(sessions, job_id, expire)


def ring_was_long_ago(sessions: SessionMaker, job_id: uuid.UUID) -> None:
    def rung_then(job: Job) -> None:
        job.published_at = job.created_at - dt.timedelta(seconds=4)

    change(sessions, job_id, rung_then)


def do_nothing(work: Work) -> None:
    with work.finish():
        pass


def run(context: Context, job_id: uuid.UUID, handler: Handler) -> None:
    runner.run(job_id, context, {JobKind.INSPECT_IMAGE: handler})


def test_a_job_is_done_when_its_handler_finished_it(context: Context) -> None:
    job_id = enqueue(context.sessions)
    run(context, job_id, Handler(do_nothing))
    assert state_of(context.sessions, job_id) == ("done", 1)


def test_a_message_rung_twice_runs_its_job_once(context: Context) -> None:
    job_id = enqueue(context.sessions)
    runs: list[uuid.UUID] = []

    def count(work: Work) -> None:
        runs.append(work.subject_id)
        do_nothing(work)

    run(context, job_id, Handler(count))
    run(context, job_id, Handler(count))
    assert len(runs) == 1


def test_a_refusal_fails_the_job_and_tells_its_subject_in_one_transaction(
    context: Context,
) -> None:
    job_id = enqueue(context.sessions)
    consequences = Consequences()

    def refuse(work: Work) -> None:
        raise ProcessingFailed("too_dark", "The image is black; scan the well again.")

    run(context, job_id, Handler(refuse, consequences))
    assert state_of(context.sessions, job_id) == ("failed", 1)
    assert consequences.told == [("failed", "too_dark")]


def test_a_hook_that_breaks_leaves_the_job_unfailed(context: Context) -> None:
    job_id = enqueue(context.sessions)

    def refuse(work: Work) -> None:
        raise ProcessingFailed("too_dark", "The image is black; scan the well again.")

    def break_down(session: Session, job: Job, error: PliantError) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        run(context, job_id, Handler(refuse, break_down))
    assert state_of(context.sessions, job_id) == ("running", 1)


def test_a_crash_spends_an_attempt_and_the_last_one_quarantines(context: Context) -> None:
    job_id = enqueue(context.sessions)
    consequences = Consequences()

    def crash(work: Work) -> None:
        raise ZeroDivisionError

    def due(job: Job) -> None:
        job.not_before = job.created_at

    for expected in (("queued", 1), ("queued", 2), ("quarantined", 3)):
        run(context, job_id, Handler(crash, consequences))
        assert state_of(context.sessions, job_id) == expected
        change(context.sessions, job_id, due)
    assert consequences.told == [("quarantined", "internal_error")]


def test_what_is_unavailable_now_is_tried_again(context: Context) -> None:
    job_id = enqueue(context.sessions)
    consequences = Consequences()

    def wait_for_storage(work: Work) -> None:
        raise Unavailable("storage_unavailable", "The file could not be read; try again.")

    run(context, job_id, Handler(wait_for_storage, consequences))
    assert state_of(context.sessions, job_id) == ("queued", 1)
    assert consequences.told == []


def test_a_handler_that_forgets_to_finish_has_crashed(context: Context) -> None:
    job_id = enqueue(context.sessions)

    def forget(work: Work) -> None: ...

    run(context, job_id, Handler(forget))
    assert state_of(context.sessions, job_id) == ("queued", 1)


def test_a_stale_attempt_writes_nothing_but_its_audit_entry(context: Context) -> None:
    job_id = enqueue(context.sessions)

    def dawdle(work: Work) -> None:
        lose_lease(context.sessions, job_id)
        with transaction(context.sessions) as session:
            ledger.expire(session, job_id)
        run(context, job_id, Handler(do_nothing))
        with work.finish() as session:
            session.add(Heartbeat(name="ghost", at=func.now(), report={}))

    run(context, job_id, Handler(dawdle))
    assert state_of(context.sessions, job_id) == ("done", 2)
    with transaction(context.sessions) as session:
        assert session.get(Heartbeat, "ghost") is None
        actions = session.scalars(select(AuditEntry.action)).all()
    assert actions == ["job.stale_attempt"]


def test_what_a_handler_writes_is_gone_if_it_breaks_while_finishing(context: Context) -> None:
    job_id = enqueue(context.sessions)

    def break_late(work: Work) -> None:
        with work.finish() as session:
            session.add(Heartbeat(name="half", at=func.now(), report={}))
            session.flush()
            raise ZeroDivisionError

    run(context, job_id, Handler(break_late))
    assert state_of(context.sessions, job_id) == ("queued", 1)
    with transaction(context.sessions) as session:
        assert session.get(Heartbeat, "half") is None


def test_a_stopping_process_gives_the_job_back_at_the_next_checkpoint(context: Context) -> None:
    job_id = enqueue(context.sessions)

    def long_work(work: Work) -> None:
        work.checkpoint()
        context.stopping.is_set = True
        work.checkpoint()
        raise AssertionError("not reached")

    run(context, job_id, Handler(long_work))
    assert state_of(context.sessions, job_id) == ("queued", 0)


def test_a_long_job_keeps_its_lease_and_hears_of_its_cancellation(context: Context) -> None:
    job_id = enqueue(context.sessions)
    limits = {JobKind.INSPECT_IMAGE: replace(LIMITS[JobKind.INSPECT_IMAGE], lease_seconds=1)}
    consequences = Consequences()

    def long_work(work: Work) -> None:
        time.sleep(1.5)
        with transaction(context.sessions) as session:
            assert ledger.expire(session, job_id) is None
            ledger.request_cancel(session, job_id)
        for _ in range(100):
            work.checkpoint()
            time.sleep(0.05)

    handlers = {JobKind.INSPECT_IMAGE: Handler(long_work, consequences)}
    runner.run(job_id, context, handlers, limits=limits)
    assert state_of(context.sessions, job_id) == ("cancelled", 1)
    assert consequences.told == [("cancelled", "cancelled")]


def test_the_bell_is_rung_for_the_most_urgent_and_no_more_than_the_bound(
    sessions: SessionMaker, doorbell: Doorbell
) -> None:
    for _ in range(40):
        enqueue(sessions)
    urgent = enqueue(sessions, priority=-100)
    sweeper = Sweeper(sessions, doorbell, {}, scan_slots=1)
    assert sweeper.ring()
    assert sweeper.ring()
    rung = doorbell.rung("scans")
    assert len(rung) == LEAST_BOUND
    assert urgent in rung


def test_only_the_queues_that_were_named_are_rung_for(
    sessions: SessionMaker, doorbell: Doorbell
) -> None:
    for _ in range(LEAST_BOUND + 1):
        enqueue(sessions)
    sweeper = Sweeper(sessions, doorbell, {}, scan_slots=1)
    assert sweeper.ring({Queue.OUTBOUND}) == frozenset()
    assert doorbell.rung("scans") == []
    assert sweeper.ring({Queue.SCANS}) == {Queue.SCANS}
    assert len(doorbell.rung("scans")) == LEAST_BOUND


def test_a_job_that_lies_in_the_list_is_not_rung_for_again(
    sessions: SessionMaker, doorbell: Doorbell
) -> None:
    job_id = enqueue(sessions)
    sweeper = Sweeper(sessions, doorbell, {}, scan_slots=1)
    sweeper.ring()

    ring_was_long_ago(sessions, job_id)
    assert not sweeper.ring()
    assert doorbell.rung("scans") == [job_id]


def test_a_wiped_broker_is_rung_again_after_three_seconds(
    sessions: SessionMaker, doorbell: Doorbell, broker_url: str
) -> None:
    job_id = enqueue(sessions)
    sweeper = Sweeper(sessions, doorbell, {}, scan_slots=1)
    sweeper.ring()
    empty_broker(broker_url)
    sweeper.ring()
    assert doorbell.rung("scans") == []
    ring_was_long_ago(sessions, job_id)
    sweeper.ring()
    assert doorbell.rung("scans") == [job_id]


def test_without_a_broker_leases_are_still_taken_back_and_the_web_process_is_told(
    sessions: SessionMaker,
) -> None:
    job_id = enqueue(sessions)
    with transaction(sessions) as session:
        ledger.claim(session, job_id)
    lose_lease(sessions, job_id)
    doorbell = Doorbell(make_celery(Settings(broker_url=NO_BROKER)))
    sweeper = Sweeper(sessions, doorbell, {}, scan_slots=1)
    assert not sweeper.ring()
    sweeper.take_back()
    sweeper.report()
    assert state_of(sessions, job_id) == ("queued", 1)
    with transaction(sessions) as session:
        report = session.get_one(Heartbeat, HEARTBEAT_NAME).report
    assert report["broker_ok"] is False
    assert report["broker_error"]
    assert 0 <= report["oldest_waiting_seconds"] < 60


def test_the_report_says_that_the_broker_answers_again(
    sessions: SessionMaker, doorbell: Doorbell
) -> None:
    Sweeper(
        sessions, Doorbell(make_celery(Settings(broker_url=NO_BROKER))), {}, scan_slots=1
    ).ring()
    sweeper = Sweeper(sessions, doorbell, {}, scan_slots=1)
    sweeper.ring()
    sweeper.report()
    with transaction(sessions) as session:
        heartbeat = session.get_one(Heartbeat, HEARTBEAT_NAME)
    assert heartbeat.report == {
        "broker_ok": True,
        "broker_error": None,
        "oldest_waiting_seconds": None,
    }


def test_a_job_out_of_attempts_is_quarantined_even_if_another_cannot_be(
    sessions: SessionMaker, doorbell: Doorbell
) -> None:
    bad, good = (enqueue(sessions), enqueue(sessions))

    def last_attempt(job: Job) -> None:
        job.attempts = job.max_attempts - 1

    for job_id in (bad, good):
        change(sessions, job_id, last_attempt)
        with transaction(sessions) as session:
            ledger.claim(session, job_id)
        lose_lease(sessions, job_id)
    consequences = Consequences()

    def break_for_one(session: Session, job: Job, error: PliantError) -> None:
        if job.id == bad:
            raise LookupError
        consequences(session, job, error)

    handlers = {JobKind.INSPECT_IMAGE: Handler(do_nothing, break_for_one)}
    Sweeper(sessions, doorbell, handlers, scan_slots=1).take_back()
    assert state_of(sessions, bad) == ("running", 3)
    assert state_of(sessions, good) == ("quarantined", 3)
    assert consequences.told == [("quarantined", "worker_lost")]
