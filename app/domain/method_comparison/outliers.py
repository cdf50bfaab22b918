"""Outliers among differences: flagged for a person to look at, never left out of any figure.

References
----------
Rosner, Technometrics 25 (1983) 165-172: the generalised extreme Studentised deviate test. For one
suspect it is Grubbs' test and exact.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from app.domain.assessment import NotAssessable
from app.domain.method_comparison.pairs import Floats, Pairs, is_constant, missing_for

METHOD: Final = "outliers-esd/1"
FALSE_ALARMS: Final = 0.05
"""Chance that any pair is flagged where the differences are normal."""
FEWEST_PAIRS: Final = 6
FEWEST_FOR_SEVERAL: Final = 15
"""The test of several suspects at once keeps its level from about here on."""
MOST_SHARE: Final = 0.1


@dataclass(frozen=True)
class Outliers:
    """Which pairs stand out.

    Attributes
    ----------
    places
        Places of the flagged pairs, counted from 0, the furthest out first.
    most
        How many suspects the test looked at: one below 15 pairs, else a tenth of them.
    """

    method: str
    n: int
    places: tuple[int, ...]
    most: int


def find_outliers(pairs: Pairs) -> Outliers | NotAssessable:
    """Flag differences too far from the others for a normal distribution, at 5 % over all."""
    lacking = missing_for(METHOD, pairs, fewest=FEWEST_PAIRS)
    if lacking is not None:
        return lacking
    if is_constant(pairs.differences):
        return NotAssessable(METHOD, "no_spread", "all differences are equal")
    most = 1 if pairs.n < FEWEST_FOR_SEVERAL else max(1, int(MOST_SHARE * pairs.n))
    return Outliers(METHOD, pairs.n, extreme_places(pairs.differences, most), most)


def extreme_places(values: Floats, most: int) -> tuple[int, ...]:
    """Places of the outliers among values, the most extreme first.

    Parameters
    ----------
    values
        Shape (n,), not constant.
    most
        Number of suspects, below ``n - 1``.
    """
    order, deviates = extreme_deviates(values, most)
    exceeding = np.flatnonzero(deviates > critical_deviates(len(values), len(deviates)))
    return tuple(order[: int(exceeding[-1]) + 1]) if len(exceeding) else ()


def extreme_deviates(values: Floats, most: int) -> tuple[list[int], Floats]:
    """Places and Studentised distances of the most extreme value, taken out one after another."""
    remaining = np.ones(len(values), dtype=bool)
    order: list[int] = []
    deviates: list[float] = []
    for _ in range(most):
        left = values[remaining]
        if is_constant(left):
            break
        distance = np.where(remaining, np.abs(values - left.mean()), -1.0)
        order.append(int(np.argmax(distance)))
        deviates.append(float(distance.max() / left.std(ddof=1)))
        remaining[order[-1]] = False
    return order, np.array(deviates)


def critical_deviates(n: int, most: int) -> Floats:
    """Rosner's critical values for the first, second, … suspect of n values, shape (most,)."""
    suspect = np.arange(1, most + 1)
    left = n - suspect + 1
    t = stats.t.ppf(1 - FALSE_ALARMS / (2 * left), left - 2)
    return np.asarray((left - 1) * t / np.sqrt((left - 2 + t**2) * left))
