"""COPY and NOTIFY belong to the transaction that uses them."""

import uuid

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.bulk import copy_rows
from app.db.notifications import JOBS_CHANNEL, listen
from app.db.session import SessionMaker, transaction
from app.db.tables import Job
from app.jobs import ledger
from app.jobs.kinds import JobKind

COLUMNS = (Job.id, Job.kind, Job.queue, Job.subject_id, Job.max_attempts, Job.dedupe_key)


def job_rows(n: int) -> list[tuple[object, ...]]:
    return [(uuid.uuid4(), "toy", "scans", uuid.uuid4(), 3, f"tab\t {i} \\N é") for i in range(n)]


def test_copied_rows_arrive_as_they_were_with_defaults_for_the_rest(session: Session) -> None:
    rows = job_rows(3)
    copy_rows(session, Job, COLUMNS, rows)
    found = session.execute(select(*COLUMNS)).all()
    assert sorted(map(tuple, found)) == sorted(rows, key=lambda row: str(row[0]))
    assert set(session.scalars(select(Job.state))) == {"queued"}


def test_a_copy_that_is_rolled_back_leaves_nothing(sessions: SessionMaker) -> None:
    def copy_and_fail() -> None:
        with transaction(sessions) as session:
            copy_rows(session, Job, COLUMNS, job_rows(100))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        copy_and_fail()
    with transaction(sessions) as session:
        assert session.scalar(select(func.count()).select_from(Job)) == 0


def test_a_listener_hears_of_work_only_once_it_is_committed(
    sessions: SessionMaker, database_url: str
) -> None:
    with listen(database_url, [JOBS_CHANNEL]) as listener:
        with sessions() as session:
            ledger.enqueue(session, JobKind.TRAIN, uuid.uuid4())
            assert listener.wait(0.1) == set()
            session.rollback()
        assert listener.wait(0.1) == set()
        with transaction(sessions) as session:
            ledger.enqueue(session, JobKind.TRAIN, uuid.uuid4())
            ledger.enqueue(session, JobKind.INSPECT_IMAGE, uuid.uuid4())
        heard = listener.wait(5) | listener.wait(0.1)
    assert heard == {(JOBS_CHANNEL, "training"), (JOBS_CHANNEL, "scans")}
