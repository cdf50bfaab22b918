"""Segmented regions as a struct of arrays, and the star-shaped outline they share."""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.outliner import KINDS

N_ANGLES = 32
RADIUS_UNIT_PX = 0.25
"""Outlines are kept as radii in quarter pixels, one byte each."""

ANGLES = np.arange(N_ANGLES, dtype=np.float32) * np.float32(2 * np.pi / N_ANGLES)
"""Radians; 0 points along increasing columns, and angles grow towards increasing rows."""


@dataclass(frozen=True)
class CellRegions:
    """Regions found in one image; every array has n entries.

    Attributes
    ----------
    row, column
        Centres, image px, float32.
    area_um2, diameter_um
        Area within the outline and the diameter of the circle of that area.
    radii
        Shape (n, 32) uint8, the outline as radius in quarter px at 32 equal angles.
    circularity
        4π area / perimeter², 1 for a circle.
    elongation
        Ratio of the longer to the shorter axis, at least 1.
    crenation
        Root mean square of the outline's ripples of order 4 and more, relative to its mean
        radius, at least 0; a smooth ellipse of axes 3:2 has 0.01.
    rim_contrast
        Mean slope along the outline, fraction of the background per µm.
    rim_width_um
        Width of the rim's rise from background to body: small when in focus.
    contrast
        Standard deviation of the deviation within the outline.
    shading_angle
        Direction from the dark side to the bright side, radians as in `ANGLES`.
    p_kinds
        Shape (n, 4): probability of each of `outliner.KINDS`.
    """

    row: NDArray[np.float32]
    column: NDArray[np.float32]
    area_um2: NDArray[np.float32]
    diameter_um: NDArray[np.float32]
    radii: NDArray[np.uint8]
    circularity: NDArray[np.float32]
    elongation: NDArray[np.float32]
    crenation: NDArray[np.float32]
    rim_contrast: NDArray[np.float32]
    rim_width_um: NDArray[np.float32]
    contrast: NDArray[np.float32]
    shading_angle: NDArray[np.float32]
    p_kinds: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.row)

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        """Keep the regions of a mask or an index, in that order."""
        return type(self)(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})

    @classmethod
    def join(cls, several: list[Self]) -> Self:
        names = [f.name for f in fields(cls)]
        return cls(**{n: np.concatenate([getattr(one, n) for one in several]) for n in names})

    @classmethod
    def none(cls) -> Self:
        empty: dict[str, Any] = {f.name: np.empty(0, np.float32) for f in fields(cls)}
        empty["radii"] = np.empty((0, N_ANGLES), np.uint8)
        empty["p_kinds"] = np.empty((0, len(KINDS)), np.float32)
        return cls(**empty)


def outline_points(row: float, column: float, radii: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give the corners of one outline.

    Parameters
    ----------
    row, column
        Centre, px.
    radii
        Shape (32,), quarter px.

    Returns
    -------
    NDArray[np.float32]
        Shape (32, 2): row, column in px.
    """
    radius_px = radii.astype(np.float32) * np.float32(RADIUS_UNIT_PX)
    return np.stack([row + radius_px * np.sin(ANGLES), column + radius_px * np.cos(ANGLES)], axis=1)


def look_up(
    mask: NDArray[np.bool_],
    row_shares: NDArray[np.floating[Any]],
    column_shares: NDArray[np.floating[Any]],
) -> NDArray[np.bool_]:
    """Read a coarse mask spread over an image at positions given as shares of its sides."""
    row = np.clip((row_shares * mask.shape[0]).astype(np.intp), 0, mask.shape[0] - 1)
    column = np.clip((column_shares * mask.shape[1]).astype(np.intp), 0, mask.shape[1] - 1)
    return np.asarray(mask[row, column], bool)
