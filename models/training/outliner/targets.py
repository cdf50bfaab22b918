"""What the outliner should answer to a patch, as one array per patch.

Channels: `HEAT` (1 where a centre lies, a Gaussian around it), `HEAT_WEIGHT` (0 where nobody can
say), `WEIGHT` (of outline and kind: more than 0 in the middle of a cell), `KIND` (index into
`KINDS`, or `ANY_CELL`), then 32 radii from the square's middle, working px.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.outliner import GRID_PX
from app.domain.imaging.regions import ANGLES, N_ANGLES

HEAT, HEAT_WEIGHT, WEIGHT, KIND, RADII = range(5)
N_CHANNELS: Final = RADII + N_ANGLES
ANY_CELL: Final = -1
"""Kind of a cell whose picture does not tell whether it is single, touching or blurred."""
_HEAT_SIGMA: Final = 0.75
"""Of the Gaussian around a centre, squares."""
_MIDDLE: Final = 0.5
"""Squares up to this share of the radius from the centre say what the cell is."""
_PARTIAL_WEIGHT: Final = 0.4
_FINE: Final = 96

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class PatchTruth:
    """Truth of one patch in working px; arrays of n things.

    Attributes
    ----------
    row, column, radii_px, kind
        As in `DrawnCells`; `kind` may be `ANY_CELL`.
    complete
        False for what the border of the patch or of the image cuts.
    ignored
        Shape (m, 3): row, column and radius of places where a centre is neither right nor wrong.
    """

    row: Floats
    column: Floats
    radii_px: NDArray[np.float32]
    kind: NDArray[np.int64]
    complete: NDArray[np.bool_]
    ignored: Floats


def encode(truth: PatchTruth, *, side_px: int) -> NDArray[np.float16]:
    """Shape (side / 4, side / 4, 36) of the channels above."""
    side = side_px // GRID_PX
    target = np.zeros((side, side, N_CHANNELS), np.float32)
    target[..., HEAT_WEIGHT] = 1.0
    nearest = np.full((side, side), np.inf)
    squares = np.arange(side, dtype=np.float64) * GRID_PX + (GRID_PX - 1) / 2
    for index in range(len(truth.row)):
        _encode_one(target, nearest, squares, truth, index)
    for row, column, radius in truth.ignored.tolist():
        hidden = np.hypot(squares[:, np.newaxis] - row, squares - column) < radius
        target[..., HEAT_WEIGHT][hidden & (target[..., HEAT] < 0.99)] = 0.0
    return target.astype(np.float16)


def _encode_one(
    target: NDArray[np.float32],
    nearest: Floats,
    squares: Floats,
    truth: PatchTruth,
    index: int,
) -> None:
    row, column = float(truth.row[index]), float(truth.column[index])
    radii = truth.radii_px[index].astype(np.float64)
    radius = float(np.sqrt(np.mean(radii**2)))
    side = len(squares)
    home_row, home_column = int((row + 0.5) // GRID_PX), int((column + 0.5) // GRID_PX)
    span = int(np.ceil(max(_MIDDLE * radius / GRID_PX, 4 * _HEAT_SIGMA))) + 1
    rows = np.s_[max(home_row - span, 0) : max(home_row + span + 1, 0)]
    columns = np.s_[max(home_column - span, 0) : max(home_column + span + 1, 0)]
    d_row, d_column = squares[rows][:, np.newaxis] - row, squares[columns] - column
    distance = np.hypot(d_row, d_column)
    if distance.size == 0:
        return
    heat = target[rows, columns, HEAT]
    np.maximum(heat, np.exp(-0.5 * (distance / (GRID_PX * _HEAT_SIGMA)) ** 2), out=heat)
    if 0 <= home_row < side and 0 <= home_column < side:
        target[home_row, home_column, HEAT] = 1.0
    middle = distance < max(_MIDDLE * radius, 0.71 * GRID_PX)
    mine = middle & (distance / radius < nearest[rows, columns])
    if not mine.any():
        return
    nearest[rows, columns][mine] = (distance / radius)[mine]
    block = target[rows, columns]
    block[mine, WEIGHT] = 1.0 if truth.complete[index] else _PARTIAL_WEIGHT
    block[mine, KIND] = truth.kind[index]
    d_rows = np.broadcast_to(d_row, mine.shape)[mine]
    d_columns = np.broadcast_to(d_column, mine.shape)[mine]
    block[mine, RADII:] = radii_from(radii, d_rows, d_columns)


def radii_from(radii: Floats, d_rows: Floats, d_columns: Floats) -> Floats:
    """Radii of one outline from other places inside it.

    Parameters
    ----------
    radii
        Shape (32,), from the centre.
    d_rows, d_columns
        Shapes (k,): the places, from the centre.

    Returns
    -------
    Floats
        Shape (k, 32).
    """
    fine = np.arange(_FINE) * (2 * np.pi / _FINE)
    reach = np.interp(fine, ANGLES, radii, period=2 * np.pi)
    rows = reach * np.sin(fine) - d_rows[:, np.newaxis]
    columns = reach * np.cos(fine) - d_columns[:, np.newaxis]
    angle, distance = np.arctan2(rows, columns), np.hypot(rows, columns)
    return np.array(
        [
            np.interp(ANGLES, seen, far, period=2 * np.pi)
            for seen, far in zip(angle, distance, strict=True)
        ]
    )
