"""How well an outliner does on whole drawn fields of every look, with the simple reading."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from app.domain.imaging.flattening import estimate_background, shrink
from app.domain.imaging.outliner import SHEET_MULTIPLE_PX, Outliner
from app.domain.imaging.parameters import ImagingParameters
from app.domain.synthetic.looks import LOOKS, DrawnField, draw_field
from models.training.outliner.reading import Reading, read_maps

NEAR_PX: Final = 4.0
"""Largest distance between a found and a true centre, image px."""
ISOLATED_PX: Final = 5.0
FIRST_SEED: Final = 900_000_000
"""Fields from here on are for measuring; patches take their seeds from below 2**31 by chance."""
_WORK_UM_PER_PX: Final = 0.365
_SIDE_PX: Final = 1216


class Matched(NamedTuple):
    """Index of the true cell of each find, -1 for none; overlap of the outlines; finds' places."""

    truth: NDArray[np.int64]
    overlap: NDArray[np.float64]


def measure_looks(
    outliner: Outliner, *, n_fields: int = 3, looks: tuple[str, ...] = LOOKS
) -> dict[str, Any]:
    """Figures by look, all of drawn cells: see `measure_field`."""
    figures = {}
    for look in looks:
        rows = [measure_field(outliner, look, FIRST_SEED + n) for n in range(n_fields)]
        figures[look] = _summarise(np.sum(rows, axis=0))
    return figures


def measure_field(outliner: Outliner, look: str, seed: int) -> NDArray[np.float64]:
    """Counts over one field of 60 cells, a third of them beside others.

    Returns
    -------
    NDArray[np.float64]
        Isolated complete cells, those found, finds whose nearest cell is isolated or that have
        none, true ones of these; complete cells, those found, finds that count, true ones;
        sum of the overlaps and their number; cells whose kind was told right and their number.
    """
    field = draw_field(
        look, seed=seed, n_cells=60, crowding=0.35, height_px=_SIDE_PX, width_px=_SIDE_PX
    )
    return count_field(field, read_maps(outliner(to_sheet(field.image))))


def to_sheet(image: NDArray[np.uint8], *, factor: int = 2) -> NDArray[np.float32]:
    """A whole image as one sheet, flattened by the program's own estimate of the background."""
    grey = shrink(image, factor)
    height, width = (side // SHEET_MULTIPLE_PX * SHEET_MULTIPLE_PX for side in grey.shape)
    grey = grey[:height, :width]
    background = estimate_background(
        grey, um_per_px=_WORK_UM_PER_PX, parameters=ImagingParameters()
    )
    return np.clip(grey / background - 1, -1, 1).astype(np.float32)


def count_field(field: DrawnField, found: Reading) -> NDArray[np.float64]:
    """The counts that `measure_field` describes."""
    cells = field.cells
    matched = match(field, found)
    isolated = cells.complete & (cells.gap_px > ISOLATED_PX)
    hit = np.zeros(len(cells), bool)
    hit[matched.truth[matched.truth >= 0]] = True
    places = np.stack([2 * found.row + 0.5, 2 * found.column + 0.5], axis=1)
    nearest = _nearest(places, cells.row, cells.column)
    counts = _is_inside(places, field) & ~_is_partial(nearest, field)
    alone = np.array([n < 0 or isolated[n] for n in nearest], bool) & counts
    true = matched.truth >= 0
    told = (
        found.kinds.argmax(axis=1) == cells.kind[np.maximum(matched.truth, 0)]
        if len(cells)
        else true
    )
    judged = true & cells.complete[np.maximum(matched.truth, 0)] if len(cells) else true
    return np.array(
        [
            isolated.sum(),
            (isolated & hit).sum(),
            alone.sum(),
            (alone & true).sum(),
            cells.complete.sum(),
            (cells.complete & hit).sum(),
            counts.sum(),
            (counts & true).sum(),
            matched.overlap[true].sum(),
            true.sum(),
            (told & judged).sum(),
            judged.sum(),
        ],
        np.float64,
    )


def match(field: DrawnField, found: Reading) -> Matched:
    """Pair finds with true cells, nearest first, up to 4 px apart."""
    cells = field.cells
    truth, overlap = np.full(len(found.row), -1, np.int64), np.zeros(len(found.row))
    apart = np.hypot(
        (2 * found.row + 0.5)[:, np.newaxis] - cells.row,
        (2 * found.column + 0.5)[:, np.newaxis] - cells.column,
    )
    taken: set[int] = set()
    for flat in np.argsort(apart, axis=None).tolist():
        find, cell = divmod(flat, max(len(cells), 1))
        if apart[find, cell] > NEAR_PX:
            break
        if truth[find] < 0 and cell not in taken:
            taken.add(cell)
            truth[find] = cell
            overlap[find] = _overlap(2 * found.radii[find], cells.radii_px[cell])
    return Matched(truth, overlap)


def _overlap(first: NDArray[np.float64], second: NDArray[np.float32]) -> float:
    """Intersection over union of two outlines as if around one centre."""
    both = np.minimum(first, second) ** 2
    either = np.maximum(first, second) ** 2
    return float(both.sum() / either.sum())


def _nearest(
    places: NDArray[np.float64], row: NDArray[np.float64], column: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Index of the true cell within 30 px of each find, -1 for none."""
    if not len(row) or not len(places):
        return np.full(len(places), -1, np.int64)
    tree = cKDTree(np.stack([row, column], axis=1))
    distance, index = tree.query(places)
    return np.where(distance < 30, index, -1).astype(np.int64)


def _is_inside(places: NDArray[np.float64], field: DrawnField) -> NDArray[np.bool_]:
    margin = 17.0  # a cell found nearer to the edge is partial, whatever it is
    return np.asarray(
        np.all((places > margin) & (places < np.array(field.image.shape) - margin), axis=1)
    )


def _is_partial(nearest: NDArray[np.int64], field: DrawnField) -> NDArray[np.bool_]:
    return np.array([n >= 0 and not field.cells.complete[n] for n in nearest], bool)


def _summarise(counts: NDArray[np.float64]) -> dict[str, float]:
    def share(part: int, whole: int) -> float:
        return round(float(counts[part] / max(counts[whole], 1)), 4)

    recall, precision = share(5, 4), share(7, 6)
    return {
        "isolated_recall": share(1, 0),
        "isolated_precision": share(3, 2),
        "f1": round(2 * recall * precision / max(recall + precision, 1e-9), 4),
        "overlap": share(8, 9),
        "kinds": share(10, 11),
    }
