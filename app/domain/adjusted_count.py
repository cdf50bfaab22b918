"""The share deformable from a count of calls, freed of the classifier's known errors.

For models of two classes. Every donor of known truth says what share it would have called, had
its true share been p: ``r(p) = p Se + (1 - p)(1 - Sp)``, with its own sensitivity and specificity.
Their mean is the Rogan-Gladen line; their spread is what another donor may add, and keeps the two
rates' correlation over donors without estimating it. What the sample's own mix of outlets within a
class may add is a term of its own: donors calibrated at one mix cannot show it.

References
----------
Rogan and Gladen, American Journal of Epidemiology 107 (1978) 71-76: the estimate.
Fieller, Journal of the Royal Statistical Society B 16 (1954) 175-185: a test inverted.
Satterthwaite, Biometrics Bulletin 2 (1946) 110-114: degrees of freedom of a sum of variances.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from app.domain.assessment import NotAssessable
from app.domain.error_rates import FEWEST_DONORS, ErrorRates

Floats = NDArray[np.float64]

METHOD: Final = "adjusted-count/2"
LEAST_SEPARATION: Final = 0.2
"""Sensitivity + specificity - 1 below which nothing is concluded."""
_GRID: Final = np.linspace(0.0, 1.0, 1001)


@dataclass(frozen=True)
class AdjustedCount:
    """Share deformable and its 95 % interval.

    Attributes
    ----------
    unclipped
        Before it was kept within 0 to 1.
    is_clipped
        Whether that changed it.
    """

    share: float
    interval: tuple[float, float]
    unclipped: float
    is_clipped: bool


def adjust_count(
    called: float, called_variance: float, degrees: float, rates: ErrorRates
) -> AdjustedCount | NotAssessable:
    """Estimate the true share deformable.

    Parameters
    ----------
    called
        Share of the sample's cells called deformable.
    called_variance, degrees
        Of `called`, from wells and images, and the degrees of freedom behind it.
    rates
        Of five donors or more.

    Returns
    -------
    AdjustedCount
        ``(called + Sp - 1) / (Se + Sp - 1)`` with the donors' mean rates. The interval holds every
        p with ``|called - mean r(p)| <= t sqrt(called_variance + s²(p) (1 + 1/d) + m²(p))``: s the
        standard deviation of r(p) over donors, m that over mixes within the classes, and t with
        Satterthwaite's degrees of freedom. A count beyond what 0 or 1 would give on average is
        held against that end, so that the interval never shrinks to a point.
    """
    if refusal := refuse_rates(rates):
        return refusal
    unclipped = (called + float(rates.specificity.mean()) - 1) / rates.separation
    share = float(np.clip(unclipped, 0, 1))
    interval = _invert(called, called_variance, degrees, rates)
    low, high = min(interval[0], share), max(interval[1], share)
    return AdjustedCount(share, (low, high), unclipped, share != unclipped)


def refuse_rates(rates: ErrorRates) -> NotAssessable | None:
    """Why nothing follows from these rates, whatever was counted; None where something does."""
    if rates.n_donors < FEWEST_DONORS:
        return NotAssessable(
            METHOD,
            "too_few_donors",
            f"error rates of {FEWEST_DONORS} donors are needed and there are {rates.n_donors}",
        )
    if rates.separation < LEAST_SEPARATION:
        return NotAssessable(
            METHOD,
            "classes_not_told_apart",
            f"sensitivity + specificity - 1 is {rates.separation:.2f}, under {LEAST_SEPARATION}",
        )
    return None


def _invert(
    called: float, called_variance: float, degrees: float, rates: ErrorRates
) -> tuple[float, float]:
    expected = rates.called(_GRID)
    donors = expected.var(axis=0, ddof=1) * (1 + 1 / rates.n_donors)
    total = np.maximum(called_variance + donors + rates.mix_variance(_GRID), 1e-300)
    freedom = total**2 / np.maximum(
        called_variance**2 / degrees + donors**2 / (rates.n_donors - 1), 1e-300
    )
    reach = stdtrit(np.minimum(freedom, 1e6), 0.975) * np.sqrt(total)
    line = expected.mean(axis=0)
    distance = np.abs(np.clip(called, line[0], line[-1]) - line)
    held = _GRID[(distance <= reach) | (distance == distance.min())]
    return float(held[0]), float(held[-1])
