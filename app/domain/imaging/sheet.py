"""The active parts of a scan side by side on small sheets, and the way back."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor
from typing import Any

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
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
        tops = sliding_window_view(skyline, n_columns).max(axis=1)
        left = int(tops.argmin())
        places[index] = tops[left], left
        skyline[left : left + n_columns] = tops[left] + n_rows
    return places, (int(skyline.max()), width)


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
    grey = np.ones((height * TILE_PX, width * TILE_PX), np.uint8)
    fine_light = np.ones((grey.shape[0] // FINE_PX, grey.shape[1] // FINE_PX), np.float32)
    part = np.full((height, width), -1, np.int32)
    shift = np.zeros((len(parts.corners), 2), np.float32)
    shift[chosen] = corners - TILE_PX * places
    beyond = np.ones(grey.shape, bool) if _overhangs(parts, chosen, field.shape) else None
    for number, corner, place, size in zip(
        chosen.tolist(), corners.tolist(), places.tolist(), n_tiles.tolist(), strict=True
    ):
        box = _slices(place, size, scale=TILE_PX)
        part[_slices(place, size)] = number
        seen = _copy_grey(field, corner, grey[box])
        _copy_light(light, corner, fine_light[_slices(place, size, scale=TILE_PX // FINE_PX)])
        if beyond is not None:
            beyond[box][seen] = False
    values = _divide(grey, fine_light)
    if beyond is not None:
        values[beyond] = 0
    return Sheet(values, part, shift, parts.labels)


def _overhangs(parts: Parts, chosen: NDArray[np.intp], shape: tuple[int, int]) -> bool:
    """Whether any box reaches beyond the scan."""
    first = parts.corners[chosen]
    last = first + TILE_PX * parts.n_tiles[chosen]
    return bool((first < 0).any() or (last > shape).any())


def _slices(first: list[int], size: list[int], *, scale: int = 1) -> tuple[slice, slice]:
    row, column = (slice(scale * f, scale * (f + n)) for f, n in zip(first, size, strict=True))
    return row, column


def _copy_grey(field: FlatField, corner: list[float], to: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Copy a part of a scan, as far as the scan reaches, and tell where to."""
    grey, above, before = field.read_grey(corner[0], corner[1], to.shape[0], to.shape[1])
    seen = np.s_[above : above + grey.shape[0], before : before + grey.shape[1]]
    to[seen] = grey
    return seen


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
