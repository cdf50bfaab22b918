"""Further fits that a run makes when asked: fewer donors, and one well against the other."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.domain.training_config import RunConfig
from models.training.config import TrainingConfig
from models.training.dataset import LabelledCells
from models.training.folds import Fits, FittedFold, fit_pair

LEARNING_SHARES: Final = (0.25, 0.5)
"""Of the first fold's fitting donors; the fold itself is the point at all of them."""
SKIPPED: Final = {
    "learning_curve": "No learning curve: it was not asked for.",
    "well_transfer": "Wells were not held against each other: it was not asked for.",
    "search": "Learning rate and epochs were not searched: it was not asked for.",
}


def count_extra_fits(config: RunConfig) -> int:
    return len(LEARNING_SHARES) * config.learning_curve + 2 * config.well_transfer


def fit_extras(
    cells: LabelledCells, fold: FittedFold, run: RunConfig, config: TrainingConfig, fits: Fits
) -> dict[str, Any]:
    """Their figures as JSON values, and a sentence for each that was skipped."""
    figures: dict[str, Any] = {
        "skipped": [say for name, say in SKIPPED.items() if not getattr(run, name)]
    }
    if run.learning_curve:
        figures["learning_curve"] = _learning_curve(cells, fold, config, fits)
    if run.well_transfer:
        figures["well_transfer"] = transfer_between_wells(cells, config, fits)
    return figures


def _learning_curve(
    cells: LabelledCells, fold: FittedFold, config: TrainingConfig, fits: Fits
) -> list[dict[str, Any]]:
    """Accuracy on the first fold's reporting cells by number of fitting donors."""
    fit, report = cells.select(fold.split.fit), cells.select(fold.split.report)
    donors = np.random.default_rng(config.seed).permutation(np.array(fit.donor_codes))
    points = []
    for place, share in enumerate(LEARNING_SHARES, start=1):
        chosen = donors[: max(1, round(share * len(donors)))]
        few = fit.select(np.isin(fit.donors, chosen))
        accuracy = fit_pair(
            few,
            report,
            config,
            fits,
            stage="learning_curve",
            fold=place,
            folds=len(LEARNING_SHARES),
        )
        points.append({"n_donors": len(chosen), "n_cells": len(few), "accuracy": accuracy})
    whole = {"n_donors": len(donors), "n_cells": len(fit), "accuracy": fold.accuracy}
    return [*points, whole]


def transfer_between_wells(
    cells: LabelledCells, config: TrainingConfig, fits: Fits
) -> dict[str, Any]:
    """First wells against the others, beside as many cells of all wells against the rest."""
    is_first = cells.well_numbers == 1
    if not is_first.any() or is_first.all():
        return {"skipped": "No outlet has a second well."}
    accuracy = {}
    for place, (name, fit) in enumerate(
        (("across_wells", is_first), ("pooled", _shuffle(is_first, cells, config.seed))), start=1
    ):
        accuracy[name] = fit_pair(
            cells.select(fit),
            cells.select(~fit),
            config,
            fits,
            stage="well_transfer",
            fold=place,
            folds=2,
        )
    return accuracy | {"n_fit": int(is_first.sum()), "n_report": int((~is_first).sum())}


def _shuffle(is_first: NDArray[np.bool_], cells: LabelledCells, seed: int) -> NDArray[np.bool_]:
    """As many cells of every donor and outlet as `is_first` marks, whatever their well."""
    rng = np.random.default_rng(seed)
    mixed = is_first.copy()
    groups = np.char.add(cells.donors, cells.outlets.astype(np.str_))
    for group in np.unique(groups):
        here = np.flatnonzero(groups == group)
        mixed[here] = rng.permutation(is_first[here])
    return mixed
