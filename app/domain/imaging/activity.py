"""Where in a scan anything is at all: the cheap search before the outliner."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.flattening import FlatField
from app.domain.imaging.outliner import SHEET_MULTIPLE_PX
from app.domain.imaging.parameters import ImagingParameters

TILE_PX: Final = SHEET_MULTIPLE_PX
"""Side of a tile, working px: parts begin on whole tiles, so the outliner's grid falls alike on a
part and on the whole image."""
MOST_TILES: Final = 11_600
"""Largest area of a part: a bound on the memory of one call of the outliner, 0.74 Mpx."""
_OVERLAP_TILES: Final = 4
"""Bands are shown this much of each other: more than a cell."""
_QUIETEST_SHARE: Final = 0.02
_QUIET_OVER_QUIETEST: Final = 1.35
"""Where cells leave a fifth of an image free, its quiet tiles are hardly livelier than its
quietest; where they are, cells cover all but the quietest."""
_STRONG_SHARE: Final = 0.99
_HALVED: Final = 2
"""Ranges are taken at half the working resolution, where noise is halved and cells remain."""


@dataclass(frozen=True)
class Parts:
    """The active parts of a scan, in tiles.

    Attributes
    ----------
    labels
        Shape (t, u) int32: which part a tile belongs to, -1 for none.
    boxes
        Shape (k, 4) int32: top, left, height and width of each part.
    """

    labels: NDArray[np.int32]
    boxes: NDArray[np.int32]

    @property
    def active_share(self) -> float:
        return float(np.mean(self.labels >= 0))


def measure_ranges(field: FlatField) -> NDArray[np.float32]:
    """Measure the largest local difference in each tile.

    Returns
    -------
    NDArray[np.float32]
        Shape (ceil(h/8), ceil(w/8)): the greatest mean range of the grey, ranges and means of
        3 × 3 px each, at half the working resolution; as a fraction of the background.
    """
    rows, columns = (-(-side // TILE_PX) for side in field.shape)
    side = TILE_PX // _HALVED
    # sums of four rather than means: rounded means would drown a faint ring
    sums = cv2.boxFilter(field.grey, cv2.CV_16U, (_HALVED, _HALVED), anchor=(0, 0), normalize=False)
    halved = np.ascontiguousarray(sums[::_HALVED, ::_HALVED])
    steps = cv2.blur(
        cv2.morphologyEx(halved, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)), (3, 3)
    )
    highest = cv2.dilate(steps, np.ones((side, side), np.uint8), anchor=(0, 0))
    light = cv2.resize(field.background, (columns, rows), interpolation=cv2.INTER_LINEAR)
    return np.asarray(highest[::side, ::side] / (_HALVED**2 * light), np.float32)


def activity_limit(ranges: NDArray[np.float32], parameters: ImagingParameters) -> float:
    """Give the range above which a tile shows more than the image's noise and soft shadows."""
    quietest, quiet, strong = np.quantile(
        ranges, [_QUIETEST_SHARE, parameters.quiet_share, _STRONG_SHARE]
    )
    noise = float(min(quiet, _QUIET_OVER_QUIETEST * quietest))
    limit = min(parameters.activity_over_noise * noise, parameters.surely_active)
    return max(limit, parameters.faintest_activity, parameters.shadow_share * float(strong))


def find_parts(
    field: FlatField, ranges: NDArray[np.float32], parameters: ImagingParameters
) -> Parts:
    """Find the parts that differ from the image's own noise, each with a halo around it.

    Parameters
    ----------
    ranges
        As `measure_ranges` gives them.
    """
    active = (ranges > activity_limit(ranges, parameters)).astype(np.uint8)
    halo = max(1, round(parameters.halo_um / (TILE_PX * field.um_per_px)))
    parts = _join(active, halo)
    areas = parts.boxes[:, 2:].prod(axis=1)
    if (
        areas.sum() > parameters.mostly_active_share * active.size
        or areas.max(initial=0) > MOST_TILES
    ):
        return _in_bands(active.shape)
    return parts


def _in_bands(shape: tuple[int, ...]) -> Parts:
    """Look at everything, in overlapping bands of bounded area."""
    n_rows, n_columns = shape
    n_bands = -(-n_rows * n_columns // MOST_TILES)
    ends = np.linspace(0, n_rows, n_bands + 1).round().astype(np.int32)
    first = np.maximum(ends[:-1] - _OVERLAP_TILES, 0)
    last = np.minimum(ends[1:] + _OVERLAP_TILES, n_rows)
    labels = np.repeat(np.arange(n_bands, dtype=np.int32), np.diff(ends))
    sides = (first, np.zeros(n_bands), last - first, np.full(n_bands, n_columns))
    return Parts(
        np.broadcast_to(labels[:, None], (n_rows, n_columns)).copy(),
        np.stack(sides, axis=1).astype(np.int32),
    )


def _join(active: NDArray[np.uint8], halo: int) -> Parts:
    """Join active tiles with at most one tile between them: the rim of one cell stays together."""
    joined = cv2.dilate(active, np.ones((2, 2), np.uint8))
    n_labels, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    spread = cv2.dilate(labels.astype(np.uint16), np.ones((2 * halo + 1, 2 * halo + 1), np.uint8))
    labels = np.where(labels > 0, labels, spread)
    sides = stats[1:n_labels, [cv2.CC_STAT_TOP, cv2.CC_STAT_LEFT]]
    # joining has spread a label by one tile down and right: that is halo already
    ends = sides + stats[1:n_labels, [cv2.CC_STAT_HEIGHT, cv2.CC_STAT_WIDTH]] + halo - 1
    first = np.maximum(sides - halo, 0)
    last = np.minimum(ends, active.shape)
    return Parts((labels - 1).astype(np.int32), np.concatenate([first, last - first], axis=1))
