"""The active parts of a scan side by side on small sheets, and the way back."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from app.domain.imaging.activity import MOST_TILES, TILE_PX, Parts
from app.domain.imaging.flattening import FlatField


@dataclass(frozen=True)
class Sheet:
    """Parts of a scan packed together, without gaps: their halos keep them apart.

    Attributes
    ----------
    values
        Shape (h, w) float32, sides multiples of the tile: the parts' deviation, 0 between them.
    owner
        Shape (h/8, w/8) int32: the part a tile belongs to, -1 between parts and where a part's
        box covers a tile of another part.
    shift
        Shape (k, 2) int32: what takes a place of part k, on this sheet or not, to the scan;
        working px, rows and columns.
    """

    values: NDArray[np.float32]
    owner: NDArray[np.int32]
    shift: NDArray[np.int32]


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
    order = np.argsort(-parts.boxes[:, 2], kind="stable")
    areas = parts.boxes[order, 2:].prod(axis=1)
    sheets = (np.cumsum(areas) - areas) // MOST_TILES
    for number in np.unique(sheets).tolist():
        yield _pack_sheet(field, parts, order[sheets == number])


def _pack_sheet(field: FlatField, parts: Parts, chosen: NDArray[np.intp]) -> Sheet:
    places, (height, width) = _place_boxes(parts.boxes[chosen, 2:])
    values = np.zeros((height * TILE_PX, width * TILE_PX), np.float32)
    owner = np.full((height, width), -1, np.int32)
    shift = np.zeros((len(parts.boxes), 2), np.int32)
    shift[chosen] = (parts.boxes[chosen, :2] - places) * TILE_PX
    for part, place in zip(chosen.tolist(), places, strict=True):
        top, left, n_rows, n_columns = parts.boxes[part].tolist()
        row, column = place.tolist()
        labels = parts.labels[top : top + n_rows, left : left + n_columns]
        owner[row : row + n_rows, column : column + n_columns] = np.where(labels == part, part, -1)
        source = field.read_deviation(*(TILE_PX * parts.boxes[part]).tolist())
        row, column = row * TILE_PX, column * TILE_PX
        values[row : row + source.shape[0], column : column + source.shape[1]] = source
    return Sheet(values, owner, shift)
