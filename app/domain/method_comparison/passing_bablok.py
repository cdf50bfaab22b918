"""Passing-Bablok: a line from the median of all slopes between pairs, and whether it is straight.

References
----------
Passing and Bablok, Journal of Clinical Chemistry and Clinical Biochemistry 21 (1983) 709-720.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from app.domain.assessment import NotAssessable
from app.domain.method_comparison.pairs import (
    LEVEL,
    Estimate,
    Floats,
    Pairs,
    missing_for_line,
    tolerance_of,
)

METHOD: Final = "passing-bablok/1"
LINEARITY_METHOD: Final = "passing-bablok-cusum/1"
FEWEST_FOR_LINEARITY: Final = 20
"""Below it the test finds nothing: its simulated power at 10 pairs is nil."""
MOST_PAIRS: Final = 2_000
"""Two million slopes; more would keep a web process busy for seconds."""
CRITICAL_5_PERCENT: Final = 1.36
CRITICAL_1_PERCENT: Final = 1.63


@dataclass(frozen=True)
class Linearity:
    """The CUSUM test of the line.

    Attributes
    ----------
    statistic
        Largest cumulative sum of the scores of pairs above and below the line, along the line,
        over the root of one more than the number below.
    n_above, n_below
        Pairs on either side of the line.
    is_rejected
        Whether the statistic exceeds 1.36, the 5 % point.
    is_rejected_clearly
        Whether it exceeds 1.63, the 1 % point.
    """

    method: str
    statistic: float
    n_above: int
    n_below: int
    is_rejected: bool
    is_rejected_clearly: bool


@dataclass(frozen=True)
class PassingBablok:
    """The line ``image = intercept + slope · reference``.

    Attributes
    ----------
    n_slopes
        Slopes between pairs that count: those of equal pairs and of exactly -1 do not.
    n_steep
        Slopes below -1, by which the median is shifted.
    """

    method: str
    n: int
    slope: Estimate
    intercept: Estimate
    n_slopes: int
    n_steep: int
    linearity: Linearity | NotAssessable


def passing_bablok(pairs: Pairs, *, level: float = LEVEL) -> PassingBablok | NotAssessable:
    """Fit the line without asking how the errors are distributed.

    Parameters
    ----------
    level
        Coverage of the intervals.
    """
    lacking = missing_for_line(METHOD, pairs) or _missing(pairs)
    if lacking is not None:
        return lacking
    slopes = np.sort(pair_slopes(pairs))
    n_steep = int(np.sum(slopes < -1))
    slope = _shifted_median(slopes, n_steep)
    if not 0 < slope < np.inf:
        return NotAssessable(
            METHOD, "not_rising", "the two scores do not rise together, which the method supposes"
        )
    low, high = _slope_interval(slopes, n_steep, pairs.n, level)
    intercept = _intercept(pairs, slope)
    return PassingBablok(
        method=METHOD,
        n=pairs.n,
        slope=Estimate(slope, low, high),
        intercept=_intercept_estimate(pairs, intercept, low, high),
        n_slopes=len(slopes),
        n_steep=n_steep,
        linearity=assess_linearity(pairs, slope, intercept),
    )


def _missing(pairs: Pairs) -> NotAssessable | None:
    if pairs.n > MOST_PAIRS:
        return NotAssessable(
            METHOD, "too_many_pairs", f"there are more than {MOST_PAIRS}; choose a shorter period"
        )
    tau = stats.kendalltau(pairs.reference, pairs.image).statistic
    if not tau > 0:
        return NotAssessable(
            METHOD, "not_rising", "the two scores do not rise together, which the method supposes"
        )
    return None


def pair_slopes(pairs: Pairs) -> Floats:
    """Slopes between all pairs of points, unsorted; those of equal points and of -1 left out.

    Returns
    -------
    ndarray
        Shape (N,); infinite, with the sign of the rise, where the references tie.
    """
    first, second = np.triu_indices(pairs.n, k=1)
    run = pairs.reference[second] - pairs.reference[first]
    rise = pairs.image[second] - pairs.image[first]
    ties_run = np.abs(run) <= tolerance_of(pairs.reference)
    ties_rise = np.abs(rise) <= tolerance_of(pairs.image)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.where(ties_run, np.inf, np.where(ties_rise, 0.0, rise / run))
    is_minus_one = np.abs(run + rise) <= max(
        tolerance_of(pairs.reference), tolerance_of(pairs.image)
    )
    return np.asarray(slopes[~(ties_run & ties_rise) & ~is_minus_one])


def _shifted_median(slopes: Floats, n_steep: int) -> float:
    """The median, moved up by the number of slopes below -1."""
    n = len(slopes)
    if n == 0:
        return np.nan
    lower = min((n - 1) // 2 + n_steep, n - 1)
    upper = min(n // 2 + n_steep, n - 1)
    if np.isinf(slopes[upper]):
        return float(slopes[lower]) if lower == upper else np.inf
    return float((slopes[lower] + slopes[upper]) / 2)


def _slope_interval(
    slopes: Floats, n_steep: int, n: int, level: float
) -> tuple[float | None, float | None]:
    """Order statistics around the median; an end beyond the slopes there are is open."""
    z = float(stats.norm.ppf((1 + level) / 2))
    reach = z * np.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    lower = round((len(slopes) - reach) / 2)
    upper = len(slopes) - lower + 1
    return _ranked(slopes, lower + n_steep), _ranked(slopes, upper + n_steep)


def _ranked(slopes: Floats, rank: int) -> float | None:
    """The slope of this rank, counted from 1."""
    if not 1 <= rank <= len(slopes) or np.isinf(slopes[rank - 1]):
        return None
    return float(slopes[rank - 1])


def _intercept(pairs: Pairs, slope: float) -> float:
    return float(np.median(pairs.image - slope * pairs.reference))


def _intercept_estimate(
    pairs: Pairs, intercept: float, low: float | None, high: float | None
) -> Estimate:
    """The intercepts at the slope's ends bound the intercept, from the other side.

    Among references of both signs they may fail to: such an end is open.
    """
    below = None if high is None else _intercept(pairs, high)
    above = None if low is None else _intercept(pairs, low)
    return Estimate(
        intercept,
        below if below is not None and below <= intercept else None,
        above if above is not None and above >= intercept else None,
    )


def assess_linearity(pairs: Pairs, slope: float, intercept: float) -> Linearity | NotAssessable:
    """The CUSUM test, where there are pairs enough for it to find anything."""
    if pairs.n < FEWEST_FOR_LINEARITY:
        return NotAssessable(
            LINEARITY_METHOD,
            "too_few_pairs",
            f"below {FEWEST_FOR_LINEARITY} pairs the test cannot find a curve, and there are "
            f"{pairs.n}",
        )
    return cusum_linearity(pairs, slope, intercept)


def cusum_linearity(pairs: Pairs, slope: float, intercept: float) -> Linearity | NotAssessable:
    """The CUSUM test, however few the pairs.

    Parameters
    ----------
    slope, intercept
        The Passing-Bablok line; the slope is above zero.
    """
    residual = pairs.image - intercept - slope * pairs.reference
    residual[np.abs(residual) <= tolerance_of(pairs.image)] = 0.0
    n_above, n_below = int(np.sum(residual > 0)), int(np.sum(residual < 0))
    if n_above == 0 or n_below == 0:
        return NotAssessable(
            LINEARITY_METHOD, "one_sided", "no pair lies above the line, or none below"
        )
    score = np.where(residual > 0, np.sqrt(n_below / n_above), -np.sqrt(n_above / n_below))
    score[residual == 0] = 0.0
    along = pairs.image + pairs.reference / slope
    statistic = np.abs(np.cumsum(score[np.argsort(along, kind="stable")])).max()
    statistic = float(statistic / np.sqrt(n_below + 1))
    return Linearity(
        method=LINEARITY_METHOD,
        statistic=statistic,
        n_above=n_above,
        n_below=n_below,
        is_rejected=statistic > CRITICAL_5_PERCENT,
        is_rejected_clearly=statistic > CRITICAL_1_PERCENT,
    )
