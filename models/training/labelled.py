"""From labelled cells to a candidate: folds, figures that cannot flatter, and a checked bundle.

Every cell answers through a network that neither it nor its donor fitted, and the figures come
from these answers. The network that is handed over is fitted to all donors, with the folds'
settings and their mean temperature; it is never reported on cells it knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from app.domain.partitions import split_folds
from app.domain.training_config import RunConfig
from models.artefact import Bundle
from models.training.architecture import soften
from models.training.checkpoints import Checkpoints, NoCheckpoints
from models.training.config import TrainingConfig, configure
from models.training.dataset import LabelledCells, training_prior
from models.training.extras import count_extra_fits, fit_extras
from models.training.folds import Fits, FittedFold, OnProgress, Progress, fit_fold, usual_epochs
from models.training.handover import Labels, describe, hand_over
from models.training.preparation import (
    candidates_of,
    choose_cells,
    outlets_of,
    refuse_incomplete_folds,
)
from models.training.reporting import (
    describe_data,
    error_rates_of,
    report_folds,
    score_error_of,
    see_training_donors,
)

__all__ = [
    "Checkpoints",
    "LabelledCells",
    "NoCheckpoints",
    "Progress",
    "RunConfig",
    "TrainedVersion",
    "train",
]

FIGURES_OF: Final = (
    "Cross-fitted: every cell answers through a network that it did not fit. The network handed "
    "over is fitted to all cells."
)


@dataclass(frozen=True)
class TrainedVersion:
    """A candidate.

    Attributes
    ----------
    bundle
        Network, manifest, golden crops; parity with Keras checked.
    metrics
        Those of the manifest.
    pictures
        PNG by file name.
    """

    bundle: Bundle
    metrics: dict[str, Any]
    pictures: dict[str, bytes]


def train(
    cells: LabelledCells,
    config: RunConfig,
    *,
    name: str,
    demonstration: bool,
    on_progress: OnProgress,
    checkpoints: Checkpoints,
) -> TrainedVersion:
    """Train a network to labelled cells and report it on held-out ones.

    Parameters
    ----------
    cells
        Of sorted wells; those of outlets 1 and 6 to 12 are left out.
    config
        What was asked for. The same cells, configuration and machine give the same network, also
        after an interruption.
    name, demonstration
        Of the model version; a demonstration may not release.
    on_progress
        Told after every epoch, when its state is saved; what it raises ends the run.
    checkpoints
        Where the state is kept; states of other cells or settings are not used.

    Raises
    ------
    InvalidInput
        ``too_few_to_hold_out``, ``partition_leak``, ``class_without_cells``,
        ``outlet_without_cells``, ``outlet_in_too_few_folds`` or ``cells_not_unique``.
    """
    used, left_out = choose_cells(cells, config)
    training = configure(config, outlets_of(used))
    splits = split_folds(used.keys, config.holdout, config.folds, config.seed)
    refuse_incomplete_folds(used, splits)
    candidates = candidates_of(training, search=config.search)
    n_fits = len(splits) * len(candidates) + 1 + count_extra_fits(config)
    fits = Fits(on_progress, checkpoints, n_fits)
    folds = [
        fit_fold(used, split, candidates, fits, fold=place, folds=len(splits))
        for place, split in enumerate(splits, start=1)
    ]
    final = settle(training, folds)
    model, _ = fits.fit(used, None, final, stage="final")
    temperature = float(np.exp(np.mean([np.log(fold.temperature) for fold in folds])))
    soften(model, temperature)
    figures, saliency = report_folds(used, folds, config.seed)
    extras = fit_extras(used, folds[0], config, final, fits)
    manifest = replace(
        describe(
            Labels(name, demonstration),
            final,
            temperature=temperature,
            prior=training_prior(used, final.outlets),
            data=describe_data(used, splits, config.holdout),
        ),
        metrics=figures | extras | {"figures_of": FIGURES_OF, "left_out": left_out.to_json()},
        score_error=score_error_of(folds, config.holdout),
        error_rates=error_rates_of(folds, config.holdout),
        training_donors=see_training_donors(used),
    )
    manifest = replace(manifest, training={**manifest.training, "run": config.to_json()})
    bundle = hand_over(model, manifest, used)
    return TrainedVersion(bundle, dict(bundle.manifest.metrics), saliency.pictures)


def settle(config: TrainingConfig, folds: Sequence[FittedFold]) -> TrainingConfig:
    """Settings of the network that is handed over: what the folds chose, and no patience."""
    rates = [fold.config.learning_rate for fold in folds]
    return replace(
        config,
        learning_rate=float(np.exp(np.median(np.log(rates)))),
        epochs=usual_epochs(folds),
        patience_epochs=None,
    )
