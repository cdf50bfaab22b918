"""The port through which the domain sees the outliner: a sheet in, maps of cells out."""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

GRID_PX: Final = 4
"""Side of a square of the maps, working px."""
SHEET_MULTIPLE_PX: Final = 8
"""Sides of a sheet are multiples of this, working px."""
KINDS: Final = ("single", "several", "blurred", "debris")


@dataclass(frozen=True)
class CellMaps:
    """What the outliner says of a sheet of (h, w) working px, one entry per square.

    A square covers `GRID_PX` × `GRID_PX` px; the middle of square (i, j) is at row and column
    ``GRID_PX * index + (GRID_PX - 1) / 2``, pixel centres being whole numbers.

    Attributes
    ----------
    centre
        Shape (h/4, w/4) float32, 0-1: probability that a cell's centre lies in this square.
    radii
        Shape (h/4, w/4, 32) float32, working px: distance from the square's middle to the cell's
        outline at `regions.ANGLES`.
    kinds
        Shape (h/4, w/4, 4) float32, sums to 1: probability of each of `KINDS` if a centre is here.
    """

    centre: NDArray[np.float32]
    radii: NDArray[np.float32]
    kinds: NDArray[np.float32]


class Outliner(Protocol):
    """Outlines the cells of a sheet."""

    def __call__(self, sheet: NDArray[np.float32]) -> CellMaps:
        """Outline cells.

        Parameters
        ----------
        sheet
            Shape (h, w), both multiples of `SHEET_MULTIPLE_PX`: grey / background - 1, clipped to
            [-1, 1], at about 0.365 µm per px; 0 where nothing is. Cells are darker or brighter
            than the background.
        """
        ...
