"""What is pruned at night, what stays, and that a night has one turn."""

import datetime as dt
import uuid
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.session import SessionMaker, make_engine, make_sessions, transaction
from app.db.tables import IdempotentAnswer, Job, TimetableSlot
from app.domain.errors import Conflict
from app.embedded import postgres
from app.jobs.kinds import JobKind
from app.services import first_start, pruning

OLD = dt.timedelta(days=31)


def add_job(session: Session, *, state: str = "done", age: dt.timedelta = OLD, kind: str) -> None:
    at = dt.datetime.now(dt.UTC) - age
    session.add(
        Job(kind=kind, queue="scans", subject_id=uuid.uuid4(), max_attempts=3, state=state,
            created_at=at, finished_at=at)
    )  # fmt: skip


def add_answer(session: Session, key: str, *, age: dt.timedelta) -> None:
    session.add(
        IdempotentAnswer(
            principal="key:1", route="POST /x", key=key, body_sha256="0" * 64, status=201,
            answer={}, headers={}, created_at=dt.datetime.now(dt.UTC) - age,
        )
    )  # fmt: skip


def test_old_done_jobs_and_answers_go_and_everything_else_stays(sessions: SessionMaker) -> None:
    with transaction(sessions) as session:
        add_job(session, kind=JobKind.INSPECT_IMAGE)
        add_job(session, kind=JobKind.INSPECT_IMAGE, age=dt.timedelta(days=29))
        add_job(session, kind=JobKind.INSPECT_IMAGE, state="quarantined")
        add_job(session, kind=JobKind.INSPECT_IMAGE, state="failed")
        add_job(session, kind=JobKind.MAKE_DEMONSTRATION)
        add_answer(session, "old", age=dt.timedelta(days=8))
        add_answer(session, "new", age=dt.timedelta(days=6))
    with transaction(sessions) as session:
        n_rows = pruning.prune(session)
        assert (n_rows["jobs"], n_rows["idempotent_answers"]) == (1, 1)
        assert session.scalar(select(func.count()).select_from(Job)) == 4
        assert session.scalars(select(IdempotentAnswer.key)).all() == ["new"]


def test_a_night_is_pruned_once_and_a_large_heap_in_batches(
    sessions: SessionMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)
    with transaction(sessions) as session:
        for _ in range(5):
            add_job(session, kind=JobKind.CLASSIFY_IMAGE)
    left = []
    for _ in range(4):
        with transaction(sessions) as session:
            pruning.prune_nightly(session)
            left.append(session.scalar(select(func.count()).select_from(Job)))
    assert left == [3, 1, 0, 0]
    with transaction(sessions) as session:
        add_job(session, kind=JobKind.CLASSIFY_IMAGE)
        pruning.prune_nightly(session)
        assert session.scalar(select(func.count()).select_from(Job)) == 1, "until tomorrow"
        taken = session.scalars(select(TimetableSlot.name)).all()
        assert taken.count(pruning.SLOT) == 1


def test_a_superuser_is_refused_as_the_role_of_the_program(
    postgres_dir: Path, fresh_database: str
) -> None:
    for url, is_refused in (
        (postgres.superuser_url(postgres_dir, fresh_database), True),
        (postgres.app_url(postgres_dir, fresh_database), False),
    ):
        engine = make_engine(url)
        with transaction(make_sessions(engine)) as session:
            if is_refused:
                with pytest.raises(Conflict, match="database_superuser"):
                    first_start.refuse_superuser(session)
            else:
                first_start.refuse_superuser(session)
        engine.dispose()
