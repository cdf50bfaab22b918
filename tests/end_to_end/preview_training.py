"""The pages of training runs with drawn runs: waiting, under way, done, failed; and the form."""

import datetime as dt
import math
import uuid
from dataclasses import replace
from typing import Any

from app.dashboard.contexts.training_new import NewRunPage, new_run_page
from app.dashboard.contexts.training_runs import RunPage, RunsPage, run_page, runs_page
from app.dashboard.contexts.wording import FormValues
from app.db.queries.training_cells import SortedWellRow
from app.domain.coverage import describe_coverage
from app.domain.training_config import RunConfig
from app.services.paging import Listing
from app.services.training_cells import ChosenWell
from app.services.training_runs import ProgressView, TrainingRunView

AT = dt.datetime(2026, 11, 23, 9, 5, tzinfo=dt.UTC)
DONORS = ("D-001", "D-002", "D-003", "D-004")
EPOCHS = 22
METRICS: dict[str, Any] = {
    "accuracy": 0.812, "balanced_accuracy": 0.806, "precision": 0.79, "recall": 0.83, "f1": 0.81,
    "roc_auc": 0.887, "intervals": {"accuracy": [0.771, 0.848]},
    "baselines": {"size_only": 0.57, "handcrafted": 0.71},
    "by_donor": [
        {"donor": donor, "n_cells": 1200, "accuracy": 0.8, "balanced_accuracy": None}
        for donor in DONORS
    ],
}  # fmt: skip


def wells() -> list[ChosenWell]:
    found = []
    for place, donor in enumerate(DONORS, start=1):
        for outlet in (1, 2, 3, 4, 5):
            for number in (1, 2)[: 1 if donor == "D-004" else 2]:
                row = SortedWellRow(
                    well_id=uuid.uuid4(), sample_id=uuid.UUID(int=place), sampled_at=AT,
                    donor_code=donor, outlet=outlet, number=number,
                    is_demonstration=donor == "D-004", n_cells=0 if outlet == 1 else 310 * number,
                    n_pending_images=0,
                )  # fmt: skip
                name = f"{donor}, sample 1, outlet {outlet}, well {number}"
                found.append(ChosenWell(row, name, number))
    return found


def history(n_epochs: int) -> tuple[dict[str, Any], ...]:
    told = []
    for done in range(n_epochs):
        fit, epoch = divmod(done, EPOCHS)
        told.append(
            {
                "stage": "fold", "fold": fit + 1, "folds": 5, "fit": fit + 1, "fits": 6,
                "epoch": epoch + 1, "epochs": EPOCHS,
                "loss": 1.4 * math.exp(-epoch / 9) + 0.02 * fit,
                "accuracy": 0.85 - 0.35 * math.exp(-epoch / 6) - 0.01 * fit,
            }
        )  # fmt: skip
    return tuple(told)


def running() -> TrainingRunView:
    points = history(2 * EPOCHS + 9)
    last = {name: points[-1][name] for name in points[-1]}
    coverage = describe_coverage([well.sorted_well for well in wells()])
    return TrainingRunView(
        id=uuid.UUID(int=1),
        name="spring 2026, all donors",
        state="running",
        config=RunConfig().to_json(),
        donors=DONORS,
        samples=tuple(uuid.UUID(int=place) for place in range(1, 5)),
        n_cells=13_020,
        n_images=168,
        dataset_sha256="5e" * 32,
        demonstration=True,
        warnings=coverage.warnings,
        progress=ProgressView(**last, seconds_left=1270.0),
        history=points,
        metrics=None,
        model_version_id=None,
        failure=None,
        is_stopping=False,
        created_at=AT,
        created_by="system",
        started_at=AT,
        finished_at=None,
    )


def done() -> TrainingRunView:
    return replace(
        running(), state="done", metrics=METRICS, model_version_id=uuid.UUID(int=2),
        demonstration=False, warnings=(), finished_at=AT,
    )  # fmt: skip


def failed() -> TrainingRunView:
    failure = {"code": "stored_file_missing", "message": "A stored file is missing; restore it."}
    return replace(running(), state="failed", failure=failure, history=(), finished_at=AT)


def waiting() -> TrainingRunView:
    return replace(running(), state="queued", progress=ProgressView(), history=())


def list_page() -> RunsPage:
    listing = Listing((waiting(), running(), done(), failed()), None)
    return runs_page(listing, may_train=True, missing=None)


def empty_page() -> RunsPage:
    return runs_page(Listing((), None), may_train=True, missing="Training is switched off here.")


def one_page(run: TrainingRunView) -> RunPage:
    return run_page(run, may_train=True)


def form_page() -> NewRunPage:
    chosen = {str(uuid.UUID(int=place)) for place in (1, 2)}
    values = FormValues(name="spring", epochs="30")
    return new_run_page(wells(), chosen, values, missing=None)
