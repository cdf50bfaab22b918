"""Shares with their 95 % intervals: Wilson for images, a bootstrap over images for cells."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan, sqrt
from typing import Final, TypeVar

import numpy as np

_Z: Final = 1.959964
_ROUNDS: Final = 400
_SEED: Final = 20261123
Item = TypeVar("Item")


@dataclass(frozen=True)
class Share:
    """A figure with its interval, 0-1."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if isnan(self.value):
            return "none"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def wilson(hits: int, total: int) -> Share:
    """Share of independent trials and its Wilson score interval."""
    if not total:
        return Share(float("nan"), 0.0, 1.0)
    share = hits / total
    shrink = 1 + _Z**2 / total
    middle = (share + _Z**2 / (2 * total)) / shrink
    half = _Z * sqrt(share * (1 - share) / total + _Z**2 / (4 * total**2)) / shrink
    return Share(share, max(0.0, middle - half), min(1.0, middle + half))


def bootstrap(items: Sequence[Item], measure: Callable[[Sequence[Item]], float]) -> Share:
    """A measure of all images, and how it varies when images are drawn anew.

    Cells of one image share its light and focus, so that images are drawn, not cells.
    """
    rng = np.random.default_rng(_SEED)
    drawn = [
        measure([items[k] for k in rng.integers(len(items), size=len(items))])
        for _ in range(_ROUNDS)
    ]
    if np.isnan(drawn).all():
        return Share(float("nan"), float("nan"), float("nan"))
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return Share(measure(items), float(low), float(high))
