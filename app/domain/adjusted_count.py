"""The share deformable from a count of calls, freed of the classifier's known errors.

For models of two classes. Every donor of known truth says what share it would have called, had
its true share been p: ``r(p) = p Se + (1 - p)(1 - Sp)``, with its own sensitivity and specificity.
Their mean is the Rogan-Gladen line; their spread is what another donor may add, and keeps the two
rates' correlation over donors without estimating it.

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
from scipy.stats import t as student_t

from app.domain.assessment import NotAssessable

Floats = NDArray[np.float64]

METHOD: Final = "adjusted-count/1"
LEAST_SEPARATION: Final = 0.2
"""Sensitivity + specificity - 1 below which nothing is concluded."""
_GRID: Final = np.linspace(-0.5, 1.5, 2001)


@dataclass(frozen=True)
class ErrorRates:
    """Error rates of d donors of known truth, who did not fit the network.

    Attributes
    ----------
    sensitivity, specificity
        Shape (d,): share of deformable cells called deformable, of rigid cells called rigid.
    """

    sensitivity: Floats
    specificity: Floats

    def called(self, share: Floats) -> Floats:
        """Share each donor would have called deformable, shape (d, n), for true shares (n,)."""
        se, sp = self.sensitivity[:, np.newaxis], self.specificity[:, np.newaxis]
        return np.asarray(share * se + (1 - share) * (1 - sp))


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
        Of two donors or more.

    Returns
    -------
    AdjustedCount
        ``(called + Sp - 1) / (Se + Sp - 1)`` with the donors' mean rates. The interval holds every
        p with ``|called - mean r(p)| <= t sqrt(called_variance + s²(p) (1 + 1/d))``, s the standard
        deviation of r(p) over donors and t with Satterthwaite's degrees of freedom.
    """
    n_donors = len(rates.sensitivity)
    separation = float(rates.sensitivity.mean() + rates.specificity.mean() - 1)
    if n_donors < 2:
        return NotAssessable(METHOD, "too_few_donors", "error rates of two donors are needed")
    if separation < LEAST_SEPARATION:
        return NotAssessable(
            METHOD, "classes_not_told_apart", "sensitivity + specificity - 1 is under 0.2"
        )
    unclipped = (called + float(rates.specificity.mean()) - 1) / separation
    share = float(np.clip(unclipped, 0, 1))
    interval = _invert(called, called_variance, degrees, rates)
    low, high = min(interval[0], share), max(interval[1], share)
    return AdjustedCount(share, (low, high), unclipped, share != unclipped)


def _invert(
    called: float, called_variance: float, degrees: float, rates: ErrorRates
) -> tuple[float, float]:
    n_donors = len(rates.sensitivity)
    expected = rates.called(_GRID)
    donors = expected.var(axis=0, ddof=1) * (1 + 1 / n_donors)
    total = np.maximum(called_variance + donors, 1e-300)
    freedom = total**2 / np.maximum(
        called_variance**2 / degrees + donors**2 / (n_donors - 1), 1e-300
    )
    reach = student_t.ppf(0.975, np.minimum(freedom, 1e6)) * np.sqrt(total)
    held = _GRID[np.abs(called - expected.mean(axis=0)) <= reach]
    if not held.size:
        return 1.0, 0.0
    return float(np.clip(held[0], 0, 1)), float(np.clip(held[-1], 0, 1))
