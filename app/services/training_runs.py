"""Training runs on their way: begun, followed, cancelled, and what came of them.

Locks are taken in the order of `analyses`: the job first, then the run, promotions, and the audit
trail's end last.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.db.notifications import PROGRESS_CHANNEL, notify
from app.db.queries import training_runs as queries
from app.db.queries.model_versions import version_by_sha256
from app.db.tables import Job, ModelVersion, TrainingRun
from app.domain.errors import Conflict, NotFound, PliantError
from app.domain.quality import Finding
from app.domain.training_config import RunConfig
from app.jobs import ledger
from app.security.permissions import Principal
from app.services import audit, events, promotions
from app.services.paging import Listing, cut, decode

OVER: Final = ("done", "failed", "cancelled")
KILLED_MESSAGE: Final = (
    "The training process was killed three times, most likely for lack of memory; choose fewer "
    "cells, or give the server more memory, and start the run again."
)


@dataclass(frozen=True)
class ProgressView:
    """How far a run is.

    `stage` is loading, search, fold, final, evaluation, learning_curve or well_transfer; `fold`
    counts within the stage, `fit` within the run.
    """

    stage: str | None = None
    fold: int | None = None
    folds: int | None = None
    fit: int | None = None
    fits: int | None = None
    epoch: int | None = None
    epochs: int | None = None
    loss: float | None = None
    accuracy: float | None = None
    images_done: int | None = None
    images_total: int | None = None
    seconds_left: float | None = None


@dataclass(frozen=True)
class TrainingRunView:
    id: uuid.UUID
    name: str
    state: str
    config: dict[str, Any]
    donors: tuple[str, ...]
    samples: tuple[uuid.UUID, ...]
    n_cells: int
    n_images: int
    dataset_sha256: str
    demonstration: bool
    warnings: tuple[Finding, ...]
    progress: ProgressView
    history: tuple[dict[str, Any], ...]
    metrics: dict[str, Any] | None
    model_version_id: uuid.UUID | None
    failure: dict[str, str] | None
    is_stopping: bool
    created_at: dt.datetime
    created_by: str
    started_at: dt.datetime | None
    finished_at: dt.datetime | None


@dataclass(frozen=True)
class RunToTrain:
    """What a worker needs to begin or go on."""

    id: uuid.UUID
    name: str
    config: RunConfig
    n_images: int
    n_cells: int
    dataset_sha256: str
    is_demonstration: bool
    checkpoints: tuple[str, ...]


@dataclass(frozen=True)
class TrainedNetwork:
    """What a run came to; its files lie in the store already."""

    sha256: str
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]


def get_run(session: Session, run_id: uuid.UUID) -> TrainingRunView:
    return _view(*_found(session, run_id))


def _found(session: Session, run_id: uuid.UUID) -> tuple[TrainingRun, Job]:
    row = queries.run_with_job(session, run_id)
    if row is None:
        raise NotFound("training_run_unknown", "There is no such training run; see the list.")
    return row.TrainingRun, row.Job


def list_runs(
    session: Session, *, cursor: str | None = None, limit: int = 50
) -> Listing[TrainingRunView]:
    """Newest first."""
    rows = queries.list_page(session, after=decode(cursor), limit=limit + 1)
    views = [_view(row.TrainingRun, row.Job) for row in rows]
    return cut(views, limit, lambda view: (view.created_at, view.id))


def run_of_version(session: Session, version_id: uuid.UUID) -> TrainingRunView | None:
    """The newest run that led to a model version; None for one that came otherwise."""
    row = queries.newest_run_of_version(session, version_id)
    return None if row is None else _view(row.TrainingRun, row.Job)


def cancel_run(session: Session, principal: Principal, run_id: uuid.UUID) -> TrainingRunView:
    """Cancel at once if it waits; a worker stops after its epoch. Once cancelled, says so again."""
    run, job = _found(session, run_id)
    if run.state in ("done", "failed"):
        raise Conflict(
            "training_run_over", f"The run is {run.state}; only what runs or waits is cancelled."
        )
    if run.state == "cancelled":
        return _view(run, job)
    was_asked = job.cancel_requested_at is not None
    job = ledger.request_cancel(session, job.id)
    if job.state == "cancelled":
        run = queries.locked_run(session, run_id)
        _end(run, "cancelled", failure=None)
        events.training_run_ended(session, run)
    if not was_asked:
        audit.record(
            session, actor=principal.id, action="training_run.cancelled",
            entity="training_run", entity_id=str(run_id),
        )  # fmt: skip
    _tell(session, run_id)
    return get_run(session, run_id)


def begin(session: Session, run_id: uuid.UUID) -> RunToTrain:
    """Mark the run as running, and read what a worker needs."""
    run = queries.locked_run(session, run_id)
    run.state, run.failure, run.finished_at = "running", None, None
    if run.started_at is None:
        run.started_at = func.clock_timestamp()
    _tell(session, run_id)
    return RunToTrain(
        id=run.id,
        name=run.name,
        config=RunConfig.from_json(run.config),
        n_images=run.n_images,
        n_cells=run.n_cells,
        dataset_sha256=run.dataset_sha256,
        is_demonstration=run.is_demonstration,
        checkpoints=tuple(run.checkpoints),
    )


def report(
    session: Session,
    run_id: uuid.UUID,
    token: int,
    *,
    progress: Mapping[str, Any],
    epochs: Sequence[Mapping[str, Any]],
) -> None:
    """Say how far the run is; raises StaleAttempt once another worker has it."""
    if not queries.write_progress(session, run_id, token, progress=progress, epochs=epochs):
        raise ledger.StaleAttempt(str(run_id))
    _tell(session, run_id)


def note_checkpoint(session: Session, run_id: uuid.UUID, token: int, name: str) -> None:
    """Name a file to resume from; raises StaleAttempt once another worker has the run."""
    if not queries.add_checkpoint(session, run_id, token, name):
        raise ledger.StaleAttempt(str(run_id))


def forget_checkpoints(session: Session) -> list[tuple[uuid.UUID, str]]:
    """Take the names off runs that are over; run and name of each, to be removed after."""
    forgotten = []
    for run in queries.runs_with_leftovers(session):
        forgotten += [(run.id, name) for name in run.checkpoints]
        run.checkpoints = []
    session.flush()
    return forgotten


def record_result(session: Session, run_id: uuid.UUID, trained: TrainedNetwork) -> None:
    """Close the run with its candidate, and ask what that would change.

    A network that is known already, of a run repeated with its seed, stays what it is.
    """
    run = queries.locked_run(session, run_id)
    version = version_by_sha256(session, trained.sha256)
    is_new = version is None
    if version is None:
        version = _candidate(run, trained)
        session.add(version)
        session.flush()
        promotions.request_preview(session, version.id)
    run.model_version_id = version.id
    run.metrics = dict(trained.metrics)
    _end(run, "done", failure=None)
    session.flush()
    _tell(session, run_id)
    events.training_run_ended(session, run)
    audit.record(
        session, actor=run.created_by, action="training_run.finished",
        entity="training_run", entity_id=str(run_id),
        after={"model_version_id": str(version.id), "sha256": version.sha256, "is_new": is_new},
    )  # fmt: skip


def _candidate(run: TrainingRun, trained: TrainedNetwork) -> ModelVersion:
    return ModelVersion(
        name=run.name,
        sha256=trained.sha256,
        manifest=dict(trained.manifest),
        is_demonstration=run.is_demonstration,
        state="candidate",
        trained_by=run.created_by,
    )


def record_end(session: Session, job: Job, error: PliantError) -> None:
    """Close a run whose job failed, was cancelled while it ran, or killed its worker each time."""
    run = queries.locked_run(session, job.subject_id)
    if job.state == "cancelled":
        _end(run, "cancelled", failure=None)
    else:
        message = KILLED_MESSAGE if error.code == "worker_lost" else error.message
        _end(run, "failed", failure={"code": error.code, "message": message})
    session.flush()
    _tell(session, run.id)
    events.training_run_ended(session, run)
    audit.record(
        session, actor="system", action=f"training_run.{run.state}",
        entity="training_run", entity_id=str(run.id), after=run.failure,
    )  # fmt: skip


def _end(run: TrainingRun, state: str, *, failure: dict[str, str] | None) -> None:
    run.state = state
    run.failure = failure
    run.finished_at = func.clock_timestamp()


def _tell(session: Session, run_id: uuid.UUID) -> None:
    notify(session, PROGRESS_CHANNEL, str(run_id))


def _view(run: TrainingRun, job: Job) -> TrainingRunView:
    """A run whose worker was stopped waits again, whatever its row says."""
    is_waiting = run.state == "running" and job.state == "queued"
    return TrainingRunView(
        id=run.id,
        name=run.name,
        state="queued" if is_waiting else run.state,
        config=run.config,
        donors=tuple(run.selection["used"]["donors"]),
        samples=tuple(uuid.UUID(one) for one in run.selection["used"]["samples"]),
        n_cells=run.n_cells,
        n_images=run.n_images,
        dataset_sha256=run.dataset_sha256,
        demonstration=run.is_demonstration,
        warnings=tuple(Finding.from_json(one) for one in run.warnings),
        progress=_progress(run.progress or {}),
        history=tuple(run.history),
        metrics=run.metrics,
        model_version_id=run.model_version_id,
        failure=run.failure,
        is_stopping=run.state not in OVER and job.cancel_requested_at is not None,
        created_at=run.created_at,
        created_by=run.created_by,
        started_at=run.started_at,
        finished_at=run.finished_at,
    )


def _progress(values: Mapping[str, Any]) -> ProgressView:
    """A worker of another version may tell more."""
    known = {field.name for field in fields(ProgressView)}
    return ProgressView(**{name: value for name, value in values.items() if name in known})
