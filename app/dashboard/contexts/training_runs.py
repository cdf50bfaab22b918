"""Training runs: the list, and one run while it runs and after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.charts.training import EpochPoint, training_curves
from app.dashboard.contexts.sample import Fact, TwoWidths
from app.dashboard.contexts.wording import (
    TONES,
    Chip,
    FindingText,
    MomentText,
    chart_markup,
    count_text,
    counted_text,
    moment_text,
    percent_text,
)
from app.domain.quality import Finding
from app.services.paging import Listing
from app.services.training_runs import OVER, ProgressView, TrainingRunView

RUN_STATES: Final = {
    "queued": Chip("Waiting", "busy"),
    "running": Chip("Training", "busy"),
    "done": Chip("Done", "good"),
    "failed": Chip("Failed", "bad"),
    "cancelled": Chip("Cancelled", "warning"),
}
STAGES: Final = {
    "search": "Searching learning rate and epochs",
    "fold": "Fitting",
    "final": "Fitting the network that is handed over",
    "learning_curve": "Fitting to fewer donors",
    "well_transfer": "Fitting to first wells",
}
CONFIG_NAMES: Final = {
    "architecture": "Architecture",
    "target": "Target",
    "holdout": "Held out by",
    "folds": "Folds",
    "epochs": "Epochs",
    "learning_rate": "Learning rate",
    "batch_size": "Batch size",
    "cells_per_class": "Cells of each class, at most",
    "seed": "Seed",
}
FIGURES: Final = {
    "accuracy": "Deformable or rigid, told correctly",
    "balanced_accuracy": "Both classes weighing equally",
    "precision": "Precision (deformable)",
    "recall": "Recall (deformable)",
    "f1": "F1 (deformable)",
    "roc_auc": "Area under the ROC curve",
}
WIDE_PX: Final = 540
NARROW_PX: Final = 340


@dataclass(frozen=True)
class RunRow:
    href: str
    name: str
    state: Chip
    is_demonstration: bool
    learned_from: str
    progress: str
    created: MomentText
    is_moving: bool


@dataclass(frozen=True)
class RunsPage:
    rows: tuple[RunRow, ...]
    next_href: str | None
    may_train: bool
    missing: str | None
    """Why no run can be started here."""


@dataclass(frozen=True)
class ProgressPart:
    """A bar, a sentence, and how long it will take."""

    value: float
    text: str
    left: str | None


@dataclass(frozen=True)
class DonorFigure:
    donor: str
    cells: str
    accuracy: str
    balanced: str


@dataclass(frozen=True)
class RunPage:
    id: str
    name: str
    state: Chip
    is_demonstration: bool
    is_over: bool
    may_cancel: bool
    is_stopping: bool
    progress: ProgressPart | None
    curves: tuple[TwoWidths, ...]
    failure: str | None
    candidate_href: str | None
    figures: tuple[Fact, ...]
    donors: tuple[DonorFigure, ...]
    warnings: tuple[FindingText, ...]
    facts: tuple[Fact, ...]
    settings: tuple[Fact, ...]
    again_href: str


def runs_page(
    listing: Listing[TrainingRunView], *, may_train: bool, missing: str | None
) -> RunsPage:
    cursor = listing.next_cursor
    return RunsPage(
        rows=tuple(_row(run) for run in listing.items),
        next_href=None if cursor is None else f"/training-runs?cursor={cursor}",
        may_train=may_train,
        missing=missing,
    )


def _row(run: TrainingRunView) -> RunRow:
    part = progress_part(run)
    return RunRow(
        href=f"/training-runs/{run.id}",
        name=run.name,
        state=RUN_STATES[run.state],
        is_demonstration=run.demonstration,
        learned_from=_learned_from(run),
        progress=part.text if part else _accuracy(run.metrics),
        created=moment_text(run.created_at),
        is_moving=run.state not in OVER,
    )


def _learned_from(run: TrainingRunView) -> str:
    return f"{counted_text(run.n_cells, 'cell')} of {counted_text(len(run.donors), 'donor')}"


def _accuracy(metrics: Mapping[str, Any] | None) -> str:
    return f"{percent_text(metrics['accuracy'], digits=1)} accurate" if metrics else ""


def run_page(run: TrainingRunView, *, may_train: bool) -> RunPage:
    is_over = run.state in OVER
    return RunPage(
        id=str(run.id),
        name=run.name,
        state=RUN_STATES[run.state],
        is_demonstration=run.demonstration,
        is_over=is_over,
        may_cancel=may_train and not is_over and not run.is_stopping,
        is_stopping=run.is_stopping,
        progress=progress_part(run),
        curves=_curves(run),
        failure=run.failure["message"] if run.failure else None,
        candidate_href=_candidate(run),
        figures=tuple(_figures(run.metrics or {})),
        donors=tuple(_donors(run.metrics or {})),
        warnings=tuple(finding_text(one) for one in run.warnings),
        facts=tuple(_facts(run)),
        settings=tuple(_settings(run.config)),
        again_href=f"/training-runs/new?again={run.id}",
    )


def finding_text(finding: Finding) -> FindingText:
    return FindingText(TONES[finding.level], finding.message)


def _candidate(run: TrainingRunView) -> str | None:
    version = run.model_version_id
    return None if version is None else f"/model-versions/{version}"


def progress_part(run: TrainingRunView) -> ProgressPart | None:
    """None once the run is over."""
    if run.state in OVER:
        return None
    progress = run.progress
    if run.state == "queued":
        text = "Stopped for now; it goes on by itself." if run.history else "Waiting for a worker."
        return ProgressPart(_share(progress), text, None)
    return ProgressPart(_share(progress), _sentence(progress), _left(progress.seconds_left))


def _share(progress: ProgressView) -> float:
    if progress.stage == "evaluation":
        return 1.0
    if not progress.fit or not progress.fits or not progress.epochs:
        return 0.0
    return round((progress.fit - 1 + (progress.epoch or 0) / progress.epochs) / progress.fits, 4)


def _sentence(progress: ProgressView) -> str:
    match progress.stage:
        case None:
            return "Starting."
        case "loading":
            return f"Cutting cells from image {progress.images_done} of {progress.images_total}."
        case "evaluation":
            return "Measuring on held-out cells, and writing the network down."
        case stage:
            what = STAGES.get(stage, "Fitting")
            fold = f", fold {progress.fold} of {progress.folds}" if stage == "fold" else ""
            return f"{what}{fold}: epoch {progress.epoch} of {progress.epochs}."


def _left(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    if seconds < 90:
        return "about a minute left"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"about {minutes} minutes left"
    return f"about {minutes / 60:.0f} hours left"


def _curves(run: TrainingRunView) -> tuple[TwoWidths, ...]:
    if not run.history:
        return ()
    return tuple(_curve(run, quantity) for quantity in ("accuracy", "loss"))


def _curve(run: TrainingRunView, quantity: str) -> TwoWidths:
    points = [
        EpochPoint(one["fit"], _fit_name(one), one["epoch"], one["epochs"], one[quantity])
        for one in run.history
    ]

    def drawn(width: int, name: str) -> str:
        ident = f"{quantity}-{name}"
        return training_curves(points, quantity=quantity, ident=ident, width=width)

    return TwoWidths(chart_markup(drawn(WIDE_PX, "wide")), chart_markup(drawn(NARROW_PX, "narrow")))


def _fit_name(epoch: Mapping[str, Any]) -> str:
    if epoch["stage"] == "fold":
        return f"Fold {epoch['fold']}"
    return "Final" if epoch["stage"] == "final" else f"Fit {epoch['fit']}"


def _figures(metrics: Mapping[str, Any]) -> list[Fact]:
    figures = [
        Fact(name, _with_interval(metrics, key)) for key, name in FIGURES.items() if key in metrics
    ]
    baselines = metrics.get("baselines") or {}
    for key, name in (("size_only", "By size alone"), ("handcrafted", "By measures alone")):
        if isinstance(baselines.get(key), int | float):
            figures.append(Fact(f"{name}, for comparison", percent_text(baselines[key], digits=1)))
    return figures


def _with_interval(metrics: Mapping[str, Any], key: str) -> str:
    if metrics[key] is None:
        return "not assessable"
    interval = (metrics.get("intervals") or {}).get(key)
    value = percent_text(metrics[key], digits=1)
    if not interval:
        return value
    low, high = interval
    return f"{value} (95 % interval over donors {100 * low:.1f} to {100 * high:.1f})"


def _donors(metrics: Mapping[str, Any]) -> list[DonorFigure]:
    return [
        DonorFigure(
            donor=one["donor"],
            cells=count_text(one["n_cells"]),
            accuracy=_percent(one.get("accuracy")),
            balanced=_percent(one.get("balanced_accuracy")),
        )
        for one in metrics.get("by_donor", ())
    ]


def _percent(share: float | None) -> str:
    return "–" if share is None else percent_text(share, digits=1)


def _facts(run: TrainingRunView) -> list[Fact]:
    facts = {
        "Learned from": f"{_learned_from(run)}, {counted_text(run.n_images, 'image')}",
        "Donors": ", ".join(run.donors),
        "Asked for": moment_text(run.created_at).text,
        "Started": moment_text(run.started_at).text if run.started_at else None,
        "Ended": moment_text(run.finished_at).text if run.finished_at else None,
        "SHA-256 of the cells and labels": run.dataset_sha256,
    }
    return [Fact(name, value) for name, value in facts.items() if value]


def _settings(config: Mapping[str, Any]) -> list[Fact]:
    named = [
        Fact(name, str(config[key]))
        for key, name in CONFIG_NAMES.items()
        if config.get(key) is not None
    ]
    extras = {
        "search": "search",
        "learning_curve": "learning curve",
        "well_transfer": "well to well",
    }
    chosen = [name for key, name in extras.items() if config.get(key)]
    return [*named, Fact("Also", ", ".join(chosen))] if chosen else named


def warnings_of(findings: Sequence[Finding]) -> tuple[FindingText, ...]:
    return tuple(finding_text(one) for one in findings)
