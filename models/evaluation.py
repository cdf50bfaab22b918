"""Figures of a network on donors it has never seen, and of the baselines beside it."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from app.domain.outlets import LAST_DEFORMABLE_OUTLET
from app.domain.scoring import Mixing, estimate_outlet_fractions, rigidity_score_of_fractions
from models.manifest import ScoreError

Floats = NDArray[np.float64]

CALIBRATION_BINS: Final = 10
SCORE_ERROR_DEFINITION: Final = (
    "RS from the predicted outlet distribution, as samples are scored (EM drawn towards the usual "
    "mix), minus RS of the outlets of all cells drawn in the same images; one unsorted sample per "
    "held-out donor."
)


def is_rigid(outlets: NDArray[np.int64]) -> NDArray[np.bool_]:
    return outlets > LAST_DEFORMABLE_OUTLET


def p_rigid(p_outlet: NDArray[np.floating], columns: tuple[int, ...]) -> Floats:
    """Probability of outlet 4 or higher of each cell; (n, k) to (n,)."""
    return np.asarray(p_outlet[:, is_rigid(np.asarray(columns))].sum(axis=1), np.float64)


def confusion_matrix(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], columns: tuple[int, ...]
) -> NDArray[np.int64]:
    """Count cells by true outlet (row) and predicted outlet (column), both of `columns`."""
    order = np.asarray(columns)
    place = np.searchsorted(order, truth) * len(order) + np.searchsorted(order, predicted)
    return np.bincount(place, minlength=len(order) ** 2).reshape(len(order), len(order))


def calibration_error(p: Floats, is_true: NDArray[np.bool_]) -> float:
    """Expected calibration error: mean |confidence - frequency| over ten equal-width bins."""
    bins = np.minimum((p * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    count = np.bincount(bins, minlength=CALIBRATION_BINS)
    confidence = np.bincount(bins, p, CALIBRATION_BINS)
    frequency = np.bincount(bins, is_true.astype(np.float64), CALIBRATION_BINS)
    return float(np.abs(confidence - frequency).sum() / count.sum())


def class_accuracy(p_is_rigid: Floats, outlets: NDArray[np.int64]) -> float:
    """Share of cells whose class, deformable or rigid, is told correctly."""
    return float(((p_is_rigid > 0.5) == is_rigid(outlets)).mean())


def balanced_accuracy(p_is_rigid: Floats, outlets: NDArray[np.int64]) -> float:
    """Mean over the two classes of the share told correctly."""
    right, rigid = (p_is_rigid > 0.5) == is_rigid(outlets), is_rigid(outlets)
    return float((right[rigid].mean() + right[~rigid].mean()) / 2)


def evaluate(
    p_outlet: NDArray[np.float32],
    outlets: NDArray[np.int64],
    donors: NDArray[np.str_],
    columns: tuple[int, ...],
) -> dict[str, Any]:
    """Figures on held-out cells, overall and by donor, as JSON values.

    Parameters
    ----------
    p_outlet
        float32, shape (n, k), rows sum to 1.
    outlets
        int64, shape (n,): true outlets.
    donors
        str, shape (n,).
    columns
        The k outlets of the columns; with two columns, outlet figures are left out.
    """
    rigid = p_rigid(p_outlet, columns)
    figures: dict[str, Any] = {
        "n_cells": len(outlets),
        "n_donors": len(np.unique(donors)),
        "accuracy": class_accuracy(rigid, outlets),
        "balanced_accuracy": balanced_accuracy(rigid, outlets),
        "calibration_error": calibration_error(rigid, is_rigid(outlets)),
        "by_donor": _by_donor(rigid, outlets, donors),
    }
    if len(columns) > 2:
        figures |= _outlet_figures(p_outlet, outlets, columns)
    return figures


def _outlet_figures(
    p_outlet: NDArray[np.float32], outlets: NDArray[np.int64], columns: tuple[int, ...]
) -> dict[str, Any]:
    predicted = np.asarray(columns)[p_outlet.argmax(axis=1)]
    p_truth = p_outlet[np.arange(len(outlets)), np.searchsorted(np.asarray(columns), outlets)]
    return {
        "outlet_accuracy": float((predicted == outlets).mean()),
        "within_one_outlet": float((np.abs(predicted - outlets) <= 1).mean()),
        "log_loss": float(-np.log(np.maximum(p_truth, 1e-12)).mean()),
        "confusion": confusion_matrix(outlets, predicted, columns).tolist(),
    }


def _by_donor(
    p_is_rigid: Floats, outlets: NDArray[np.int64], donors: NDArray[np.str_]
) -> list[dict[str, Any]]:
    return [
        {
            "donor": str(code),
            "n_cells": int((donors == code).sum()),
            "accuracy": class_accuracy(p_is_rigid[donors == code], outlets[donors == code]),
        }
        for code in np.unique(donors)
    ]


def size_only_accuracy(
    fit_diameters_um: NDArray[np.float32],
    fit_outlets: NDArray[np.int64],
    diameters_um: NDArray[np.float32],
    outlets: NDArray[np.int64],
) -> float:
    """Two-class accuracy of a logistic regression on planar size and its square.

    A network that does not clearly beat this has learnt nothing but size.
    """
    model = LogisticRegression().fit(_size_features(fit_diameters_um), is_rigid(fit_outlets))
    predicted = model.predict(_size_features(diameters_um))
    return float((predicted == is_rigid(outlets)).mean())


def _size_features(diameters_um: NDArray[np.float32]) -> Floats:
    centred = diameters_um.astype(np.float64) - 6.2  # µm, a usual red cell in these images
    return np.column_stack([centred, centred**2])


def rigidity_score_error(
    p_outlet: NDArray[np.float32],
    outlets: NDArray[np.int64],
    columns: tuple[int, ...],
    prior: tuple[float, ...],
) -> float:
    """RS from one unsorted sample's posteriors minus RS of its cells' true outlets."""
    fractions = estimate_outlet_fractions(p_outlet, Mixing.usual(columns, prior))
    estimated = rigidity_score_of_fractions(dict(zip(columns, fractions.tolist(), strict=True)))
    counts = {column: float((outlets == column).sum()) for column in columns}
    return estimated - rigidity_score_of_fractions(counts)


def summarise_score_errors(errors: Floats) -> ScoreError:
    """Bias and spread over donors; needs two or more."""
    return ScoreError(
        sd=float(errors.std(ddof=1)),
        bias=float(errors.mean()),
        n_donors=len(errors),
        definition=SCORE_ERROR_DEFINITION,
    )
