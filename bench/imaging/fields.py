"""What every method gets, a field with its truth, and what it gives back."""

from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Outline = NDArray[np.floating[Any]]
"""Shape (k, 2): corners, row and column in px."""

USUAL_UM_PER_PX: Final = 0.1825
ISOLATED_PX: Final = 5.0
"""A cell is isolated if its neighbours' outlines are further away, px of the usual size."""
TOUCHING_PX: Final = 2.0
"""Outlines nearer than this touch, same unit."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrueField:
    """A drawn image and its cells; arrays of n cells.

    Attributes
    ----------
    centres
        Shape (n, 2), row and column, px.
    clearance_px
        Gap to the nearest other outline, negative for an overlap, inf for a lone cell.
    is_partial, is_blurred
        Cut by the edge of the image; out of focus by itself.
    debris
        Shape (m, 3): row, column, radius in px of what is no cell, or no whole one.
    """

    look: str
    pixels: NDArray[np.uint8]
    um_per_px: float
    centres: Points
    outlines: tuple[Outline, ...]
    clearance_px: NDArray[np.float64]
    is_partial: NDArray[np.bool_]
    is_blurred: NDArray[np.bool_]
    debris: Points

    @property
    def per_usual_px(self) -> float:
        """Pixels of this field in one of the usual size."""
        return USUAL_UM_PER_PX / self.um_per_px

    @property
    def is_complete(self) -> NDArray[np.bool_]:
        """Whole and sharp, alone or touching."""
        return np.asarray(~self.is_partial & ~self.is_blurred)

    @property
    def is_isolated(self) -> NDArray[np.bool_]:
        return np.asarray(self.is_complete & (self.clearance_px > ISOLATED_PX * self.per_usual_px))

    @property
    def is_touching(self) -> NDArray[np.bool_]:
        """What the simulator calls several: outlines meet, or nearly."""
        return np.asarray(self.clearance_px < TOUCHING_PX * self.per_usual_px)

    @property
    def is_overlapping(self) -> NDArray[np.bool_]:
        return np.asarray(self.clearance_px < 0)

    @property
    def radii_px(self) -> NDArray[np.float64]:
        """Mean distance from the centre to the outline."""
        pairs = zip(self.outlines, self.centres, strict=True)
        return np.array([np.hypot(*(outline - centre).T).mean() for outline, centre in pairs])


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What a method found in a field.

    Attributes
    ----------
    centres
        Shape (n, 2), row and column, px: everything it calls a cell.
    outlines
        One per centre, or None where the method gives none.
    is_accepted
        Shape (n,): what it would hand to the classifying network.
    """

    centres: Points
    outlines: tuple[Outline, ...] | None
    is_accepted: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.centres)

    @classmethod
    def nothing(cls) -> "Found":
        return cls(centres=np.empty((0, 2)), outlines=(), is_accepted=np.empty(0, bool))


class Method(Protocol):
    """Finds the cells of an image."""

    def __call__(self, pixels: NDArray[np.uint8], *, um_per_px: float) -> Found: ...
