"""From the outliner's maps to one outline per cell, on which the squares around it agree."""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.outliner import GRID_PX, CellMaps
from app.domain.imaging.outlines import Outlines, move_centres, outline_centroids
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.sheet import Sheet

Floats = NDArray[np.float32]

_MIDDLE_PX: Final = np.float32((GRID_PX - 1) / 2)
_SMALLEST_PX: Final = 0.5
"""A radius of nothing would have no direction."""
_LEAST_SHARE: Final = 0.1
"""A square says something of a cell with this share of its peak's probability of a centre."""
_SURELY_OWN, _SURELY_OTHER = 0.18, 0.53
"""How far a square's outline may lie from the peak's, as shares of its radius, for the square to
speak of the same cell: wholly up to the first, not at all from the second."""


@dataclass(frozen=True)
class Views:
    """What m squares say of the n cells whose peaks they lie around, peak by peak.

    Attributes
    ----------
    square
        Shape (m, 2), of the maps.
    peak
        Shape (m,): the cell.
    weight
        Shape (m,) float32; a cell's weights sum to 1.
    radii
        Shape (m, 32) float32, from the square's middle.
    place
        Shape (m, 2) float32: the outline's centroid, px on the sheet.
    """

    square: NDArray[np.intp]
    peak: NDArray[np.intp]
    weight: Floats
    radii: Floats
    place: Floats

    def mean(self, values: Floats) -> Floats:
        """Average values of shape (m, ...) by cell, shape (n, ...)."""
        weight = self.weight.reshape(-1, *(1,) * (values.ndim - 1))
        first = np.flatnonzero(np.diff(self.peak, prepend=-1))
        return np.asarray(np.add.reduceat(values * weight, first, axis=0), np.float32)


def find_peaks(centre: Floats, *, least: float) -> NDArray[np.intp]:
    """Find the squares of the centre map that no neighbour exceeds, shape (n, 2)."""
    highest = cv2.dilate(centre, np.ones((3, 3), np.uint8))
    return np.argwhere((centre >= highest) & (centre >= least))


def read_outlines(maps: CellMaps, sheet: Sheet, parameters: ImagingParameters) -> Outlines:
    """Read one outline per peak of the centre map, each around its own centroid.

    The squares around a peak say nearly the same, each with errors of its own: their mean depends
    less on where a cell falls on the squares. What lies in a part's surroundings is left to the
    part that it belongs to.
    """
    peaks = find_peaks(maps.centre, least=parameters.least_p_centre)
    part = sheet.owner(*(GRID_PX * peaks.T + _MIDDLE_PX))
    peaks, part = peaks[part >= 0], part[part >= 0]
    if not len(peaks):
        return Outlines.none()
    views = _view_around(maps, peaks)
    place = views.mean(views.place)
    down, right = (place[views.peak] - _middles(views.square)).T
    return Outlines(
        row=place[:, 0],
        column=place[:, 1],
        shift=sheet.shift[part],
        radii=views.mean(move_centres(views.radii, down, right)),
        p_centre=maps.centre[peaks[:, 0], peaks[:, 1]],
        p_kinds=views.mean(maps.kinds[views.square[:, 0], views.square[:, 1]]),
    )


def _middles(squares: NDArray[np.integer[Any]]) -> Floats:
    return np.asarray(GRID_PX * squares + _MIDDLE_PX, np.float32)


def _view_around(maps: CellMaps, peaks: NDArray[np.intp]) -> Views:
    peak, square = _neighbours(maps.centre, peaks)
    p_centre = maps.centre[square[:, 0], square[:, 1]]
    radii = np.maximum(maps.radii[square[:, 0], square[:, 1]], np.float32(_SMALLEST_PX))
    _, down, right = outline_centroids(radii)
    place = _middles(square) + np.stack([down, right], axis=1)
    own = np.flatnonzero((square == peaks[peak]).all(axis=1))
    apart = np.hypot(*(place - place[own][peak]).T) / np.sqrt((radii**2).mean(axis=1))
    same = np.clip((_SURELY_OTHER - apart) / (_SURELY_OTHER - _SURELY_OWN), 0, 1)
    weight = p_centre * same
    total = np.bincount(peak, weight, len(peaks))
    return Views(square, peak, np.asarray(weight / total[peak], np.float32), radii, place)


def _neighbours(
    centre: Floats, peaks: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The squares around each peak that may speak of its cell: whose, and which, by cell."""
    around = np.indices((3, 3)).reshape(2, -1).T - 1
    squares = peaks[:, np.newaxis] + around
    inside = ((squares >= 0) & (squares < centre.shape)).all(axis=2)
    clipped = np.clip(squares, 0, np.array(centre.shape) - 1)
    least = _LEAST_SHARE * centre[peaks[:, 0], peaks[:, 1]]
    chosen = inside & (centre[clipped[..., 0], clipped[..., 1]] >= least[:, np.newaxis])
    return np.nonzero(chosen)[0], squares[chosen]
