"""Drawn discs and an outliner that knows nothing else: exact, so that all around it can be."""

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging import CellMaps
from app.domain.imaging.outliner import GRID_PX, KINDS
from app.domain.imaging.regions import ANGLES, N_ANGLES

BACKGROUND = 190
DISC = 100
RADIUS_PX = 17.0


class DiscOutliner:
    """Outlines separate dark discs on a sheet as they are."""

    def __init__(self) -> None:
        self.n_calls = 0
        self.largest_px = 0

    def __call__(self, sheet: NDArray[np.float32]) -> CellMaps:
        self.n_calls += 1
        self.largest_px = max(self.largest_px, sheet.size)
        shape = sheet.shape[0] // GRID_PX, sheet.shape[1] // GRID_PX
        centre = np.zeros(shape, np.float32)
        radii = np.ones((*shape, N_ANGLES), np.float32)
        kinds = np.zeros((*shape, len(KINDS)), np.float32)
        kinds[..., 0] = 1
        cover = np.clip(sheet / (DISC / BACKGROUND - 1), 0, 1)
        _, labels, stats, _ = cv2.connectedComponentsWithStats((cover > 0.1).astype(np.uint8))
        for label, (left, top, width, height, _) in enumerate(stats[1:].tolist(), start=1):
            window = np.s_[top : top + height, left : left + width]
            weight = cover[window] * (labels[window] == label)
            rows, columns = np.indices(weight.shape)
            middle = np.array([(rows * weight).sum(), (columns * weight).sum()]) / weight.sum()
            middle += (top, left)
            square = np.rint((middle - 1.5) / GRID_PX).astype(int)
            i, j = np.clip(square, 0, np.array(shape) - 1).tolist()
            offset = middle - (GRID_PX * np.array([i, j]) + 1.5)
            centre[i, j] = 0.9
            radii[i, j] = _radii(offset, float(np.sqrt(weight.sum() / np.pi)))
        return CellMaps(centre, radii, kinds)


def _radii(offset: NDArray[np.float64], radius: float) -> NDArray[np.float32]:
    """Distances to a circle from a place beside its middle."""
    along = offset[0] * np.sin(ANGLES) + offset[1] * np.cos(ANGLES)
    root = np.maximum(radius**2 - (offset**2).sum() + along**2, 0.25)
    return np.asarray(along + np.sqrt(root), np.float32)


def draw_discs(
    places: NDArray[np.float64], *, side_px: int, radius_px: float = RADIUS_PX
) -> NDArray[np.uint8]:
    """Dark discs with soft edges on an even background."""
    image = np.full((side_px, side_px), float(BACKGROUND))
    reach = int(radius_px) + 2
    for row, column in places:
        top, left = max(round(row) - reach, 0), max(round(column) - reach, 0)
        tile = image[top : round(row) + reach, left : round(column) + reach]
        rows, columns = np.indices(tile.shape)
        distance = np.hypot(rows + top - row, columns + left - column)
        tile += np.clip(radius_px + 0.5 - distance, 0, 1) * (DISC - tile)
    return np.asarray(np.rint(image), np.uint8)
