"""What is said of a run: figures of held-out cells, baselines, probes, pictures, error rates."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from app.domain.cell_looks import measure_looks
from app.domain.outlets import IMAGED_OUTLETS
from app.domain.partitions import Holdout, Split
from models.calibration import describe_training_donors
from models.evaluation import (
    SORTED_SCORE_ERROR_DEFINITION,
    HeldOut,
    cell_weights,
    donor_error_rates,
    evaluate,
    mix_over,
    sorted_score_errors,
    summarise_score_errors,
)
from models.manifest import ScoreError
from models.training.baselines import answer_baselines
from models.training.dataset import LabelledCells
from models.training.folds import FittedFold
from models.training.saliency import Saliency, explain
from models.training.shortcut_probe import probe_shortcuts

FEWEST_DONORS: Final = 2
"""Of whom an error's spread can be given."""


def report_folds(
    cells: LabelledCells, folds: Sequence[FittedFold], seed: int
) -> tuple[dict[str, Any], Saliency]:
    """Figures as JSON values, and the first fold's saliency."""
    answers = answer_baselines(cells, [fold.split for fold in folds], seed)
    probe = probe_shortcuts([fold.probed for fold in folds], answers["light_only"], seed)
    baselines = {name: evaluate(held, seed=seed) for name, held in answers.items()}
    saliency = explain(folds[0].model, cells.select(folds[0].split.report), folds[0].config, seed)
    figures = evaluate(join_held([fold.held for fold in folds]), seed=seed)
    return figures | {
        "folds": [_row(number, fold, cells) for number, fold in enumerate(folds, start=1)],
        "baselines": {name: found["accuracy"] for name, found in baselines.items()},
        "baseline_figures": {name: _brief(found) for name, found in baselines.items()},
        "shortcut_probe": probe,
        "down_sampling": _down_sampling(folds),
        "saliency": saliency.figures,
    }, saliency


def join_held(parts: Sequence[HeldOut]) -> HeldOut:
    return HeldOut(
        p_outlet=np.concatenate([part.p_outlet for part in parts]),
        outlets=np.concatenate([part.outlets for part in parts]),
        donors=np.concatenate([part.donors for part in parts]),
        wells=np.concatenate([part.wells for part in parts]),
        columns=parts[0].columns,
    )


def _brief(figures: dict[str, Any]) -> dict[str, Any]:
    names = ("accuracy", "balanced_accuracy", "roc_auc", "intervals")
    return {name: figures[name] for name in names}


def _row(number: int, fold: FittedFold, cells: LabelledCells) -> dict[str, Any]:
    def donors(part: str) -> list[str]:
        return list(cells.select(fold.split.parts()[part]).donor_codes)

    return {
        "fold": number,
        "donors": donors("report"),
        "choose_donors": donors("choose"),
        "fit_donors": donors("fit"),
        "n_cells": len(fold.held.outlets),
        "accuracy": fold.accuracy,
        "temperature": fold.temperature,
        "learning_rate": fold.config.learning_rate,
        "epochs": [asdict(epoch) for epoch in fold.epochs],
    }


def _down_sampling(folds: Sequence[FittedFold]) -> list[dict[str, Any]]:
    """Accuracy over all folds' cells, whole and with larger pixels."""
    sizes = np.array([len(fold.held.outlets) for fold in folds])
    rows = [{1: fold.accuracy} | fold.down_sampled for fold in folds]
    return [
        {
            "factor": factor,
            "accuracy": float(np.average([row[factor] for row in rows], weights=sizes)),
        }
        for factor in rows[0]
    ]


def score_error_of(folds: Sequence[FittedFold], holdout: Holdout) -> ScoreError | None:
    """Of the score over donors that did not fit; None unless donors were held out."""
    if holdout is not Holdout.DONOR:
        return None
    errors = np.concatenate([sorted_score_errors(fold.held, fold.prior) for fold in folds])
    if len(errors) < FEWEST_DONORS:
        return None
    return summarise_score_errors(errors, SORTED_SCORE_ERROR_DEFINITION)


def error_rates_of(folds: Sequence[FittedFold], holdout: Holdout) -> dict[str, Any] | None:
    """The manifest's member ``error_rates``; None unless donors were held out."""
    if holdout is not Holdout.DONOR:
        return None
    return {
        "held_out": "donor",
        "positive": "deformable",
        "outlets": list(IMAGED_OUTLETS),
        "donors": donor_error_rates(join_held([fold.held for fold in folds])),
    }


def see_training_donors(cells: LabelledCells) -> dict[str, Any]:
    """The manifest's member ``training_donors``: looks of sorted cells, weighted to the usual mix.

    So a donor looks as unsorted cells of the usual mix would.
    """
    looks = measure_looks(cells.crops)
    rows = []
    for code in cells.donor_codes:
        own = cells.donors == code
        weights = cell_weights(cells.outlets[own], mix_over(np.unique(cells.outlets[own])))
        rows.append(weights @ looks[own])
    return describe_training_donors(cells.donor_codes, np.stack(rows)).to_json()


def describe_data(
    cells: LabelledCells, splits: Sequence[Split], holdout: Holdout
) -> dict[str, Any]:
    """What the network was fitted to: donors, wells, a hash of all of it, and the folds."""
    wells, first, counts = np.unique(cells.wells, return_index=True, return_counts=True)
    return {
        "kind": "sorted wells",
        "cells_sha256": cells.sha256,
        "n_cells": len(cells),
        "donors": list(cells.donor_codes),
        "wells": [
            {
                "well": str(well),
                "donor": str(cells.donors[place]),
                "outlet": int(cells.outlets[place]),
                "n_cells": int(count),
            }
            for well, place, count in zip(wells, first, counts, strict=True)
        ],
        "holdout": str(holdout),
        "n_folds": len(splits),
    }
