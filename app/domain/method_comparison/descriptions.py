"""Figures that describe pairs without judging agreement: percent deviation, Pearson's r.

References
----------
Lamoureux et al., Lab on a Chip 22 (2022) 26-39, for the percent deviation; Fisher, Metron 1 (1921)
3-32, for the interval of r.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from app.domain.assessment import NotAssessable
from app.domain.method_comparison.pairs import (
    LEVEL,
    Estimate,
    Pairs,
    is_constant,
    missing_for,
    missing_for_line,
)
from app.domain.scoring import RS_RANGE

PERCENT_METHOD: Final = "percent-deviation/1"
PEARSON_METHOD: Final = "pearson-r/1"


@dataclass(frozen=True)
class PercentDeviation:
    """Percent deviation as the paper defines it: ``100 |image - reference| / 1.00``.

    Attributes
    ----------
    mean
        In percent of the published score's range of 1.00, never of the reference score.
    sd
        Standard deviation over pairs, percent.
    mean_absolute
        The same mean in outlet numbers.
    """

    method: str
    n: int
    mean: Estimate
    sd: float
    mean_absolute: float


@dataclass(frozen=True)
class PearsonR:
    """Pearson's r. A description: it rises with the spread of the samples and ignores any bias."""

    method: str
    n: int
    r: Estimate


def mean_percent_deviation(pairs: Pairs) -> PercentDeviation | NotAssessable:
    """Mean percent deviation; the interval is Student's, cut at zero."""
    lacking = missing_for(PERCENT_METHOD, pairs)
    if lacking is not None:
        return lacking
    deviations = 100 * np.abs(pairs.differences) / RS_RANGE
    if is_constant(deviations):
        return NotAssessable(
            PERCENT_METHOD,
            "no_spread",
            "all deviations are equal, so their spread cannot be estimated",
        )
    mean, sd = float(deviations.mean()), float(deviations.std(ddof=1))
    half = float(stats.t.ppf((1 + LEVEL) / 2, pairs.n - 1) / np.sqrt(pairs.n)) * sd
    return PercentDeviation(
        method=PERCENT_METHOD,
        n=pairs.n,
        mean=Estimate(mean, max(mean - half, 0.0), mean + half),
        sd=sd,
        mean_absolute=mean * RS_RANGE / 100,
    )


def pearson_r(pairs: Pairs) -> PearsonR | NotAssessable:
    """Pearson's r with Fisher's interval, which is open for fewer than four pairs."""
    lacking = missing_for_line(PEARSON_METHOD, pairs)
    if lacking is not None:
        return lacking
    r = float(np.clip(np.corrcoef(pairs.reference, pairs.image)[0, 1], -1, 1))
    if pairs.n < 4:
        return PearsonR(PEARSON_METHOD, pairs.n, Estimate(r, None, None))
    half = stats.norm.ppf((1 + LEVEL) / 2) / np.sqrt(pairs.n - 3)
    # One ulp below 1 keeps the transform of a perfect line finite.
    transformed = np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15))
    low, high = np.tanh([transformed - half, transformed + half])
    return PearsonR(PEARSON_METHOD, pairs.n, Estimate(r, min(float(low), r), max(float(high), r)))
