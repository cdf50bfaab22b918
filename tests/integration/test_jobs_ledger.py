"""The ledger: who may take a job, who may finish it, and what becomes of one nobody finishes."""

import uuid

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.queries import jobs as job_queries
from app.db.tables import Job
from app.domain.errors import Conflict, NotFound, ProcessingFailed
from app.jobs import ledger
from app.jobs.kinds import LIMITS, JobKind
from app.jobs.ledger import Claim, LeaseState, StaleAttempt

CRASH = ProcessingFailed("internal_error", "The handler crashed.")


def queued(session: Session, kind: JobKind = JobKind.INSPECT_IMAGE) -> uuid.UUID:
    job_id = ledger.enqueue(session, kind, uuid.uuid4())
    assert job_id is not None
    return job_id


def taken(session: Session, job_id: uuid.UUID) -> Claim:
    claim = ledger.claim(session, job_id)
    assert claim is not None
    return claim


def row(session: Session, job_id: uuid.UUID) -> Job:
    session.expire_all()
    return session.get_one(Job, job_id)


def let_lease_run_out(session: Session, job_id: uuid.UUID) -> None:
    session.execute(
        text("UPDATE jobs SET lease_until = clock_timestamp() - interval '1 s' WHERE id = :id"),
        {"id": job_id},
    )


def let_backoff_pass(session: Session, job_id: uuid.UUID) -> None:
    session.execute(
        text("UPDATE jobs SET not_before = clock_timestamp() WHERE id = :id"), {"id": job_id}
    )


def waits_seconds(session: Session, job_id: uuid.UUID) -> float:
    return float(
        session.scalar(
            text(
                "SELECT extract(epoch FROM not_before - clock_timestamp()) FROM jobs WHERE id = :id"
            ),
            {"id": job_id},
        )
        or 0.0
    )


def test_a_job_takes_queue_priority_and_attempts_from_its_kind(session: Session) -> None:
    job = row(session, queued(session, JobKind.SCORE_ANALYSIS))
    limits = LIMITS[JobKind.SCORE_ANALYSIS]
    assert (job.queue, job.priority, job.max_attempts) == (
        limits.queue, limits.priority, limits.max_attempts
    )  # fmt: skip


def test_a_dedupe_key_is_queued_once(session: Session) -> None:
    subject = uuid.uuid4()
    first = ledger.enqueue(session, JobKind.SCORE_ANALYSIS, subject, dedupe_key="score:1")
    second = ledger.enqueue(session, JobKind.SCORE_ANALYSIS, subject, dedupe_key="score:1")
    assert first is not None
    assert second is None


def test_a_job_is_claimed_once(session: Session) -> None:
    job_id = queued(session)
    claim = taken(session, job_id)
    assert (claim.token, claim.attempt) == (1, 1)
    assert ledger.claim(session, job_id) is None


def test_lease_and_deadline_follow_the_kind_by_the_databases_clock(session: Session) -> None:
    job_id = queued(session, JobKind.TRAIN)
    taken(session, job_id)
    lease, deadline = session.execute(
        text(
            "SELECT extract(epoch FROM lease_until - clock_timestamp()),"
            " extract(epoch FROM deadline_at - clock_timestamp()) FROM jobs WHERE id = :id"
        ),
        {"id": job_id},
    ).one()
    assert float(lease) == pytest.approx(20, abs=1)
    assert float(deadline) == pytest.approx(24 * 3600, abs=1)


def test_a_worker_takes_only_the_kinds_it_can_do(session: Session) -> None:
    job_id = queued(session, JobKind.TRAIN)
    can_do = {JobKind.INSPECT_IMAGE: LIMITS[JobKind.INSPECT_IMAGE]}
    assert ledger.claim(session, job_id, limits=can_do) is None


def test_finishing_needs_the_token(session: Session) -> None:
    claim = taken(session, queued(session))
    with pytest.raises(StaleAttempt):
        ledger.finish(session, claim.job_id, claim.token + 1)
    ledger.finish(session, claim.job_id, claim.token)
    assert row(session, claim.job_id).state == "done"
    with pytest.raises(StaleAttempt):
        ledger.finish(session, claim.job_id, claim.token)


def test_a_lost_lease_gives_the_job_to_the_next_and_shuts_out_the_last(session: Session) -> None:
    first = taken(session, queued(session))
    let_lease_run_out(session, first.job_id)
    assert list(job_queries.expired_ids(session)) == [first.job_id]
    ledger.expire(session, first.job_id)
    second = taken(session, first.job_id)
    assert second.token > first.token
    assert ledger.renew(session, first.job_id, first.token, lease_seconds=20) is LeaseState.LOST
    with pytest.raises(StaleAttempt):
        ledger.finish(session, first.job_id, first.token)
    ledger.finish(session, second.job_id, second.token)


def test_a_held_lease_is_not_taken_back(session: Session) -> None:
    claim = taken(session, queued(session))
    assert list(job_queries.expired_ids(session)) == []
    assert ledger.expire(session, claim.job_id) is None
    assert row(session, claim.job_id).state == "running"


def test_a_lease_is_never_renewed_past_the_deadline(session: Session) -> None:
    claim = taken(session, queued(session))
    session.execute(
        text("UPDATE jobs SET deadline_at = clock_timestamp() + interval '3 s' WHERE id = :id"),
        {"id": claim.job_id},
    )
    held = ledger.renew(session, claim.job_id, claim.token, lease_seconds=20)
    job = row(session, claim.job_id)
    assert held is LeaseState.HELD
    assert job.lease_until == job.deadline_at
    session.execute(
        text("UPDATE jobs SET deadline_at = clock_timestamp() WHERE id = :id"),
        {"id": claim.job_id},
    )
    lost = ledger.renew(session, claim.job_id, claim.token, lease_seconds=20)
    assert lost is LeaseState.LOST


def test_a_crash_is_retried_at_once_then_later_then_quarantined(session: Session) -> None:
    job_id = queued(session)
    waits = []
    for _ in range(2):
        claim = taken(session, job_id)
        ledger.spend_attempt(session, job_id, claim.token, CRASH)
        waits.append(waits_seconds(session, job_id))
        let_backoff_pass(session, job_id)
    claim = taken(session, job_id)
    ledger.spend_attempt(session, job_id, claim.token, CRASH)
    job = row(session, job_id)
    assert waits[0] <= 0
    assert waits[1] == pytest.approx(ledger.FIRST_BACKOFF_SECONDS, abs=1)
    assert (job.state, job.attempts, job.error_code) == ("quarantined", 3, "internal_error")
    assert job.finished_at is not None


def test_a_job_whose_workers_keep_dying_is_quarantined(session: Session) -> None:
    job_id = queued(session)
    for _ in range(3):
        let_backoff_pass(session, job_id)
        taken(session, job_id)
        let_lease_run_out(session, job_id)
        ledger.expire(session, job_id)
    job = row(session, job_id)
    assert (job.state, job.attempts, job.error_code) == ("quarantined", 3, "worker_lost")


def test_a_refusal_by_the_domain_is_not_retried(session: Session) -> None:
    claim = taken(session, queued(session))
    ledger.fail(session, claim.job_id, claim.token, ProcessingFailed("bmp_size", "Too small."))
    job = row(session, claim.job_id)
    assert (job.state, job.error_code, job.error_message) == ("failed", "bmp_size", "Too small.")


def test_a_released_job_has_its_attempt_back(session: Session) -> None:
    claim = taken(session, queued(session))
    ledger.release(session, claim.job_id, claim.token)
    job = row(session, claim.job_id)
    assert (job.state, job.attempts, job.published_at) == ("queued", 0, None)
    assert taken(session, claim.job_id).token > claim.token


def test_a_queued_job_is_cancelled_at_once(session: Session) -> None:
    job_id = queued(session)
    assert ledger.request_cancel(session, job_id).state == "cancelled"
    assert ledger.claim(session, job_id) is None


def test_a_running_job_hears_of_its_cancellation_when_it_renews(session: Session) -> None:
    claim = taken(session, queued(session))
    assert ledger.request_cancel(session, claim.job_id).state == "running"
    state = ledger.renew(session, claim.job_id, claim.token, lease_seconds=20)
    assert state is LeaseState.CANCELLED
    ledger.cancel_running(session, claim.job_id, claim.token)
    assert row(session, claim.job_id).state == "cancelled"


def test_a_cancelled_job_whose_worker_died_is_not_run_again(session: Session) -> None:
    claim = taken(session, queued(session))
    ledger.request_cancel(session, claim.job_id)
    let_lease_run_out(session, claim.job_id)
    ledger.expire(session, claim.job_id)
    assert row(session, claim.job_id).state == "cancelled"


def test_what_is_over_runs_again_on_demand_with_all_its_attempts(session: Session) -> None:
    claim = taken(session, queued(session))
    ledger.fail(session, claim.job_id, claim.token, CRASH)
    ledger.requeue(session, claim.job_id)
    job = row(session, claim.job_id)
    assert (job.state, job.attempts, job.error_code) == ("queued", 0, None)
    with pytest.raises(Conflict, match="job_not_over"):
        ledger.requeue(session, claim.job_id)


def test_an_unknown_job_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound, match="job_unknown"):
        ledger.requeue(session, uuid.uuid4())
    with pytest.raises(NotFound, match="job_unknown"):
        ledger.request_cancel(session, uuid.uuid4())


def test_every_kind_has_limits() -> None:
    assert set(LIMITS) == set(JobKind)
