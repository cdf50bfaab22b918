"""Where in a scan anything is at all: the cheap search before the outliner."""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from app.domain.imaging.flattening import FlatField
from app.domain.imaging.outliner import SHEET_MULTIPLE_PX
from app.domain.imaging.parameters import ImagingParameters

TILE_PX: Final = SHEET_MULTIPLE_PX
"""Side of a tile, working px: parts lie on whole tiles of a sheet."""
FINE_PX: Final = 2
"""Side of what is active or not, working px: noise is halved there and cells remain."""
MOST_TILES: Final = 11_600
"""Largest area of a part: a bound on the memory of one call of the outliner, 0.74 Mpx."""
_OVERLAP_TILES: Final = 4
"""Bands are shown this much of each other: more than a cell."""
_QUIETEST_SHARE: Final = 0.02
_QUIET_OVER_QUIETEST: Final = 1.35
"""Where cells leave a fifth of an image free, its quiet tiles are hardly livelier than its
quietest; where they are, cells cover all but the quietest."""
_STRONG_SHARE: Final = 0.99
_LEAST_ENERGY: Final = np.float32(1e-9)
"""An even part has a middle too."""
_JOINED: Final = 2
"""What lies twice this many fine px apart at most is one part: the rim of one cell."""


@dataclass(frozen=True)
class Activity:
    """Largest local differences, as fractions of the background.

    Attributes
    ----------
    fine
        Shape (ceil(h/2), ceil(w/2)) float32: mean range of the grey, ranges and means of 3 × 3
        fine px each.
    tiles
        Shape (ceil(h/8), ceil(w/8)) float32: the greatest of these in each tile.
    energy
        Shape of `fine`, float32: the mean squared deviation from the background.
    """

    fine: NDArray[np.float32]
    tiles: NDArray[np.float32]
    energy: NDArray[np.float32]


@dataclass(frozen=True)
class Parts:
    """The active parts of a scan, in tiles.

    Attributes
    ----------
    labels
        Shape (ceil(h/2), ceil(w/2)) int32: which part a fine px belongs to, -1 for none.
    corners
        Shape (k, 2) float64: top and left of each part's box, working px, on whole image px. The
        middle of its strongest core lies where tiles meet: a part that is moved, turned or
        mirrored falls alike on the outliner's squares. A box may reach beyond the scan.
    n_tiles
        Shape (k, 2) int32: height and width of the boxes, tiles.
    """

    labels: NDArray[np.int32]
    corners: NDArray[np.float64]
    n_tiles: NDArray[np.int32]

    @property
    def active_share(self) -> float:
        return float(np.mean(self.labels >= 0))


def measure_activity(field: FlatField) -> Activity:
    """Measure the local differences of a scan."""
    rows, columns = (-(-side // TILE_PX) for side in field.shape)
    side = TILE_PX // FINE_PX
    halved = _sum_grey(field.grey)
    ranges = cv2.morphologyEx(halved, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    ranges = cv2.blur(ranges, (3, 3), dst=ranges)
    highest = cv2.dilate(ranges, np.ones((side, side), np.uint8), anchor=(0, 0))
    in_tiles = cv2.resize(field.background, (columns, rows), interpolation=cv2.INTER_LINEAR)
    light = np.asarray(cv2.resize(field.background, halved.shape[::-1]), np.float32)
    share = 1 / FINE_PX**2
    energy = _mean_square(field.grey, halved, light)
    # A new map would cost more than the division: what is there already is overwritten.
    fine = cv2.divide(ranges, light, dst=light, scale=share, dtype=cv2.CV_32F)
    tiles = highest[::side, ::side] * np.float32(share) / in_tiles
    return Activity(
        fine=np.asarray(fine, np.float32),
        tiles=np.asarray(tiles, np.float32),
        energy=energy,
    )


def _sum_grey(grey: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Sum the grey of each fine px: rounded means would drown a faint ring."""
    grey = _extended(grey)
    rows = grey[::FINE_PX].astype(np.uint16)
    rows += grey[1::FINE_PX]
    return np.asarray(rows[:, ::FINE_PX] + rows[:, 1::FINE_PX], np.uint16)


def _extended(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat the last row and column where a side is odd."""
    below, right = (-side % FINE_PX for side in grey.shape)
    return np.pad(grey, ((0, below), (0, right)), mode="edge") if below or right else grey


def _mean_square(
    grey: NDArray[np.uint8], sums: NDArray[np.uint16], light: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Give each fine px the mean squared deviation of its working px."""
    squares = _extended(grey).astype(np.uint16)
    squares *= squares
    total = squares[::FINE_PX].astype(np.float32)
    total += squares[1::FINE_PX]
    mean = total[:, ::FINE_PX] + total[:, 1::FINE_PX]
    mean -= 2 * sums * light
    mean /= np.float32(FINE_PX**2) * np.square(light)
    mean += np.float32(1)
    return np.asarray(mean, np.float32)


def activity_limit(tiles: NDArray[np.float32], parameters: ImagingParameters) -> float:
    """Give the range above which there is more than the image's noise and soft shadows.

    Parameters
    ----------
    tiles
        As `Activity.tiles`.
    """
    quietest, quiet, strong = np.quantile(
        tiles, [_QUIETEST_SHARE, parameters.quiet_share, _STRONG_SHARE]
    )
    noise = float(min(quiet, _QUIET_OVER_QUIETEST * quietest))
    limit = min(parameters.activity_over_noise * noise, parameters.surely_active)
    return max(limit, parameters.faintest_activity, parameters.shadow_share * float(strong))


def find_parts(field: FlatField, activity: Activity, parameters: ImagingParameters) -> Parts:
    """Find the parts that differ from the image's own noise, each with a halo around it."""
    limit = activity_limit(activity.tiles, parameters)
    halo = max(1, round(parameters.halo_um / (FINE_PX * field.um_per_px)))
    active = (activity.fine > limit).astype(np.uint8)
    parts = _join(active, activity.energy, halo, steps_per_px=field.steps_per_px)
    areas = parts.n_tiles.prod(axis=1)
    if (
        areas.sum() > parameters.mostly_active_share * activity.tiles.size
        or areas.max(initial=0) > MOST_TILES
    ):
        return _in_bands(field.shape, active.shape)
    return parts


def _in_bands(shape: tuple[int, int], fine_shape: tuple[int, ...]) -> Parts:
    """Look at everything, in overlapping bands of bounded area."""
    n_rows, n_columns = (-(-side // TILE_PX) for side in shape)
    above, before = (-(-side % TILE_PX) // 2 for side in shape)
    n_bands = -(-n_rows * n_columns // MOST_TILES)
    ends = np.linspace(0, n_rows, n_bands + 1).round().astype(np.int32)
    first = np.maximum(ends[:-1] - _OVERLAP_TILES, 0)
    last = np.minimum(ends[1:] + _OVERLAP_TILES, n_rows)
    tile = (FINE_PX * np.arange(fine_shape[0]) - above) // TILE_PX
    labels = np.searchsorted(ends[1:-1], tile, side="right").astype(np.int32)
    corners = np.stack([TILE_PX * first + above, np.full(n_bands, before)], axis=1)
    n_tiles = np.stack([last - first, np.full(n_bands, n_columns)], axis=1)
    return Parts(
        np.broadcast_to(labels[:, None], fine_shape).copy(),
        corners.astype(np.float64),
        n_tiles.astype(np.int32),
    )


def _join(
    active: NDArray[np.uint8], energy: NDArray[np.float32], halo: int, *, steps_per_px: int
) -> Parts:
    """Join what is nearly connected, and give each part a halo of so many fine px."""
    joined = cv2.dilate(active, np.ones((2 * _JOINED + 1, 2 * _JOINED + 1), np.uint8))
    n_labels, labels = cv2.connectedComponents(joined, connectivity=8, ltype=cv2.CV_16U)
    spread = cv2.dilate(labels, np.ones((2 * halo + 1, 2 * halo + 1), np.uint8))
    first, behind = _bound(labels, n_labels)
    margin = max(halo - _JOINED, 0)
    middle = _find_middles(active, energy, labels, n_labels)
    middle = np.rint(middle * steps_per_px) / steps_per_px
    n_before = np.ceil((middle - FINE_PX * (first - margin)) / TILE_PX)
    n_behind = np.ceil((FINE_PX * (behind + margin) - middle) / TILE_PX)
    labels = np.where(labels > 0, labels, spread).astype(np.int32) - 1
    return Parts(labels, middle - TILE_PX * n_before, (n_before + n_behind).astype(np.int32))


def _bound(labels: NDArray[Any], n_labels: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Give where each label's box begins and what comes behind it, shape (k, 2) each."""
    boxes = find_objects(labels.astype(np.int32), n_labels - 1)
    bounds = [[side.start for side in box] + [side.stop for side in box] for box in boxes]
    first, behind = np.hsplit(np.array(bounds, np.int32).reshape(-1, 4), 2)
    return first, behind


def _find_middles(
    active: NDArray[np.uint8], energy: NDArray[np.float32], labels: NDArray[Any], n_labels: int
) -> NDArray[np.float64]:
    """Find the middle of each part's strongest core, shape (k, 2): edges between working px.

    A core is active without a gap. Which cores make up a part hangs on faint places between them
    and on the scan's edge, so that the middle of them all would jump; one that the edge does not
    cut comes first. Sums of squares over all working px hardly depend on where the grid of fine
    px lies.
    """
    n_cores, cores = cv2.connectedComponents(active, connectivity=8)
    index = np.flatnonzero(active.ravel().view(bool))
    core, weight = cores.ravel()[index], np.maximum(energy.ravel()[index], _LEAST_ENERGY)
    total = np.bincount(core, weight, n_cores)
    part = np.zeros(n_cores, np.intp)
    part[core] = labels.ravel()[index]
    order = np.lexsort((total, _is_inner(cores, n_cores)))
    strongest = np.zeros(n_labels, np.intp)
    strongest[part[order]] = order  # of a part's cores the last one stays
    places = np.divmod(index, active.shape[1])
    middles = [np.bincount(core, weight * place, n_cores)[strongest[1:]] for place in places]
    return FINE_PX * (np.stack(middles, axis=1) / total[strongest[1:], np.newaxis] + 0.5)


def _is_inner(cores: NDArray[Any], n_cores: int) -> NDArray[np.bool_]:
    """Tell which components do not touch the edge of a map."""
    inner = np.ones(n_cores, bool)
    for edge in (cores[0], cores[-1], cores[:, 0], cores[:, -1]):
        inner[edge] = False
    return inner
