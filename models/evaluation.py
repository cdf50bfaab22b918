"""Figures of a network on cells that did not fit it, with intervals over donors.

Deformable is the positive class. Intervals resample donors, and within a donor the wells of each
outlet, because cells of one well share its light; under five donors there is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

from app.domain.outlets import IMAGED_OUTLETS, LAST_DEFORMABLE_OUTLET, PUBLISHED_MIX
from app.domain.scoring import (
    Mixing,
    estimate_outlet_fractions,
    expectation_maximisation,
    rigidity_score_of_fractions,
)
from models.manifest import ScoreError

Floats = NDArray[np.float64]

CALIBRATION_BINS: Final = 10
FEWEST_DONORS_FOR_INTERVAL: Final = 5
DRAWS: Final = 1000
AUC_BINS: Final = 512
MIX_TILTS: Final = (-0.7, 0.0, 0.7)
"""Exponents by outlet that make the usual mix a soft, a usual and a stiff donor's."""
SCORE_ERROR_DEFINITION: Final = (
    "RS from the predicted outlet distribution, as samples are scored (EM drawn towards the usual "
    "mix), minus RS of the outlets of all cells drawn in the same images; one unsorted sample per "
    "held-out donor."
)
SORTED_SCORE_ERROR_DEFINITION: Final = (
    "RS from the predicted outlet distribution, as samples are scored (EM drawn towards the usual "
    "mix), minus RS of the mix itself; each donor's sorted cells, none of which fitted the network "
    "that answers, weighted to a soft, a usual and a stiff mix."
)


@dataclass(frozen=True)
class HeldOut:
    """Answers for n cells by networks that these cells did not fit.

    Attributes
    ----------
    p_outlet
        float32, shape (n, k), rows sum to 1.
    outlets
        int64, shape (n,): true outlets.
    donors, wells
        str, shape (n,).
    columns
        The k outlets of the columns; two columns stand for the two classes.
    """

    p_outlet: NDArray[np.float32]
    outlets: NDArray[np.int64]
    donors: NDArray[np.str_]
    wells: NDArray[np.str_]
    columns: tuple[int, ...]

    @property
    def p_deformable(self) -> Floats:
        return 1.0 - p_rigid(self.p_outlet, self.columns)

    @property
    def is_deformable(self) -> NDArray[np.bool_]:
        return ~is_rigid(self.outlets)


def is_rigid(outlets: NDArray[np.int64]) -> NDArray[np.bool_]:
    return outlets > LAST_DEFORMABLE_OUTLET


def p_rigid(p_outlet: NDArray[np.floating], columns: tuple[int, ...]) -> Floats:
    """Probability of outlet 4 or higher of each cell; (n, k) to (n,)."""
    return np.asarray(p_outlet[:, is_rigid(np.asarray(columns))].sum(axis=1), np.float64)


def confusion_matrix(
    truth: NDArray[np.int64],
    predicted: NDArray[np.int64],
    rows: tuple[int, ...],
    columns: tuple[int, ...],
) -> NDArray[np.int64]:
    """Count cells by true outlet, of `rows`, and predicted outlet, of `columns`."""
    row, column = np.searchsorted(rows, truth), np.searchsorted(columns, predicted)
    counts = np.bincount(row * len(columns) + column, minlength=len(rows) * len(columns))
    return counts.reshape(len(rows), len(columns))


def calibration_error(p: Floats, is_true: NDArray[np.bool_]) -> float:
    """Expected calibration error: mean |confidence - frequency| over ten equal-width bins."""
    bins = reliability(p, is_true)
    gaps = [row["n_cells"] * abs(row["p"] - row["frequency"]) for row in bins]
    return float(sum(gaps) / len(p))


def reliability(p: Floats, is_true: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Mean probability and frequency of each of ten equal-width bins that holds a cell."""
    bins = np.minimum((p * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    return [
        {
            "p": float(p[bins == place].mean()),
            "frequency": float(is_true[bins == place].mean()),
            "n_cells": int((bins == place).sum()),
        }
        for place in np.unique(bins)
    ]


def class_accuracy(p_is_rigid: Floats, outlets: NDArray[np.int64]) -> float:
    """Share of cells whose class, deformable or rigid, is told correctly."""
    return float(((p_is_rigid > 0.5) == is_rigid(outlets)).mean())


def evaluate(held: HeldOut, *, seed: int = 0) -> dict[str, Any]:
    """Figures on held-out cells, overall and by donor, as JSON values.

    Parameters
    ----------
    seed
        Of the resampling behind the intervals.
    """
    wells = _Wells.of(held)
    overall = wells.figures(np.ones((1, len(wells.counts))))
    figures: dict[str, Any] = {
        "n_cells": len(held.outlets),
        "n_donors": len(np.unique(held.donors)),
        "positive": "deformable",
        **{name: _number(values[0]) for name, values in overall.items()},
        "intervals": _intervals(wells, overall, seed),
        "confusion": wells.confusion().tolist(),
        "calibration_error": calibration_error(held.p_deformable, held.is_deformable),
        "reliability": reliability(held.p_deformable, held.is_deformable),
        "by_donor": _by_donor(wells),
    }
    if len(held.columns) > 2:
        figures |= _outlet_figures(held)
    return figures


@dataclass(frozen=True)
class _Wells:
    """Cells summed by well: whatever is resampled is made of wells.

    Attributes
    ----------
    counts
        Shape (w, 2, 2): true class by called class, deformable first.
    histograms
        Shape (w, 2, bins): true class by p_deformable.
    donors, outlets
        Shape (w,).
    """

    counts: Floats
    histograms: Floats
    donors: NDArray[np.str_]
    outlets: NDArray[np.int64]

    @classmethod
    def of(cls, held: HeldOut) -> "_Wells":
        _, first, place = np.unique(held.wells, return_index=True, return_inverse=True)
        n_wells, rigid = len(first), is_rigid(held.outlets).astype(np.int64)
        called_rigid = (held.p_deformable <= 0.5).astype(np.int64)
        bins = np.minimum((held.p_deformable * AUC_BINS).astype(np.int64), AUC_BINS - 1)
        counts = np.bincount(place * 4 + rigid * 2 + called_rigid, minlength=n_wells * 4)
        spread = np.bincount(
            (place * 2 + rigid) * AUC_BINS + bins, minlength=n_wells * 2 * AUC_BINS
        )
        return cls(
            counts=counts.reshape(n_wells, 2, 2).astype(np.float64),
            histograms=spread.reshape(n_wells, 2, AUC_BINS).astype(np.float64),
            donors=held.donors[first],
            outlets=held.outlets[first],
        )

    def confusion(self) -> NDArray[np.int64]:
        return np.asarray(self.counts.sum(axis=0), np.int64)

    def figures(self, weights: Floats) -> dict[str, Floats]:
        """Figures of each weighting of the wells; (d, w) to (d,) each, NaN without a class."""
        counts = np.tensordot(weights, self.counts, axes=1)
        (tp, fn), (fp, tn) = np.moveaxis(counts, 0, -1)
        with np.errstate(divide="ignore", invalid="ignore"):
            recall, specificity, precision = tp / (tp + fn), tn / (tn + fp), tp / (tp + fp)
            return {
                "accuracy": (tp + tn) / (tp + fn + fp + tn),
                "balanced_accuracy": (recall + specificity) / 2,
                "precision": precision,
                "recall": recall,
                "f1": 2 * tp / (2 * tp + fp + fn),
                "roc_auc": _roc_auc(np.tensordot(weights, self.histograms, axes=1)),
            }

    def resample(self, rng: np.random.Generator) -> Floats:
        """How often each well is drawn: donors, then wells of each outlet; (draws, w)."""
        codes = np.unique(self.donors)
        drawn = rng.multinomial(len(codes), np.full(len(codes), 1 / len(codes)), size=DRAWS)
        weights = np.zeros((DRAWS, len(self.counts)))
        for place, code in enumerate(codes):
            for outlet in np.unique(self.outlets[self.donors == code]):
                here = np.flatnonzero((self.donors == code) & (self.outlets == outlet))
                weights[:, here] = rng.multinomial(
                    drawn[:, place] * len(here), np.full(len(here), 1 / len(here))
                )
        return weights


def _roc_auc(histograms: Floats) -> Floats:
    """Chance that a deformable cell is called likelier deformable than a rigid one; (d, 2, b)."""
    deformable, rigid = histograms[:, 0], histograms[:, 1]
    rigid_below = np.cumsum(rigid, axis=1) - rigid
    wins = (deformable * (rigid_below + rigid / 2)).sum(axis=1)
    return np.asarray(wins / (deformable.sum(axis=1) * rigid.sum(axis=1)))


def _intervals(
    wells: _Wells, overall: dict[str, Floats], seed: int
) -> dict[str, list[float]] | None:
    """95 % over donors: Student's t on the resampled standard error; None under five donors."""
    n_donors = len(np.unique(wells.donors))
    if n_donors < FEWEST_DONORS_FOR_INTERVAL:
        return None
    drawn = wells.figures(wells.resample(np.random.default_rng(seed)))
    reach = float(student_t.ppf(0.975, n_donors - 1)) * np.sqrt(n_donors / (n_donors - 1))
    intervals = {}
    for name, values in overall.items():
        half = reach * float(np.nanstd(drawn[name]))
        low, high = values[0] - half, values[0] + half
        intervals[name] = [float(max(low, 0.0)), float(min(high, 1.0))]
    return intervals


def _by_donor(wells: _Wells) -> list[dict[str, Any]]:
    rows = []
    for code in np.unique(wells.donors):
        figures = wells.figures((wells.donors == code)[np.newaxis].astype(np.float64))
        row: dict[str, Any] = {"donor": str(code)}
        row["n_cells"] = int(wells.counts[wells.donors == code].sum())
        rows.append(row | {name: _number(values[0]) for name, values in figures.items()})
    return rows


def _number(value: float) -> float | None:
    """None for what cannot be said, as JSON knows no NaN."""
    return float(value) if np.isfinite(value) else None


def _outlet_figures(held: HeldOut) -> dict[str, Any]:
    columns, outlets = held.columns, held.outlets
    predicted = np.asarray(columns)[held.p_outlet.argmax(axis=1)]
    place = np.searchsorted(np.asarray(columns), outlets)
    p_truth = held.p_outlet[np.arange(len(outlets)), place]
    return {
        "outlet_accuracy": float((predicted == outlets).mean()),
        "within_one_outlet": float((np.abs(predicted - outlets) <= 1).mean()),
        "log_loss": float(-np.log(np.maximum(p_truth, 1e-12)).mean()),
        "outlets": list(columns),
        "outlet_confusion": confusion_matrix(outlets, predicted, columns, columns).tolist(),
    }


def donor_error_rates(held: HeldOut) -> list[dict[str, Any]]:
    """Of each donor: true and rightly called cells by class, and confusion by outlet.

    Rows of the confusion are outlets 2 to 5, zero where the donor has none; columns are the
    network's.
    """
    predicted = np.asarray(held.columns)[held.p_outlet.argmax(axis=1)]
    called_deformable = held.p_deformable > 0.5
    rates = []
    for code in np.unique(held.donors):
        own = held.donors == code
        true = own & held.is_deformable
        false = own & ~held.is_deformable
        rates.append(
            {
                "donor": str(code),
                "deformable": {
                    "true": int(true.sum()),
                    "called": int((true & called_deformable).sum()),
                },
                "rigid": {
                    "true": int(false.sum()),
                    "called": int((false & ~called_deformable).sum()),
                },
                "confusion": confusion_matrix(
                    held.outlets[own], predicted[own], IMAGED_OUTLETS, held.columns
                ).tolist(),
            }
        )
    return rates


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


def sorted_score_errors(held: HeldOut, prior: tuple[float, ...]) -> Floats:
    """Errors of the score on donors whose cells are sorted.

    Parameters
    ----------
    held
        Of one network, whose training mix was `prior`.

    Returns
    -------
    Shape (d, 3): each donor's cells weighted to a soft, a usual and a stiff mix.
    """
    mixing = Mixing.usual(held.columns, prior)
    return np.array(
        [_mix_errors(held, held.donors == code, mixing) for code in np.unique(held.donors)]
    )


def _mix_errors(held: HeldOut, own: NDArray[np.bool_], mixing: Mixing) -> list[float]:
    outlets, p_outlet = held.outlets[own], held.p_outlet[own].astype(np.float64)
    errors = []
    for tilt in MIX_TILTS:
        mix = mix_over(np.unique(outlets), tilt)
        weights = cell_weights(outlets, mix)
        shares = expectation_maximisation(p_outlet, weights[np.newaxis], mixing)[0]
        estimated = dict(zip(held.columns, shares.tolist(), strict=True))
        errors.append(rigidity_score_of_fractions(estimated) - rigidity_score_of_fractions(mix))
    return errors


def mix_over(outlets: Sequence[int] | NDArray[np.int64], tilt: float = 0.0) -> dict[int, float]:
    """The usual mix over the outlets at hand, tilted: positive makes a stiffer donor."""
    shares = {int(n): PUBLISHED_MIX[int(n)] * float(np.exp(tilt * int(n))) for n in outlets}
    total = sum(shares.values())
    return {outlet: share / total for outlet, share in shares.items()}


def cell_weights(outlets: NDArray[np.int64], mix: dict[int, float]) -> Floats:
    """Weights of sorted cells, shape (n,), that add up to a mix of outlets."""
    weights = np.zeros(len(outlets))
    for outlet, share in mix.items():
        here = outlets == outlet
        weights[here] = share / here.sum()
    return weights


def summarise_score_errors(errors: Floats, definition: str = SCORE_ERROR_DEFINITION) -> ScoreError:
    """Bias and spread over two or more donors; shape (d,), or (d, m) for m mixes of each."""
    by_donor = errors.reshape(len(errors), -1)
    bias = float(by_donor.mean())
    variance = ((by_donor - bias) ** 2).mean(axis=1).sum() / (len(errors) - 1)
    return ScoreError(
        sd=float(np.sqrt(variance)), bias=bias, n_donors=len(errors), definition=definition
    )
