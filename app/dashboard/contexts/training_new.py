"""The form of a new training run: which samples, and how."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.training_runs import warnings_of
from app.dashboard.contexts.wording import FindingText, FormValues, count_text, counted_text
from app.domain.outlets import IMAGED_OUTLETS
from app.domain.training_config import ARCHITECTURES, PUBLISHED_DEFAULTS, RunConfig
from app.services.training_cells import ChosenWell, coverage_of

HOLDOUTS: Final = {
    "donor": "Donor: what a new donor will see. The honest figure.",
    "well": "Well: flatters, since the same donors are on both sides.",
    "cell": "Cell: flatters most; for comparison with published figures only.",
}
TARGETS: Final = {
    "outlet": "Outlet: a whole distribution over outlets 2 to 5, as the donor score needs.",
    "class": "Class: deformable or rigid, as published.",
}
ARCHITECTURE_TEXTS: Final = {
    "compact": "Compact: small and quick, trains in minutes.",
    "published": "Published: the network of the data article; hours without a GPU.",
}
TYPED: Final = ("folds", "epochs", "learning_rate", "batch_size", "cells_per_class", "seed")
EXTRAS: Final = {
    "search": "Search learning rate and epochs inside each fold (about four times as long)",
    "learning_curve": "Learning curve: fit to fewer donors as well",
    "well_transfer": "Train on first wells, report on the others",
}


@dataclass(frozen=True)
class MatrixCell:
    """A sample's wells of one outlet."""

    wells: tuple[str, ...]
    is_excluded: bool


@dataclass(frozen=True)
class MatrixRow:
    sample_id: str
    donor: str
    sample: str
    cells: tuple[MatrixCell, ...]
    total: str
    is_chosen: bool
    is_demonstration: bool


@dataclass(frozen=True)
class Choice:
    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True)
class TypedField:
    """A number with the default that holds where nothing is typed."""

    name: str
    label: str
    value: str
    hint: str


@dataclass(frozen=True)
class NewRunPage:
    values: FormValues
    notice: Notice | None
    missing: str | None
    """Why no run can be started here."""
    outlets: tuple[int, ...]
    rows: tuple[MatrixRow, ...]
    summary: str
    warnings: tuple[FindingText, ...]
    architectures: tuple[Choice, ...]
    targets: tuple[Choice, ...]
    holdouts: tuple[Choice, ...]
    numbers: tuple[TypedField, ...]
    extras: tuple[Choice, ...]
    is_open: bool
    """Whether the settings show at once: one of them was refused, or set."""


def new_run_page(
    wells: Sequence[ChosenWell],
    chosen: Collection[str],
    values: FormValues,
    *,
    missing: str | None,
    notice: Notice | None = None,
) -> NewRunPage:
    """`chosen` are ids of samples."""
    coverage = coverage_of(wells)
    picked = [well for well in wells if str(well.row.sample_id) in chosen]
    return NewRunPage(
        values=values,
        notice=notice,
        missing=missing,
        outlets=coverage.outlets,
        rows=_rows(wells, coverage.outlets, chosen),
        summary=summary_of(picked),
        warnings=warnings_of(coverage_of(picked).warnings) if picked else (),
        architectures=_choices(ARCHITECTURE_TEXTS, values["architecture"] or ARCHITECTURES[0]),
        targets=_choices(TARGETS, values["target"] or "outlet"),
        holdouts=_choices(HOLDOUTS, values["holdout"] or "donor"),
        numbers=_numbers(values),
        extras=tuple(Choice(name, text, bool(values[name])) for name, text in EXTRAS.items()),
        is_open=any(values[name] for name in (*TYPED, *EXTRAS)),
    )


def values_of(name: str, config: Mapping[str, Any]) -> FormValues:
    """The form as an earlier run was asked for."""
    defaults = RunConfig.from_json({"architecture": config["architecture"]}).to_json()
    words = {key: str(config[key]) for key in ("architecture", "target", "holdout")}
    numbers = {key: str(config[key]) for key in TYPED if config[key] != defaults[key]}
    extras = {key: "on" for key in EXTRAS if config[key]}
    return FormValues({"name": name, **words, **numbers, **extras})


def summary_of(picked: Sequence[ChosenWell]) -> str:
    usable = coverage_of(picked).usable
    donors = counted_text(len({well.donor for well in usable}), "donor")
    n_cells = count_text(sum(well.n_cells for well in usable))
    return f"{n_cells} cells in {counted_text(len(usable), 'well')} of {donors}"


def _rows(
    wells: Sequence[ChosenWell], outlets: Sequence[int], chosen: Collection[str]
) -> tuple[MatrixRow, ...]:
    by_sample: dict[str, list[ChosenWell]] = {}
    for well in wells:
        by_sample.setdefault(str(well.row.sample_id), []).append(well)
    return tuple(
        _row(sample_id, own, outlets, is_chosen=sample_id in chosen)
        for sample_id, own in by_sample.items()
    )


def _row(
    sample_id: str, wells: Sequence[ChosenWell], outlets: Sequence[int], *, is_chosen: bool
) -> MatrixRow:
    first = wells[0]
    total = sum(well.row.n_cells for well in wells if well.row.outlet in IMAGED_OUTLETS)
    return MatrixRow(
        sample_id=sample_id,
        donor=first.row.donor_code,
        sample=first.name.split(", ")[1],
        cells=tuple(
            MatrixCell(
                tuple(_well_text(well) for well in wells if well.row.outlet == outlet),
                outlet not in IMAGED_OUTLETS,
            )
            for outlet in outlets
        ),
        total=count_text(total),
        is_chosen=is_chosen,
        is_demonstration=first.row.is_demonstration,
    )


def _well_text(well: ChosenWell) -> str:
    return f"well {well.row.number}: {count_text(well.row.n_cells)}"


def _choices(texts: Mapping[str, str], chosen: str) -> tuple[Choice, ...]:
    return tuple(Choice(value, text, value == chosen) for value, text in texts.items())


def _numbers(values: FormValues) -> tuple[TypedField, ...]:
    usual = RunConfig()
    published = PUBLISHED_DEFAULTS
    texts = {
        "folds": ("Folds", f"{usual.folds} unless typed"),
        "epochs": ("Epochs", f"{usual.epochs}, published {published['epochs']}"),
        "learning_rate": (
            "Learning rate", f"{usual.learning_rate:g}, published {published['learning_rate']:g}",
        ),
        "batch_size": ("Batch size", f"{usual.batch_size}, published {published['batch_size']}"),
        "cells_per_class": ("Cells of each class, at most", "All unless typed"),
        "seed": ("Seed", f"{usual.seed}; the same seed gives the same network"),
    }  # fmt: skip
    return tuple(
        TypedField(name, label, values[name], hint) for name, (label, hint) in texts.items()
    )
