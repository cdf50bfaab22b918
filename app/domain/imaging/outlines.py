"""Closed star-shaped outlines of suspected cells, and how they lie to each other."""

from dataclasses import dataclass, fields
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from app.domain.imaging.outliner import KINDS
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import ANGLES, N_ANGLES

Floats = NDArray[np.float32]

_ROUNDS: Final = 3
"""Steps of the search for the radius in a given direction from another centre."""
_SMALLEST_PX: Final = 0.5
"""A radius of nothing would have no direction."""


@dataclass(frozen=True)
class Outlines:
    """Outlines of n suspected cells, in working pixels.

    Attributes
    ----------
    row, column
        Shape (n,) float32, on the sheet.
    shift
        Shape (n, 2) float32: rows and columns from the sheet to the scan.
    radii
        Shape (n, 32) float32, at `regions.ANGLES` around that centre.
    p_centre
        Shape (n,) float32: probability that a cell's centre lies here.
    p_kinds
        Shape (n, 4) float32, as `outliner.KINDS`.
    """

    row: Floats
    column: Floats
    shift: Floats
    radii: Floats
    p_centre: Floats
    p_kinds: Floats

    def __len__(self) -> int:
        return len(self.row)

    @property
    def row_in_scan(self) -> Floats:
        return np.asarray(self.row + self.shift[:, 0], np.float32)

    @property
    def column_in_scan(self) -> Floats:
        return np.asarray(self.column + self.shift[:, 1], np.float32)

    @classmethod
    def none(cls) -> Self:
        empty = np.empty(0, np.float32)
        return cls(
            row=empty,
            column=empty,
            shift=np.empty((0, 2), np.float32),
            radii=np.empty((0, N_ANGLES), np.float32),
            p_centre=empty,
            p_kinds=np.empty((0, len(KINDS)), np.float32),
        )

    @classmethod
    def join(cls, several: list[Self]) -> Self:
        names = [f.name for f in fields(cls)]
        return cls(**{n: np.concatenate([getattr(one, n) for one in several]) for n in names})


def outline_centroids(radii: Floats) -> tuple[Floats, Floats, Floats]:
    """Give each outline's area (px²) and its centroid's offset (rows, columns) from the centre."""
    row, column = radii * np.sin(ANGLES), radii * np.cos(ANGLES)
    next_row, next_column = np.roll(row, -1, axis=1), np.roll(column, -1, axis=1)
    cross = column * next_row - next_column * row
    area = cross.sum(axis=1) / 2
    safe = 6 * np.maximum(area, np.float32(1e-6))
    return (
        area,
        ((row + next_row) * cross).sum(axis=1) / safe,
        ((column + next_column) * cross).sum(axis=1) / safe,
    )


def radius_towards(radii: Floats, angle: NDArray[np.floating[Any]]) -> Floats:
    """Interpolate each outline's radius at angles of its own.

    Parameters
    ----------
    radii
        Shape (n, 32).
    angle
        Shape (n, m), radians.
    """
    place = angle * np.float32(N_ANGLES / (2 * np.pi))
    below = np.floor(place)
    share = place - below
    first = below.astype(np.intp) % N_ANGLES
    here = np.take_along_axis(radii, first, axis=1)
    there = np.take_along_axis(radii, (first + 1) % N_ANGLES, axis=1)
    return np.asarray(here + share * (there - here), np.float32)


def move_centres(radii: Floats, down: Floats, right: Floats) -> Floats:
    """Describe the same outlines around other centres.

    Parameters
    ----------
    radii
        Shape (n, 32), around the old centres.
    down, right
        Shape (n,): from the old centres to the new, which lie within the outlines.

    Returns
    -------
    NDArray[np.float32]
        Shape (n, 32), around the new centres.
    """
    moved = radii
    for _ in range(_ROUNDS):
        row = down[:, None] + moved * np.sin(ANGLES)
        column = right[:, None] + moved * np.cos(ANGLES)
        outside = np.hypot(row, column) - radius_towards(radii, np.arctan2(row, column))
        moved = np.maximum(moved - outside, np.float32(_SMALLEST_PX))
    return np.asarray(moved, np.float32)


def measure_gaps(places: Floats, radii: Floats, *, reach: float) -> tuple[NDArray[np.intp], Floats]:
    """Measure gaps between outlines along the lines that join their centres.

    Parameters
    ----------
    places
        Shape (n, 2): rows and columns of the centres.
    radii
        Shape (n, 32), in the same unit.
    reach
        Centres further apart than this are no pair.

    Returns
    -------
    pairs
        Shape (k, 2), indices.
    gaps
        Shape (k,): negative where outlines reach into each other.
    """
    pairs = cKDTree(places).query_pairs(reach, output_type="ndarray")
    first, second = pairs.T
    down, right = (places[second] - places[first]).T
    angle = np.arctan2(down, right)[:, None]
    one = radius_towards(radii[first], angle)[:, 0]
    other = radius_towards(radii[second], angle + np.float32(np.pi))[:, 0]
    return pairs, np.asarray(np.hypot(down, right) - one - other, np.float32)


def _overlapping_pairs(outlines: Outlines, *, deepest: float) -> NDArray[np.intp]:
    """Find pairs that reach into each other deeper than a share of the smaller one's width."""
    places = np.stack([outlines.row_in_scan, outlines.column_in_scan], axis=1)
    reach = 2 * float(outlines.radii.max())
    pairs, gaps = measure_gaps(places, outlines.radii, reach=reach)
    width = 2 * outlines.radii.mean(axis=1)
    deep = -gaps > deepest * width[pairs].min(axis=1)
    return np.asarray(pairs[deep], np.intp)


def find_distinct(outlines: Outlines, parameters: ImagingParameters) -> NDArray[np.bool_]:
    """Tell which outlines stay if of two around one cell the likelier stays, the likeliest first.

    Returns
    -------
    NDArray[np.bool_]
        Shape (n,).
    """
    kept = np.ones(len(outlines), bool)
    if len(outlines) < 2:
        return kept
    pairs = _overlapping_pairs(outlines, deepest=parameters.deepest_overlap)
    strength = outlines.p_centre
    weaker = np.where(strength[pairs[:, 0]] < strength[pairs[:, 1]], pairs[:, 0], pairs[:, 1])
    stronger = pairs.sum(axis=1) - weaker
    for index in np.argsort(-strength[stronger], kind="stable"):
        if kept[stronger[index]]:
            kept[weaker[index]] = False
    return kept
