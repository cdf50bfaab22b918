"""Asking for a training run: what is refused at once, and what is only warned of.

The run, its frozen cells and its job are written in one transaction.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from sqlalchemy.orm import Session

from app.db.queries import training_runs as queries
from app.db.tables import TrainingRun
from app.domain.errors import Conflict, InvalidInput
from app.domain.outlets import class_of
from app.domain.partitions import CellKeys, split_folds
from app.domain.quality import Finding, Level
from app.domain.training_config import RunConfig
from app.jobs import ledger
from app.jobs.kinds import JobKind
from app.security.permissions import Principal
from app.services import audit, training_cells
from app.services.training_cells import ChosenWell, Selection
from app.services.training_runs import TrainingRunView, get_run

TRAINER: Final = "training"
"""Heartbeat of the worker that trains: what it found installed when it started."""


@dataclass(frozen=True)
class NewRun:
    """What was asked for; `config` as `RunConfig.from_json` reads it."""

    name: str
    selection: Selection
    config: Mapping[str, Any]


def why_not_installed(session: Session, *, is_enabled: bool) -> str | None:
    """Why no run can be started here; None if one can."""
    if not is_enabled:
        return "Training is switched off here; start with PLIANT_TRAINING=1 to train models."
    report = queries.trainer_report(session, TRAINER)
    if report is None:
        return "No training worker has started yet; start it, or wait a moment if it just did."
    if not report.get("tensorflow"):
        return (
            "TensorFlow is missing where the training worker runs; run make run without "
            "PLIANT_TRAINING=0, or install requirements/train.txt."
        )
    return None


def start_run(
    session: Session, principal: Principal, new: NewRun, *, is_enabled: bool
) -> TrainingRunView:
    """Freeze the cells, and queue the run, in the caller's transaction."""
    if missing := why_not_installed(session, is_enabled=is_enabled):
        raise Conflict("training_not_installed", missing)
    name = _checked_name(new.name)
    config = RunConfig.from_json(new.config)
    wells = training_cells.choose_wells(session, new.selection)
    usable = _usable(wells)
    _refuse_untrainable(usable, config)
    run = TrainingRun(id=uuid.uuid4(), name=name, config=config.to_json(), created_by=principal.id)
    run.selection = _selection_json(new.selection, usable)
    run.warnings = [finding.to_json() for finding in _warnings(wells)]
    run.is_demonstration = any(well.row.is_demonstration for well in usable)
    run.n_cells = run.n_images = 0
    run.dataset_sha256 = ""
    run.job_id = _queue(session, run)
    session.add(run)
    session.flush()
    frozen = training_cells.freeze_cells(session, run.id, wells)
    run.n_cells, run.n_images, run.dataset_sha256 = frozen.n_cells, frozen.n_images, frozen.sha256
    audit.record(
        session,
        actor=principal.id,
        action="training_run.requested",
        entity="training_run",
        entity_id=str(run.id),
        after={"name": name, "n_cells": run.n_cells, "dataset_sha256": run.dataset_sha256},
    )
    session.refresh(run)
    return get_run(session, run.id)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise InvalidInput("training_name", "A name has 1 to 100 printable characters.")
    return name


def _usable(wells: Sequence[ChosenWell]) -> list[ChosenWell]:
    names = {well.well for well in training_cells.coverage_of(wells).usable}
    return [well for well in wells if well.name in names]


def _refuse_untrainable(usable: Sequence[ChosenWell], config: RunConfig) -> None:
    """What training would refuse anyway, said at once: no cells, one class, too few to hold out."""
    if not usable:
        raise training_cells.no_cells()
    classes = {class_of(well.row.outlet) for well in usable}
    if len(classes) == 1:
        raise InvalidInput(
            "training_one_class",
            f"All cells of these wells are {classes.pop()}; add outlets of the other class.",
        )
    split_folds(_keys(usable, config.folds), config.holdout, config.folds, config.seed)


def _keys(usable: Sequence[ChosenWell], folds: int) -> CellKeys:
    """Some cells of each well, enough to see whether wells and donors can be held out."""
    wells = [well for well in usable for _ in range(min(well.row.n_cells, folds))]
    cells = np.arange(len(wells)).astype(np.str_)
    return CellKeys(
        cells=cells,
        wells=np.array([well.name for well in wells]),
        donors=np.array([well.row.donor_code for well in wells]),
        outlets=np.array([well.row.outlet for well in wells], np.int64),
        pictures=cells,
    )


def _warnings(wells: Sequence[ChosenWell]) -> list[Finding]:
    return [*training_cells.coverage_of(wells).warnings, *_pending(wells), *_mixed(wells)]


def _pending(wells: Sequence[ChosenWell]) -> list[Finding]:
    n_pending = sum(well.row.n_pending_images for well in wells)
    if not n_pending:
        return []
    message = (
        f"{n_pending} {'image is' if n_pending == 1 else 'images are'} still being judged and "
        "left out; wait, then start again to learn from them too."
    )
    return [Finding("images_pending", Level.WARNING, n_pending, None, message)]


def _mixed(wells: Sequence[ChosenWell]) -> list[Finding]:
    if len({well.row.is_demonstration for well in wells}) < 2:
        return []
    message = (
        "Cells of the demonstration are among the others, so the model will be a demonstration "
        "model, which releases nothing."
    )
    return [Finding("demonstration_among_others", Level.WARNING, None, None, message)]


def _selection_json(selection: Selection, usable: Sequence[ChosenWell]) -> dict[str, Any]:
    asked_samples = None if selection.samples is None else [str(one) for one in selection.samples]
    return {
        "samples": asked_samples,
        "donors": None if selection.donors is None else list(selection.donors),
        "used": {
            "donors": sorted({well.row.donor_code for well in usable}),
            "samples": sorted({str(well.row.sample_id) for well in usable}),
        },
    }


def _queue(session: Session, run: TrainingRun) -> uuid.UUID:
    job_id = ledger.enqueue(session, JobKind.TRAIN, run.id)
    assert job_id is not None, "only a repeated dedupe key is not queued"
    return job_id
