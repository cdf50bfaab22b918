"""Agreement: the image score of one sample beside its reference scores, on the same scale."""

from dataclasses import dataclass

import numpy as np

from app.domain.outlets import OUTLETS
from app.domain.scoring import (
    Floats,
    crossing_share,
    deformable_share,
    percent_deviation,
    rigidity_scores,
)


@dataclass(frozen=True)
class ReferenceScore:
    """The device's score of one sort.

    Attributes
    ----------
    interval
        95 %: between-run error and, where the number of cells is known, counting error.
    deformable_fraction
        Share in outlets 1 to 3; None when only a score was entered.
    """

    rigidity_score: float
    interval: tuple[float, float]
    deformable_fraction: float | None


def score_reference(
    shares: Floats | None, n_cells: int | None, entered_score: float | None, run_sd: float
) -> ReferenceScore:
    """Score a reference entered as shares over outlets 1 to 12, or as a score already computed."""
    if shares is None:
        assert entered_score is not None
        score, variance, deformable = entered_score, 0.0, None
    else:
        score = float(rigidity_scores(shares[np.newaxis, :], OUTLETS)[0])
        deformable = float(deformable_share(shares[np.newaxis, :], OUTLETS)[0])
        crossing = max(crossing_share(shares, score, OUTLETS), 1e-3)
        # A cumulative share near one half has variance 1 / 4n.
        variance = 0.25 / n_cells / crossing**2 if n_cells else 0.0
    half = 1.96 * float(np.sqrt(run_sd**2 + variance))
    return ReferenceScore(score, (score - half, score + half), deformable)


@dataclass(frozen=True)
class Comparison:
    """The image score beside the mean of the sample's reference scores.

    Attributes
    ----------
    outlet_fractions, cumulated_fractions
        Mean shares by outlet over the runs that were entered with shares, and their running sum;
        None without any such run.
    """

    rigidity_score: float
    interval: tuple[float, float]
    delta: float
    percent_deviation: float
    n_runs: int
    outlet_fractions: dict[str, float] | None = None
    cumulated_fractions: dict[str, float] | None = None


def compare_with_references(
    image_score: float, references: tuple[ReferenceScore, ...]
) -> Comparison | None:
    """Compare with the mean of n runs; their errors are independent, so its interval narrows."""
    if not references:
        return None
    mean = float(np.mean([reference.rigidity_score for reference in references]))
    halves = [(r.interval[1] - r.interval[0]) / 2 for r in references]
    half = float(np.sqrt(np.sum(np.square(halves)))) / len(references)
    return Comparison(
        mean,
        (mean - half, mean + half),
        image_score - mean,
        percent_deviation(image_score, mean),
        len(references),
    )
