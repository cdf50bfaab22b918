"""A broker and a database with a table of results, and the toy worker and sweeper upon them."""

import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from app.db.session import SessionMaker, make_engine, transaction
from app.db.tables import Job
from app.jobs import ledger
from app.jobs.kinds import JobKind
from tests.faults.processes import START_SECONDS, Process, wait_until, worker_command

TOY = "tests.faults.toy_app"


@dataclass
class ToyHouse:
    """The parts of an installation that a test may start, freeze and kill."""

    sessions: SessionMaker
    env: dict[str, str]
    folder: Path
    started: ExitStack = field(default_factory=ExitStack)

    def start_sweeper(self, app: str = TOY) -> Process:
        return self._start((sys.executable, "-m", app), "sweeper", {})

    def start_worker(
        self, *, processes: int = 2, name: str = "worker", app: str = TOY, **env: str
    ) -> Process:
        return self._start(worker_command(app, processes=processes, name=name), name, env)

    def _start(self, command: tuple[str, ...], name: str, env: dict[str, str]) -> Process:
        process = Process(command, env=self.env | env, log=self.folder / f"{name}.log")
        self.started.callback(process.kill)
        return process

    def enqueue(self, n: int, kind: JobKind = JobKind.INSPECT_IMAGE) -> list[uuid.UUID]:
        with transaction(self.sessions) as session:
            ids = [ledger.enqueue(session, kind, uuid.uuid4()) for _ in range(n)]
        return [job_id for job_id in ids if job_id is not None]

    def count(self, state: str, kind: JobKind = JobKind.INSPECT_IMAGE) -> int:
        with transaction(self.sessions) as session:
            found = select(func.count()).where(Job.state == state, Job.kind == kind)
            return session.scalar(found) or 0

    def attempts_by_state(self) -> set[tuple[str, int]]:
        with transaction(self.sessions) as session:
            return {(row[0], row[1]) for row in session.execute(select(Job.state, Job.attempts))}

    def results(self) -> list[uuid.UUID]:
        with transaction(self.sessions) as session:
            return list(session.scalars(text("SELECT job_id FROM toy_results")))

    def execute(self, sql: str) -> None:
        with transaction(self.sessions) as session:
            session.execute(text(sql))


def await_done(house: ToyHouse, n: int) -> None:
    wait_until(lambda: house.count("done") >= n, seconds=START_SECONDS)


@pytest.fixture
def house(
    sessions: SessionMaker,
    database_url: str,
    owner_database_url: str,
    broker_url: str,
    tmp_path: Path,
) -> Iterator[ToyHouse]:
    engine = make_engine(owner_database_url)
    with engine.begin() as connection:
        connection.execute(
            text("CREATE TABLE toy_results (job_id uuid UNIQUE NOT NULL, subject_id uuid NOT NULL)")
        )
        connection.execute(text("GRANT SELECT, INSERT ON toy_results TO PUBLIC"))
    engine.dispose()
    env = {
        "PLIANT_DATABASE_URL": database_url,
        "PLIANT_BROKER_URL": broker_url,
        "PLIANT_STORAGE_URL": (tmp_path / "storage").as_uri(),
    }
    toy_house = ToyHouse(sessions, env, tmp_path)
    with toy_house.started:
        yield toy_house
