"""The active parts of a scan side by side on small sheets, and the way back."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.activity import FINE_PX, MOST_TILES, TILE_PX, Parts
from app.domain.imaging.flattening import FlatField


@dataclass(frozen=True)
class Sheet:
    """Parts of a scan packed together, without gaps: their halos keep them apart.

    Attributes
    ----------
    values
        Shape (h, w) float32, sides multiples of the tile: the parts' deviation, 0 between them.
    part
        Shape (h/8, w/8) int32: the part whose box covers a tile, -1 between boxes.
    shift
        Shape (k, 2) float32: what takes a place of part k, on this sheet or not, to the scan;
        working px, rows and columns.
    labels
        As `Parts.labels`.
    """

    values: NDArray[np.float32]
    part: NDArray[np.int32]
    shift: NDArray[np.float32]
    labels: NDArray[np.int32]

    def owner(
        self, row: NDArray[np.floating[Any]], column: NDArray[np.floating[Any]]
    ) -> NDArray[np.int32]:
        """Tell the part that places on the sheet belong to, -1 for what a box shows of others."""
        part = self.part[(row / TILE_PX).astype(np.intp), (column / TILE_PX).astype(np.intp)]
        fine_row, fine_column = (
            np.floor((place + self.shift[part, axis]) / FINE_PX).astype(np.intp)
            for axis, place in enumerate((row, column))
        )
        height, width = self.labels.shape
        inside = (part >= 0) & (fine_row >= 0) & (fine_column >= 0)
        inside &= (fine_row < height) & (fine_column < width)
        own = self.labels[np.clip(fine_row, 0, height - 1), np.clip(fine_column, 0, width - 1)]
        return np.where(inside & (own == part), part, np.int32(-1))


def _place_boxes(sizes: NDArray[np.int32]) -> tuple[NDArray[np.int32], tuple[int, int]]:
    """Place boxes on a skyline, in their order, each wherever it comes to lie highest.

    Parameters
    ----------
    sizes
        Shape (k, 2): heights and widths, tiles.

    Returns
    -------
    places
        Shape (k, 2): tops and lefts.
    shape
        Height and width of the sheet.
    """
    width = max(int(sizes[:, 1].max()), int(np.ceil(np.sqrt(sizes.prod(axis=1).sum()))))
    skyline = np.zeros(width, np.int32)
    places = np.zeros_like(sizes)
    for index, (n_rows, n_columns) in enumerate(sizes.tolist()):
        tops = _highest_of(skyline, n_columns)
        left = int(tops.argmin())
        top = int(tops[left])
        places[index] = top, left
        skyline[left : left + n_columns] = top + n_rows
    return places, (int(skyline.max()), width)


def _highest_of(skyline: NDArray[np.int32], n_columns: int) -> NDArray[np.int32]:
    """Give the highest of every n neighbours, doubling as far as that goes."""
    highest, n_seen = skyline, 1
    while n_seen < n_columns:
        step = min(n_seen, n_columns - n_seen)
        highest = np.maximum(highest[:-step], highest[step:])
        n_seen += step
    return highest


def pack(field: FlatField, parts: Parts) -> Iterator[Sheet]:
    """Copy the parts of a scan to as few sheets as their largest size allows, the highest first."""
    order = np.argsort(-parts.n_tiles[:, 0], kind="stable")
    areas = parts.n_tiles[order].prod(axis=1)
    sheets = (np.cumsum(areas) - areas) // MOST_TILES
    light = field.enlarge_background(step_px=FINE_PX)
    for number in np.unique(sheets).tolist():
        yield _pack_sheet(field, light, parts, order[sheets == number])


def _pack_sheet(
    field: FlatField, light: NDArray[np.float32], parts: Parts, chosen: NDArray[np.intp]
) -> Sheet:
    n_tiles, corners = parts.n_tiles[chosen], parts.corners[chosen]
    places, (height, width) = _place_boxes(n_tiles)
    shape, scale = (height * TILE_PX, width * TILE_PX), field.steps_per_px
    # Parts are averaged all at once, after copying: two hundred small calls cost more.
    source = np.ones((shape[0] * scale, shape[1] * scale), np.uint8)
    fine_light = np.ones((shape[0] // FINE_PX, shape[1] // FINE_PX), np.float32)
    part = np.full((height, width), -1, np.int32)
    shift = np.zeros((len(parts.corners), 2), np.float32)
    shift[chosen] = corners - TILE_PX * places
    beyond = np.ones(shape, bool) if _overhangs(parts, chosen, field.shape) else None
    for number, corner, place, size in zip(
        chosen.tolist(), corners.tolist(), places.tolist(), n_tiles.tolist(), strict=True
    ):
        part[_slices(place, size)] = number
        to = source[_slices(place, size, scale=TILE_PX * scale)]
        seen = _copy_source(field, corner, to, scale)
        _copy_light(light, corner, fine_light[_slices(place, size, scale=TILE_PX // FINE_PX)])
        if beyond is not None:
            beyond[_slices(place, size, scale=TILE_PX)][seen] = False
    values = _divide(field.average(source), fine_light)
    if beyond is not None:
        values[beyond] = 0
    return Sheet(values, part, shift, parts.labels)


def _overhangs(parts: Parts, chosen: NDArray[np.intp], shape: tuple[int, int]) -> bool:
    """Whether any box reaches beyond the scan."""
    first = parts.corners[chosen]
    last = first + TILE_PX * parts.n_tiles[chosen]
    return bool((first < 0).any() or (last > shape).any())


def _slices(first: list[int], size: list[int], *, scale: int = 1) -> tuple[slice, slice]:
    top, left, height, width = scale * first[0], scale * first[1], scale * size[0], scale * size[1]
    return slice(top, top + height), slice(left, left + width)


def _copy_source(
    field: FlatField, corner: list[float], to: NDArray[np.uint8], scale: int
) -> tuple[slice, slice]:
    """Copy a part of a scan, as far as the scan reaches, and tell to which working px."""
    height, width = (side // scale for side in to.shape)
    pixels, above, before = field.read_source(corner[0], corner[1], height, width)
    (n_rows, n_columns), top, left = pixels.shape, above * scale, before * scale
    to[top : top + n_rows, left : left + n_columns] = pixels
    return np.s_[above : above + n_rows // scale, before : before + n_columns // scale]


def _copy_light(light: NDArray[np.float32], corner: list[float], to: NDArray[np.float32]) -> None:
    """Copy the light of a part, repeated beyond the scan."""
    top, left = (floor(place / FINE_PX) for place in corner)
    height, width = to.shape
    if 0 <= top <= light.shape[0] - height and 0 <= left <= light.shape[1] - width:
        to[:] = light[top : top + height, left : left + width]
        return
    rows = np.clip(np.arange(top, top + height), 0, light.shape[0] - 1)
    columns = np.clip(np.arange(left, left + width), 0, light.shape[1] - 1)
    to[:] = light[rows[:, None], columns]


def _divide(grey: NDArray[np.uint8], light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Grey over light - 1, at most 1; light is that of two by two px."""
    whole = cv2.resize(light, grey.shape[::-1], interpolation=cv2.INTER_NEAREST)
    deviation = np.asarray(cv2.divide(grey, whole, dst=whole, dtype=cv2.CV_32F), np.float32)
    deviation -= np.float32(1)
    return np.minimum(deviation, 1, out=deviation)
