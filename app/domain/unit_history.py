"""How the score of one unit moves over storage days: a straight line, its slope and what is known.

The image score's largest error belongs to the donor: how these cells look to the network. What of
it stays with the donor lifts all days of a unit alike and leaves the slope as it was, so a score's
own interval says too much about a slope. What differs between days (wells, preparation, light, and
looks that change) is seen in how far the scores lie from a line, and nowhere else. Hence one
interval rests on these residuals, with Student's t of n - 2 degrees of freedom. Three days that by
chance lie on a line would claim a slope without error; so a second interval rests on repeated
wells, or on repeated runs of the device, and the wider of the two is given. It holds the slope in
at least 95 of 100 units, whichever of the two errors there is.

What no residual can show is an error that itself grows with storage: cells that come to *look*
more rigid than they are. The interval of a slope does not hold it.

References
----------
Student's t interval of a regression slope: Draper and Smith, Applied Regression Analysis (1998),
section 1.4. Of an error from within and one from between samplings the larger counts: Birge,
Physical Review 40 (1932) 207.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from app.domain.assessment import NotAssessable
from app.domain.method_comparison.pairs import LARGEST, LEVEL, Estimate, around, tolerance_of

Floats = NDArray[np.float64]

METHOD: Final = "unit-slope/1"
FEWEST_DAYS: Final = 3
"""Through two days a line always passes, so nothing would be left to tell its error."""


@dataclass(frozen=True)
class DayScore:
    """A rigidity score of one sampling of a unit.

    Attributes
    ----------
    storage_day
        Days from collection to sampling, 0 or more.
    score
        Outlets.
    standard_error
        Of this sampling alone, as its wells or the device's runs repeat, in outlets; None where
        nothing was repeated.
    """

    storage_day: int
    score: float
    standard_error: float | None = None


@dataclass(frozen=True)
class Trend:
    """The line through the scores of one unit.

    Attributes
    ----------
    n
        Samplings.
    n_days
        Different storage days among them.
    first_day, last_day
        The line says nothing beyond them.
    slope_per_day
        Outlets per day; higher means that the cells become more rigid. None of its ends is open.
    change
        The same over the days from the first to the last, in outlets.
    first_score, last_score
        The line at its two ends, in outlets.
    residual_sd
        Of the scores around the line, n - 2 degrees of freedom, in outlets.
    rests_on
        ``residuals``, or ``repeats`` where these give the wider interval.
    """

    method: str
    n: int
    n_days: int
    first_day: int
    last_day: int
    slope_per_day: Estimate
    change: Estimate
    first_score: float
    last_score: float
    residual_sd: float
    rests_on: str


def fit_trend(points: Sequence[DayScore], *, repeat_degrees: float = inf) -> Trend | NotAssessable:
    """Fit a straight line to the scores of one unit, each sampling counting alike.

    Parameters
    ----------
    points
        Samplings of one unit by one method, in any order; two of one day are two points.
    repeat_degrees
        Degrees of freedom behind the samplings' standard errors; infinite where these are known,
        such as the device's, which is a setting.

    Returns
    -------
    Trend or NotAssessable
        ``too_few_days``, ``not_a_number`` or ``no_spread`` where there is no slope.
    """
    days = np.array([point.storage_day for point in points], dtype=np.float64)
    scores = np.array([point.score for point in points], dtype=np.float64)
    lacking = _missing(days, scores, points)
    if lacking is not None:
        return lacking
    centred = days - days.mean()
    slope = float(centred @ scores) / float(centred @ centred)
    residuals = scores - scores.mean() - slope * centred
    residual_sd = float(np.sqrt(residuals @ residuals / (len(points) - 2)))
    of_residuals = _quantile(len(points) - 2) * residual_sd / float(np.sqrt(centred @ centred))
    of_repeats = _quantile(repeat_degrees) * _error_of_repeats(points, centred)
    if max(residual_sd, of_repeats) <= tolerance_of(scores):
        return NotAssessable(
            METHOD,
            "no_spread",
            "all scores lie on one line and nothing was repeated, so the error cannot be estimated",
        )
    half, length = max(of_residuals, of_repeats), float(np.ptp(days))
    return Trend(
        method=METHOD,
        n=len(points),
        n_days=len(set(days.tolist())),
        first_day=int(days.min()),
        last_day=int(days.max()),
        slope_per_day=around(slope, half),
        change=around(slope * length, half * length),
        first_score=float(scores.mean() + slope * centred.min()),
        last_score=float(scores.mean() + slope * centred.max()),
        residual_sd=residual_sd,
        rests_on="residuals" if of_residuals >= of_repeats else "repeats",
    )


def _quantile(degrees: float) -> float:
    return float(stats.t.ppf((1 + LEVEL) / 2, degrees))


def _missing(days: Floats, scores: Floats, points: Sequence[DayScore]) -> NotAssessable | None:
    n_days = len(set(days.tolist()))
    if n_days < FEWEST_DAYS:
        has = "there is one" if n_days == 1 else f"there are {n_days}"
        return NotAssessable(
            METHOD,
            "too_few_days",
            f"a slope needs scores of {FEWEST_DAYS} different storage days and {has}",
        )
    errors = [point.standard_error or 0.0 for point in points]
    if not np.all(np.abs([*scores, *errors]) <= LARGEST):  # false for what is no number, too
        return NotAssessable(
            METHOD, "not_a_number", "a score or its error is not a finite number of a usual size"
        )
    return None


def _error_of_repeats(points: Sequence[DayScore], centred: Floats) -> float:
    """Standard error of the slope if samplings erred no more than their repeats do.

    Samplings without repeats take the others' mean variance; 0 where nothing was repeated.
    """
    known = [point.standard_error**2 for point in points if point.standard_error is not None]
    if not known:
        return 0.0
    usual = float(np.mean(known))
    variances = [
        usual if point.standard_error is None else point.standard_error**2 for point in points
    ]
    return float(np.sqrt(centred**2 @ np.array(variances))) / float(centred @ centred)
