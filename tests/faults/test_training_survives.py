"""A training worker is killed in the middle of a run: it goes on, to the very same network."""

import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import func, update

from app.db.session import SessionMaker, transaction
from app.db.tables import Job, TrainingRun
from app.security.permissions import SYSTEM
from app.services import training_requests, training_runs
from app.services.training_cells import Selection
from app.services.training_requests import NewRun
from app.services.training_runs import OVER, TrainingRunView
from tests.faults.processes import WORKER_OPTIONS, Process, wait_until
from tests.integration.sorted_samples import trainable
from tests.laboratory import Laboratory, open_laboratory
from worker.retraining import NICENESS

pytestmark = pytest.mark.faults

CONFIG = {"folds": 3, "epochs": 8, "batch_size": 32, "seed": 3}
N_EPOCHS = 4 * 8
RUN_SECONDS = 240
WORKER = (
    sys.executable, "-m", "celery", "-A", "worker.main", "worker", "-Q", "training", "-c", "1",
    *WORKER_OPTIONS,
)  # fmt: skip


@dataclass(frozen=True)
class TrainingHouse:
    """A sweeper, a worker of the training queue, and what there is to train on."""

    laboratory: Laboratory
    worker: Process

    def start_run(self) -> uuid.UUID:
        with transaction(self.laboratory.sessions) as session:
            new = NewRun("spring", Selection(), CONFIG)
            return training_requests.start_run(session, SYSTEM, new, is_enabled=True).id

    def look(self, run_id: uuid.UUID) -> TrainingRunView:
        with transaction(self.laboratory.sessions) as session:
            return training_runs.get_run(session, run_id)

    def finish(self, run_id: uuid.UUID) -> TrainingRunView:
        wait_until(lambda: self.look(run_id).state in OVER, seconds=RUN_SECONDS)
        return self.look(run_id)

    def expire_leases(self) -> None:
        """What time alone would do."""
        with transaction(self.laboratory.sessions) as session:
            session.execute(update(Job).values(lease_until=func.clock_timestamp()))

    def attempts(self, run_id: uuid.UUID) -> int:
        with transaction(self.laboratory.sessions) as session:
            return session.get_one(Job, session.get_one(TrainingRun, run_id).job_id).attempts


@pytest.fixture
def house(
    sessions: SessionMaker, database_url: str, broker_url: str, tmp_path: Path
) -> Iterator[TrainingHouse]:
    laboratory = open_laboratory(sessions, database_url, tmp_path)
    trainable(laboratory, has_pixels=True)
    env = {
        "PLIANT_DATABASE_URL": database_url,
        "PLIANT_BROKER_URL": broker_url,
        "PLIANT_STORAGE_URL": (tmp_path / "storage").as_uri(),
    }
    with ExitStack() as started:
        for name, command in {"sweeper": (sys.executable, "-m", "worker.sweeper"),
                              "worker": WORKER}.items():  # fmt: skip
            process = Process(command, env=env, log=tmp_path / f"{name}.log")
            started.callback(process.kill)
        yield TrainingHouse(laboratory, process)


def test_a_killed_run_goes_on_from_its_last_epoch_to_the_same_weights(
    house: TrainingHouse,
) -> None:
    undisturbed = house.finish(house.start_run())
    assert undisturbed.state == "done", undisturbed.failure
    assert len(undisturbed.history) == N_EPOCHS
    assert house.worker.niceness() >= NICENESS, "scans come first"

    run_id = house.start_run()
    wait_until(lambda: len(house.look(run_id).history) > N_EPOCHS // 3, seconds=RUN_SECONDS)
    house.worker.kill()
    before = house.look(run_id)
    assert before.state == "running"
    house.expire_leases()
    house.worker.start()
    resumed = house.finish(run_id)

    assert resumed.state == "done", resumed.failure
    assert house.attempts(run_id) == 2
    assert resumed.history[: len(before.history)] == before.history
    told = Counter((one["fit"], one["epoch"]) for one in resumed.history)
    assert set(told.values()) == {1}, "no epoch is repeated"
    assert resumed.dataset_sha256 == undisturbed.dataset_sha256
    # A network is named by the hash of its file: the same weights are the same version.
    assert resumed.model_version_id == undisturbed.model_version_id
    assert resumed.metrics is not None
    assert undisturbed.metrics is not None
    assert resumed.metrics["confusion"] == undisturbed.metrics["confusion"]
