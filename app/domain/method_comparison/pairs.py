"""Pairs of one sample's two scores, and what every method asks of them first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from app.domain.assessment import NotAssessable

Floats = NDArray[np.float64]

LEVEL: Final = 0.95
FEWEST_PAIRS: Final = 3
Z: Final = float(stats.norm.ppf((1 + LEVEL) / 2))
"""1.959964: half of the central 95 % of a normal distribution, in standard deviations."""
LARGEST: Final = 1e30
"""Far beyond it products of squares overflow; no score comes near."""
RELATIVE_TOLERANCE: Final = 1e-9
"""Two values nearer than this share of the largest are a tie: typed decimals are not exact."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; an end that the data do not bound is None."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Pairs:
    """The scores of n samples by two methods, in the same order.

    Attributes
    ----------
    reference
        Shape (n,), the comparative method, outlet numbers for rigidity scores.
    image
        Shape (n,), the method under test, on the same scale.
    """

    reference: Floats
    image: Floats

    @classmethod
    def of(cls, reference: Sequence[float] | Floats, image: Sequence[float] | Floats) -> Self:
        """Make pairs from two equally long sequences.

        Raises
        ------
        ValueError
            The sequences differ in length, which is the caller's mistake and not the data's.
        """
        x, y = np.asarray(reference, dtype=np.float64), np.asarray(image, dtype=np.float64)
        if x.ndim != 1 or x.shape != y.shape:
            raise ValueError("pairs need one image score for each reference score")
        return cls(x, y)

    @property
    def n(self) -> int:
        return len(self.reference)

    @property
    def differences(self) -> Floats:
        """Image minus reference, shape (n,)."""
        return self.image - self.reference

    @property
    def means(self) -> Floats:
        """Mean of the two scores of each pair, shape (n,)."""
        return (self.image + self.reference) / 2

    def without(self, place: int) -> "Pairs":
        """Every pair but one."""
        return Pairs(np.delete(self.reference, place), np.delete(self.image, place))


def tolerance_of(values: Floats) -> float:
    """Differences up to this are ties among these values."""
    return RELATIVE_TOLERANCE * max(1.0, float(np.abs(values).max(initial=0.0)))


def is_constant(values: Floats) -> bool:
    """Whether values do not differ beyond rounding; of none and of one it is true."""
    return len(values) < 2 or float(np.ptp(values)) <= tolerance_of(values)


def missing_for(method: str, pairs: Pairs, *, fewest: int = FEWEST_PAIRS) -> NotAssessable | None:
    """What every method needs: enough pairs, all of them numbers of a size that can be squared."""
    if pairs.n < fewest:
        return NotAssessable(
            method, "too_few_pairs", f"it needs {fewest} pairs or more and there are {pairs.n}"
        )
    both = np.concatenate([pairs.reference, pairs.image])
    if not np.all(np.abs(both) <= LARGEST):
        return NotAssessable(method, "not_finite", "a score is missing or is no number")
    return None


def missing_for_line(method: str, pairs: Pairs) -> NotAssessable | None:
    """What a regression needs on top: both scores must differ between samples."""
    lacking = missing_for(method, pairs)
    if lacking is not None:
        return lacking
    for name, values in (("reference", pairs.reference), ("image", pairs.image)):
        if is_constant(values):
            return NotAssessable(
                method, f"{name}_constant", f"the {name} score is the same in every pair"
            )
    return None


def around(value: float, half: float) -> Estimate:
    """An estimate with a symmetric interval."""
    return Estimate(float(value), float(value - half), float(value + half))
