"""Deming regression: a line where both scores carry error, with jackknife intervals.

References
----------
Deming, Statistical Adjustment of Data (1943); Linnet, Clinical Chemistry 39 (1993) 424-432 for
the jackknife and the weighted form.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy import stats

from app.domain.assessment import NotAssessable
from app.domain.method_comparison.pairs import (
    LEVEL,
    Estimate,
    Floats,
    Pairs,
    around,
    is_constant,
    missing_for_line,
)

METHOD: Final = "deming/1"
WEIGHTED_METHOD: Final = "deming-weighted/1"
ROUNDS: Final = 30
SETTLED: Final = 1e-6
SMALLEST_LEVEL: Final = 1e-6
"""Of the largest; a pair nearer to zero would outweigh all others together."""

Fit = Callable[[Pairs, float], tuple[float, float] | None]


@dataclass(frozen=True)
class VarianceRatio:
    """Variance of the reference's error over that of the image's; what a Deming line rests on.

    Attributes
    ----------
    value
        Above zero; 1 if both scores are equally uncertain.
    source
        ``assumed``, ``entered`` by a person, or ``replicates``.
    df_reference, df_image
        Degrees of freedom of the replicates that there are, enough or not.
    """

    value: float = 1.0
    source: Literal["assumed", "entered", "replicates"] = "assumed"
    df_reference: int = 0
    df_image: int = 0


EQUAL_ERRORS: Final = VarianceRatio()


@dataclass(frozen=True)
class BiasAt:
    """What the line says of image minus reference at one reference score."""

    level: float
    bias: Estimate


@dataclass(frozen=True)
class SlopeAt:
    """What the slope would be at another ratio: how much rests on the one that was taken."""

    ratio: float
    slope: float


@dataclass(frozen=True)
class Deming:
    """The line ``image = intercept + slope · reference``.

    Attributes
    ----------
    slope_se, intercept_se
        Jackknife standard errors; the intervals are Student's with n - 2 degrees of freedom.
    sensitivity
        The slope at half and at twice the ratio.
    """

    method: str
    n: int
    variance_ratio: VarianceRatio
    slope: Estimate
    slope_se: float
    intercept: Estimate
    intercept_se: float
    bias_at: tuple[BiasAt, ...]
    sensitivity: tuple[SlopeAt, ...]


def deming(
    pairs: Pairs, ratio: VarianceRatio = EQUAL_ERRORS, *, levels: Sequence[float] = ()
) -> Deming | NotAssessable:
    """Fit the line by errors in both variables.

    Parameters
    ----------
    ratio
        Var(error of reference) / Var(error of image).
    levels
        Reference scores at which the bias ``intercept + (slope - 1) · level`` is told.
    """
    return _with_jackknife(METHOD, pairs, ratio, levels, deming_line)


def weighted_deming(
    pairs: Pairs, ratio: VarianceRatio = EQUAL_ERRORS, *, levels: Sequence[float] = ()
) -> Deming | NotAssessable:
    """Fit the line where the errors grow with the level.

    For quantities with a true zero. A rigidity score has none, so Pliant offers it nowhere.
    """
    if np.any(np.minimum(pairs.reference, pairs.image) <= 0):
        return NotAssessable(WEIGHTED_METHOD, "not_positive", "its weights need values above zero")
    return _with_jackknife(WEIGHTED_METHOD, pairs, ratio, levels, weighted_line)


def deming_line(
    pairs: Pairs, ratio: float, weights: Floats | None = None
) -> tuple[float, float] | None:
    """Slope and intercept; None where the two scores do not vary together."""
    w = np.ones(pairs.n) if weights is None else weights
    x, y = np.average(pairs.reference, weights=w), np.average(pairs.image, weights=w)
    dx, dy = pairs.reference - x, pairs.image - y
    u, q, c = float(w @ dx**2), float(w @ dy**2), float(w @ (dx * dy))
    # Where nothing varies together, rounding alone would choose between a flat and a steep line.
    if abs(c) <= 1e-12 * np.sqrt(u * q) or u * q == 0:
        return None
    tilt = ratio * q - u
    slope = (tilt + np.hypot(tilt, 2 * np.sqrt(ratio) * c)) / (2 * ratio * c)
    return float(slope), float(y - slope * x)


def weighted_line(pairs: Pairs, ratio: float) -> tuple[float, float] | None:
    """Slope and intercept after refitting with weights from the fitted levels until they settle."""
    line = deming_line(pairs, ratio)
    for _ in range(ROUNDS):
        if line is None:
            return None
        weights = _level_weights(pairs, ratio, *line)
        fitted = None if weights is None else deming_line(pairs, ratio, weights)
        if fitted is None or np.abs(np.subtract(fitted, line)).max() < SETTLED:
            return fitted
        line = fitted
    return None


def _level_weights(pairs: Pairs, ratio: float, slope: float, intercept: float) -> Floats | None:
    """One over the square of each pair's level, as the line corrects it; None if one is zero."""
    residual = pairs.image - intercept - slope * pairs.reference
    share = residual / (1 + ratio * slope**2)
    level = (pairs.reference + ratio * slope * share + ratio * (pairs.image - share)) / (1 + ratio)
    largest = np.abs(level).max()
    if np.any(np.abs(level) <= SMALLEST_LEVEL * largest):
        return None
    return np.asarray((level / largest) ** -2.0)


def _with_jackknife(
    method: str, pairs: Pairs, ratio: VarianceRatio, levels: Sequence[float], fit: Fit
) -> Deming | NotAssessable:
    lacking = missing_for_line(method, pairs)
    if lacking is not None:
        return lacking
    line = fit(pairs, ratio.value)
    if line is None:
        return NotAssessable(method, "no_relation", "the two scores do not vary together")
    left_out = [fit(pairs.without(place), ratio.value) for place in range(pairs.n)]
    lines = np.array([one for one in left_out if one is not None])
    if len(lines) < pairs.n:
        return NotAssessable(
            method, "rests_on_one_pair", "without one of the pairs there is no line at all"
        )
    if is_constant(pairs.image - line[1] - line[0] * pairs.reference):
        return NotAssessable(
            method, "no_spread", "all pairs lie on one line, so the error cannot be estimated"
        )
    others = [(factor * ratio.value, fit(pairs, factor * ratio.value)) for factor in (0.5, 2.0)]
    sensitivity = tuple(SlopeAt(other, found[0]) for other, found in others if found is not None)
    return _told(method, ratio, levels, np.array(line), lines, sensitivity)


def _told(
    method: str,
    ratio: VarianceRatio,
    levels: Sequence[float],
    line: Floats,
    lines: Floats,
    sensitivity: tuple[SlopeAt, ...],
) -> Deming:
    (slope, slope_se), (intercept, intercept_se) = (
        jackknife(line[column], lines[:, column]) for column in (0, 1)
    )
    at = [BiasAt(level, jackknife(_bias(line, level), _bias(lines, level))[0]) for level in levels]
    return Deming(
        method=method,
        n=len(lines),
        variance_ratio=ratio,
        slope=slope,
        slope_se=slope_se,
        intercept=intercept,
        intercept_se=intercept_se,
        bias_at=tuple(at),
        sensitivity=sensitivity,
    )


def _bias(lines: Floats, level: float) -> Floats:
    return np.asarray(lines[..., 1] + (lines[..., 0] - 1) * level)


def jackknife(whole: Floats, left_out: Floats) -> tuple[Estimate, float]:
    """Estimate and standard error from the n figures that each leave one pair out.

    Parameters
    ----------
    whole
        The figure of all n pairs.
    left_out
        Shape (n,).

    Returns
    -------
    Estimate
        Around the figure of all pairs, with Student's t of n - 2 degrees of freedom.
    float
        Standard deviation of the pseudo-values over the root of n.
    """
    n = len(left_out)
    pseudo = n * whole - (n - 1) * left_out
    # Halved often enough that no square overflows; a power of two changes no digit.
    _, halvings = np.frexp(np.abs(pseudo).max())
    spread = np.ldexp(np.ldexp(pseudo, -halvings).std(ddof=1), halvings)
    error = float(spread / np.sqrt(n))
    half = float(stats.t.ppf((1 + LEVEL) / 2, n - 2)) * error
    return around(float(whole), half), error
