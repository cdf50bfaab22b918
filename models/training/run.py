"""One training run on drawn donors, from configuration to a checked bundle.

Drawn donors are one more source of labelled cells: they are fitted and reported as a laboratory's
are (`models.training.labelled`), but with three sets of donors instead of folds, since there is no
end to them. What is handed over is the network that was reported.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from app.domain.partitions import Holdout, Split
from models.artefact import Bundle
from models.classifier import Classifier
from models.evaluation import rigidity_score_error, summarise_score_errors
from models.manifest import Manifest, ScoreError
from models.training.checkpoints import NoCheckpoints
from models.training.config import DrawnDonorsConfig, TrainingConfig
from models.training.dataset import LabelledCells
from models.training.drawn_donors import draw_three_sets, draw_unsorted, report_donors
from models.training.folds import Fits, Progress, fit_fold
from models.training.handover import Labels, describe, hand_over
from models.training.reporting import error_rates_of, report_folds

OnStep = Callable[[str], None]


def build_bundle(
    name: str, training: TrainingConfig, drawn: DrawnDonorsConfig, *, on_step: OnStep
) -> Bundle:
    """Draw donors, fit a network to them, and report it on donors it has never seen.

    Parameters
    ----------
    name
        Of the model version.
    training, drawn
        Everything the result depends on; both are saved in its manifest.
    on_step
        Told one line at a time what is done.

    Returns
    -------
    A bundle marked as demonstration, parity and golden crops checked.
    """
    cells, split = draw_three_sets(drawn, on_step=on_step)
    on_step(f"fitting to {len(split.fit)} cells of {drawn.n_fit_donors} drawn donors")
    fits = Fits(lambda progress: on_step(_line(progress)), NoCheckpoints(), 1)
    fold = fit_fold(cells, split, (training,), fits)
    figures, _ = report_folds(cells, (fold,), training.seed)
    manifest = replace(
        describe(
            Labels(name, demonstration=True),
            fold.config,
            temperature=fold.temperature,
            prior=fold.prior,
            data=_data_of(cells, split, drawn),
        ),
        metrics=figures,
        error_rates=error_rates_of((fold,), Holdout.DONOR),
    )
    report = cells.select(split.report)
    bundle = hand_over(fold.model, manifest, report)
    return bundle._replace(
        manifest=replace(bundle.manifest, score_error=_score_error(bundle, drawn, on_step))
    )


def _line(progress: Progress) -> str:
    return (
        f"epoch {progress.epoch}/{progress.epochs}: loss {progress.loss:.4f}, "
        f"accuracy {progress.accuracy:.3f}"
    )


def _data_of(cells: LabelledCells, split: Split, drawn: DrawnDonorsConfig) -> dict[str, Any]:
    def described(name: str) -> dict[str, Any]:
        part = cells.select(split.parts()[name])
        return {"donors": list(part.donor_codes), "n_cells": len(part)}

    return {
        "kind": "drawn",
        "cells_sha256": cells.sha256,
        "configuration": drawn.to_json(),
        **{name: described(name) for name in split.parts()},
    }


def _score_error(bundle: Bundle, drawn: DrawnDonorsConfig, on_step: OnStep) -> ScoreError | None:
    manifest: Manifest = bundle.manifest
    if manifest.target != "outlet" or drawn.n_report_donors < 2:
        return None
    classifier, errors = Classifier.load(bundle.onnx, manifest), []
    for donor in report_donors(drawn):
        sample = draw_unsorted(donor, drawn)
        errors.append(
            rigidity_score_error(
                classifier.predict(sample.crops),
                sample.drawn_outlets,
                manifest.outlets,
                manifest.training_prior,
            )
        )
        on_step(f"donor {donor.code}: {len(sample.crops)} unsorted cells, RS {errors[-1]:+.3f}")
    return summarise_score_errors(np.asarray(errors))
