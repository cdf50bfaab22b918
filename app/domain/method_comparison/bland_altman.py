"""Bland-Altman: bias, limits of agreement, and the exact intervals of both.

References
----------
Bland and Altman, Lancet 327 (1986) 307-310; Statistical Methods in Medical Research 8 (1999)
135-160. Exact intervals of the limits: Carkeet, Optometry and Vision Science 92 (2015) e71-e80.
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
    Z,
    around,
    is_constant,
    missing_for,
)

METHOD: Final = "bland-altman/1"


@dataclass(frozen=True)
class BlandAltman:
    """Agreement as the distribution of image minus reference.

    Attributes
    ----------
    bias
        Mean difference.
    sd
        Standard deviation of the differences, n - 1 in the denominator.
    lower_limit, upper_limit
        Between them lie 95 % of the differences if these are normal; each with its own interval.
    slope_on_level
        Slope of the difference on the mean of the two scores; None where those do not differ.
    depends_on_level
        Whether that slope's interval leaves out zero: one bias and one pair of limits then
        describe no level well. Unequal spread of the two methods alone also causes it.
    """

    method: str
    n: int
    bias: Estimate
    sd: float
    lower_limit: Estimate
    upper_limit: Estimate
    slope_on_level: Estimate | None
    depends_on_level: bool


def bland_altman(pairs: Pairs) -> BlandAltman | NotAssessable:
    """Bias and limits of agreement with 95 % intervals.

    Returns
    -------
    BlandAltman or NotAssessable
        ``bias = mean d``, limits ``bias ± 1.96 s``. The interval of the bias is Student's; that of
        a limit is exact for normal differences, from the noncentral t distribution.
    """
    lacking = missing_for(METHOD, pairs)
    if lacking is not None:
        return lacking
    differences = pairs.differences
    if is_constant(differences):
        return NotAssessable(
            METHOD, "no_spread", "all differences are equal, so their spread cannot be estimated"
        )
    n, bias, sd = pairs.n, float(differences.mean()), float(differences.std(ddof=1))
    standard_error = sd / float(np.sqrt(n))
    near, far = _limit_quantiles(n)
    slope = slope_on_level(pairs.means, differences)
    return BlandAltman(
        method=METHOD,
        n=n,
        bias=around(bias, float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) * standard_error),
        sd=sd,
        lower_limit=Estimate(
            bias - Z * sd, bias - far * standard_error, bias - near * standard_error
        ),
        upper_limit=Estimate(
            bias + Z * sd, bias + near * standard_error, bias + far * standard_error
        ),
        slope_on_level=slope,
        depends_on_level=slope is not None and _leaves_out_zero(slope),
    )


def _limit_quantiles(n: int) -> tuple[float, float]:
    """Distance of a limit's interval ends from the bias, in standard errors of the bias."""
    shift = Z * np.sqrt(n)
    near, far = stats.nct.ppf([(1 - LEVEL) / 2, (1 + LEVEL) / 2], n - 1, shift)
    return float(near), float(far)


def slope_on_level(means: Floats, differences: Floats) -> Estimate | None:
    """Ordinary least squares slope of the differences on the means, with Student's interval."""
    if is_constant(means):
        return None
    line = stats.linregress(means, differences)
    half = float(stats.t.ppf((1 + LEVEL) / 2, len(means) - 2)) * float(line.stderr)
    return around(float(line.slope), half)


def _leaves_out_zero(estimate: Estimate) -> bool:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low > 0 or estimate.high < 0
