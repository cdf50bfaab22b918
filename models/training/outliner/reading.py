"""A simple reading of the outliner's maps, to judge a network by; the program has its own."""

from typing import Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.outliner import GRID_PX, KINDS, CellMaps
from app.domain.imaging.regions import ANGLES
from models.training.outliner.targets import radii_from

P_CENTRE: Final = 0.4
_NEAREST: Final = 0.55
"""Of two centres nearer than this share of the mean radius, the less probable one goes."""

Floats = NDArray[np.float64]


class Reading(NamedTuple):
    """Found cells, working px: centres (n,), radii from them (n, 32), kinds (n, 4), probability."""

    row: Floats
    column: Floats
    radii: Floats
    kinds: NDArray[np.float32]
    p_centre: NDArray[np.float32]


def read_maps(maps: CellMaps, *, p_centre: float = P_CENTRE) -> Reading:
    """Peaks of the centre map, moved to their outlines' centroids, without doubles or debris."""
    top = cv2.dilate(maps.centre, np.ones((3, 3), np.uint8))
    debris = maps.kinds[..., KINDS.index("debris")] > 0.5
    rows, columns = np.nonzero((maps.centre >= p_centre) & (maps.centre >= top) & ~debris)
    radii = maps.radii[rows, columns].astype(np.float64)
    d_row, d_column = _moment(radii, np.sin(ANGLES)), _moment(radii, np.cos(ANGLES))
    row = rows * GRID_PX + (GRID_PX - 1) / 2 + d_row
    column = columns * GRID_PX + (GRID_PX - 1) / 2 + d_column
    centred = [
        radii_from(outline, down, right)[0]
        for outline, down, right in zip(
            radii, d_row[:, np.newaxis], d_column[:, np.newaxis], strict=True
        )
    ]
    outlines = np.array(centred, np.float64).reshape(-1, len(ANGLES))
    found = Reading(row, column, outlines, maps.kinds[rows, columns], maps.centre[rows, columns])
    kept = _without_doubles(found)
    return Reading(
        row=found.row[kept],
        column=found.column[kept],
        radii=found.radii[kept],
        kinds=found.kinds[kept],
        p_centre=found.p_centre[kept],
    )


def _moment(radii: Floats, direction: NDArray[np.float32]) -> Floats:
    area = np.mean(radii**2, axis=1) / 2
    return np.asarray(np.mean(radii**3 * direction, axis=1) / 3 / area)


def _without_doubles(found: Reading) -> NDArray[np.int64]:
    size = np.sqrt(np.mean(found.radii**2, axis=1))
    kept: list[int] = []
    for index in np.argsort(-found.p_centre, kind="stable").tolist():
        near = np.hypot(
            found.row[kept] - found.row[index], found.column[kept] - found.column[index]
        )
        if not np.any(near < _NEAREST * (size[kept] + size[index])):
            kept.append(index)
    return np.array(kept, np.int64)
