"""A worker trains a run: progress, cancel, stop, failure, and the candidate at the end."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from app.db.session import SessionMaker, transaction
from app.db.tables import (
    AuditEntry,
    Cell,
    ImpactPreview,
    Job,
    ModelVersion,
    ScanImage,
    TrainingRun,
)
from app.jobs import ledger
from app.jobs.kinds import LIMITS, JobKind
from app.jobs.ledger import StaleAttempt
from app.security.permissions import SYSTEM
from app.services import training_requests, training_runs
from app.services.training_cells import Selection
from app.services.training_requests import NewRun
from app.services.training_runs import TrainingRunView
from app.storage import golden_key, image_key, model_key, saliency_key
from models.artefact import Golden, check_onnx
from models.manifest import Manifest
from tests.integration.sorted_samples import trainable
from tests.laboratory import Laboratory, open_laboratory
from worker import runner
from worker.retraining import remove_leftovers
from worker.tasks import HANDLERS

CONFIG = {"folds": 3, "epochs": 2, "batch_size": 32, "seed": 3}
LONG = {"epochs": 200}
TRAIN = {JobKind.TRAIN: HANDLERS[JobKind.TRAIN]}
QUICK = {JobKind.TRAIN: replace(LIMITS[JobKind.TRAIN], lease_seconds=2)}
"""A worker looks four times a lease whether its job was cancelled."""
PATIENCE_SECONDS = 120


@pytest.fixture
def laboratory(sessions: SessionMaker, database_url: str, tmp_path: Path) -> Laboratory:
    opened = open_laboratory(sessions, database_url, tmp_path)
    trainable(opened, has_pixels=True)
    return opened


def start(laboratory: Laboratory, **config: object) -> uuid.UUID:
    new = NewRun("spring", Selection(), CONFIG | config)
    with transaction(laboratory.sessions) as session:
        return training_requests.start_run(session, SYSTEM, new, is_enabled=True).id


def look(laboratory: Laboratory, run_id: uuid.UUID) -> TrainingRunView:
    with transaction(laboratory.sessions) as session:
        return training_runs.get_run(session, run_id)


def job_of(laboratory: Laboratory, run_id: uuid.UUID) -> Job:
    with transaction(laboratory.sessions) as session:
        return session.get_one(Job, session.get_one(TrainingRun, run_id).job_id)


def train(laboratory: Laboratory, run_id: uuid.UUID) -> TrainingRunView:
    """One attempt, as a worker of the training queue makes it."""
    runner.run(job_of(laboratory, run_id).id, laboratory.context, TRAIN, limits=QUICK)
    return look(laboratory, run_id)


@contextmanager
def once_an_epoch_is_done(
    laboratory: Laboratory, run_id: uuid.UUID, act: Callable[[], object]
) -> Iterator[None]:
    """Let something happen from outside while the run goes on."""

    def watch() -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not look(laboratory, run_id).history and time.monotonic() < until:
            time.sleep(0.1)
        act()

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield
    watcher.join()


def checkpoints(laboratory: Laboratory) -> list[str]:
    folder = laboratory.context.settings.data_dir / "storage" / "training"
    return [path.name for path in folder.rglob("*") if path.is_file()]


def n_versions(laboratory: Laboratory) -> int:
    with transaction(laboratory.sessions) as session:
        return len(session.scalars(select(ModelVersion.id)).all())


def test_a_run_ends_in_a_candidate_whose_files_were_stored_before_it(
    laboratory: Laboratory,
) -> None:
    run_id = start(laboratory)
    run = train(laboratory, run_id)
    assert (run.state, run.failure) == ("done", None)
    assert [(one["stage"], one["epoch"]) for one in run.history] == [
        *[("fold", 1), ("fold", 2)] * 3, ("final", 1), ("final", 2),
    ]  # fmt: skip
    assert run.progress.stage == "evaluation"
    assert run.metrics is not None
    assert {"accuracy", "f1", "roc_auc", "confusion", "by_donor", "folds", "baselines"} <= set(
        run.metrics
    )
    with transaction(laboratory.sessions) as session:
        version = session.get_one(ModelVersion, run.model_version_id)
        previews = session.scalars(select(ImpactPreview.model_version_id)).all()
        actions = session.scalars(select(AuditEntry.action)).all()
        found = training_runs.run_of_version(session, version.id)
    assert (version.name, version.state, version.is_demonstration) == ("spring", "candidate", False)
    assert version.trained_by == SYSTEM.id
    assert previews == [version.id]
    assert "training_run.finished" in actions
    assert found == run
    manifest = Manifest.from_json(version.manifest)
    check_onnx(laboratory.store.get(model_key(version.sha256)), manifest)
    golden = Golden.from_bytes(laboratory.store.get(golden_key(version.sha256)))
    assert golden.probabilities.shape[1] == len(manifest.outlets)
    for name in ("saliency-vanilla.png", "saliency-smoothgrad.png"):
        assert laboratory.store.get(saliency_key(version.sha256, name)).startswith(b"\x89PNG")
    assert checkpoints(laboratory) == []


def test_a_running_run_is_cancelled_and_leaves_nothing(laboratory: Laboratory) -> None:
    run_id, before = start(laboratory, **LONG), n_versions(laboratory)

    def cancel() -> None:
        with transaction(laboratory.sessions) as session:
            assert training_runs.cancel_run(session, SYSTEM, run_id).is_stopping

    with once_an_epoch_is_done(laboratory, run_id, cancel):
        run = train(laboratory, run_id)
    assert (run.state, run.is_stopping, run.model_version_id) == ("cancelled", False, None)
    assert n_versions(laboratory) == before
    assert checkpoints(laboratory) == ["fit-001"]
    remove_leftovers(laboratory.context)  # the next run begins with it
    assert checkpoints(laboratory) == []


def test_a_stopped_worker_gives_the_run_back_as_far_as_it_is(laboratory: Laboratory) -> None:
    run_id = start(laboratory, **LONG)

    def stop() -> None:
        laboratory.context.stopping.is_set = True

    with once_an_epoch_is_done(laboratory, run_id, stop):
        run = train(laboratory, run_id)
    assert (run.state, run.failure) == ("queued", None)
    job = job_of(laboratory, run_id)
    assert (job.state, job.attempts) == ("queued", 0)
    assert checkpoints(laboratory) == ["fit-001"]
    remove_leftovers(laboratory.context)
    assert checkpoints(laboratory) == ["fit-001"]


def test_missing_or_changed_data_fail_the_run_in_plain_words(laboratory: Laboratory) -> None:
    run_id, other_id = start(laboratory), start(laboratory)
    with transaction(laboratory.sessions) as session:
        sha256 = session.scalars(select(ScanImage.sha256).limit(1)).one()
    data = laboratory.store.get(image_key(sha256))
    laboratory.store.delete(image_key(sha256))
    failed = train(laboratory, run_id)
    assert failed.state == "failed"
    assert failed.failure is not None
    assert failed.failure["code"] == "stored_file_missing"
    laboratory.store.put_once(image_key(sha256), data)
    with transaction(laboratory.sessions) as session:
        session.execute(update(Cell).values(row=Cell.row - 1))
    changed = train(laboratory, other_id)
    assert changed.failure is not None
    assert changed.failure["code"] == "training_data_changed"
    assert "start it again" in changed.failure["message"]


def test_a_run_that_kills_its_worker_each_time_says_what_to_do(laboratory: Laboratory) -> None:
    run_id = start(laboratory)
    with transaction(laboratory.sessions) as session:
        job = session.get_one(TrainingRun, run_id).job_id
        for _ in range(LIMITS[JobKind.TRAIN].max_attempts):
            session.execute(update(Job).values(not_before=Job.created_at))
            assert ledger.claim(session, job) is not None
            session.execute(update(Job).values(lease_until=Job.created_at))
            expired = ledger.expire(session, job)
            assert expired is not None
            runner.record_end(session, expired, HANDLERS[JobKind.TRAIN])
    failed = look(laboratory, run_id)
    assert failed.state == "failed"
    assert failed.failure is not None
    assert "lack of memory" in failed.failure["message"]


def test_a_worker_that_lost_the_run_can_report_nothing(laboratory: Laboratory) -> None:
    run_id = start(laboratory)
    with transaction(laboratory.sessions) as session:
        claim = ledger.claim(session, session.get_one(TrainingRun, run_id).job_id)
    assert claim is not None
    with transaction(laboratory.sessions) as session:
        progress = {"stage": "loading", "images_done": 1, "images_total": 2}
        training_runs.report(session, run_id, claim.token, progress=progress, epochs=[])
    with transaction(laboratory.sessions) as session, pytest.raises(StaleAttempt):
        training_runs.report(session, run_id, claim.token - 1, progress={}, epochs=[])
    with transaction(laboratory.sessions) as session, pytest.raises(StaleAttempt):
        training_runs.note_checkpoint(session, run_id, claim.token - 1, "fit-001")
    assert look(laboratory, run_id).progress.images_done == 1
