"""How the cells of a sample look to the network: means of measures that know nothing of outlets.

Every measure is of the crop's ratio to its own background, as the network sees it, so the light's
brightness is not among them. A sample is described by the means over its accepted cells; sums are
kept by image, so that a sample's means follow from its images without the pixels.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.normalisation import measure_crop_background

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

VERSION: Final = "cell-looks/1"
"""Raised whenever the same crops could give other figures, or the same images other crops.

What a manifest measured under another version is not used: its samples are `uncalibrated`.
"""

_SIDE_PX: Final = 60
_RING_EDGES_PX: Final = (0, 3, 6, 9, 12, 15, 18, 22, 27)
_N_RINGS: Final = len(_RING_EDGES_PX) - 1
_N_BODY_RINGS: Final = 6
"""Rings whose light says where the bright side is; those outside show neighbours."""
_FIRST_OVAL_RING: Final = 3
"""The inner rings hold too few pixels for a second harmonic."""
_LAGS_PX: Final = (1, 2, 4)
_CURVATURE_LAGS_PX: Final = (1, 2)
_INNER_PX: Final = 10
_WHOLE_PX: Final = 17
_DARK: Final = -0.08
_BRIGHT: Final = 0.05
"""Body and bright crescent begin at these deviations from the background."""
_REACH_PX: Final = 24
_BATCH_CELLS: Final = 64
"""Small enough for a core's cache."""

_RINGS_BY_NAME: Final = tuple(f"{outer}px" for outer in _RING_EDGES_PX[1:])
LOOK_NAMES: Final = (
    *(f"depth_{ring}" for ring in _RINGS_BY_NAME),
    *(f"variation_{ring}" for ring in _RINGS_BY_NAME),
    *(f"shading_{ring}" for ring in _RINGS_BY_NAME),
    *(f"skew_{ring}" for ring in _RINGS_BY_NAME[_FIRST_OVAL_RING:]),
    *(f"oval_{ring}" for ring in _RINGS_BY_NAME[_FIRST_OVAL_RING:]),
    *(f"inner_change_{lag}px" for lag in _LAGS_PX),
    *(f"inner_curvature_{lag}px" for lag in _CURVATURE_LAGS_PX),
    *(f"change_{lag}px" for lag in _LAGS_PX),
    "bright_side_px",
    "dark_side_px",
    "dark_roundness",
)


def measure_looks(crops: NDArray[np.uint8]) -> Singles:
    """Measure crops.

    Parameters
    ----------
    crops
        Shape (n, 60, 60), uint8; n may be 0.

    Returns
    -------
    NDArray[np.float32]
        Shape (n, 45), in the order of `LOOK_NAMES`, of the deviation grey / background - 1. In
        rings around the centre (named by their outer radius): its mean (`depth`), its standard
        deviation (`variation`), its first harmonic along the light (`shading`), its second across
        and along the light (`skew`, `oval`). Root mean square change and curvature over a few px
        near the centre (`inner`) and over the whole cell: sharpness and surface. Sides, px, of
        squares as large as the bright and the dark part, and the dark part's ratio of axes.
    """
    looks = np.empty((len(crops), len(LOOK_NAMES)), np.float32)
    for start in range(0, len(crops), _BATCH_CELLS):
        batch = slice(start, start + _BATCH_CELLS)
        looks[batch] = _measure_batch(crops[batch])
    return looks


def _measure_batch(crops: NDArray[np.uint8]) -> Singles:
    background = measure_crop_background(crops)
    deviation = np.divide(crops, background[:, None, None], dtype=np.float32) - np.float32(1)
    flat = deviation.reshape(len(crops), -1)
    depth = flat @ _rings()
    variation = np.sqrt(np.maximum(np.square(flat) @ _rings() - np.square(depth), 0))
    inner, whole = _cut_middle(deviation, _INNER_PX), _cut_middle(deviation, _WHOLE_PX)
    return np.column_stack(
        [depth, variation, _measure_harmonics(flat)]
        + [_measure_change(inner, lag) for lag in _LAGS_PX]
        + [_measure_curvature(inner, lag) for lag in _CURVATURE_LAGS_PX]
        + [_measure_change(whole, lag) for lag in _LAGS_PX]
        + [_measure_parts(flat)]
    ).astype(np.float32)


def _measure_harmonics(flat: Singles) -> Singles:
    """First harmonic along the light; second across and along it; shape (n, 8 + 5 + 5)."""
    first = (flat @ _harmonics(1)).reshape(len(flat), _N_RINGS, 2)
    second = (flat @ _harmonics(2)).reshape(len(flat), _N_RINGS, 2)[:, _FIRST_OVAL_RING:]
    light = first[:, :_N_BODY_RINGS].sum(axis=1)
    row, column = (light / np.maximum(np.linalg.norm(light, axis=1, keepdims=True), 1e-6)).T
    sine, cosine = (2 * row * column)[:, None], (column * column - row * row)[:, None]
    shading = first[:, :, 0] * row[:, None] + first[:, :, 1] * column[:, None]
    oval = second[:, :, 1] * cosine + second[:, :, 0] * sine
    skew = np.abs(second[:, :, 0] * cosine - second[:, :, 1] * sine)
    return np.column_stack([shading, skew, oval])


def _cut_middle(deviation: Singles, half_px: int) -> Singles:
    kept = slice(_SIDE_PX // 2 - half_px, _SIDE_PX // 2 + half_px)
    return deviation[:, kept, kept]


def _measure_change(part: Singles, lag: int) -> Singles:
    return _mean_square_root(part[:, lag:] - part[:, :-lag], part[:, :, lag:] - part[:, :, :-lag])


def _measure_curvature(part: Singles, lag: int) -> Singles:
    rows = part[:, 2 * lag :] - 2 * part[:, lag:-lag] + part[:, : -2 * lag]
    columns = part[:, :, 2 * lag :] - 2 * part[:, :, lag:-lag] + part[:, :, : -2 * lag]
    return _mean_square_root(rows, columns)


def _mean_square_root(rows: Singles, columns: Singles) -> Singles:
    squares = np.square(rows).mean(axis=(1, 2)) + np.square(columns).mean(axis=(1, 2))
    return np.asarray(np.sqrt(squares / 2), np.float32)


def _measure_parts(flat: Singles) -> Singles:
    """Sides of the bright and the dark part, and the dark part's roundness; shape (n, 3)."""
    near, moments = _reach()
    seen = flat[:, near]
    dark = seen < _DARK
    n_dark = dark.sum(axis=1)
    row, column, rows, columns, both = (
        (dark.astype(np.float32) @ moments) / np.maximum(n_dark, 1)[:, None]
    ).T
    rows, columns, both = rows - row * row, columns - column * column, both - row * column
    half, spread = (rows + columns) / 2, np.hypot((rows - columns) / 2, both)
    roundness = np.sqrt(np.maximum(half - spread, 0.1) / np.maximum(half + spread, 0.1))
    bright = np.sqrt((seen > _BRIGHT).sum(axis=1))
    return np.column_stack([bright, np.sqrt(n_dark), roundness])


def _places() -> tuple[Floats, Floats, Floats]:
    """Distance from the crop's middle, row and column of each pixel, shape (3600,)."""
    places = np.arange(_SIDE_PX) - (_SIDE_PX - 1) / 2
    row, column = np.meshgrid(places, places, indexing="ij")
    return np.hypot(row, column).ravel(), row.ravel(), column.ravel()


@cache
def _rings() -> Singles:
    """Weights of the means in rings, shape (3600, 8)."""
    distance, _, _ = _places()
    inner, outer = np.array(_RING_EDGES_PX[:-1]), np.array(_RING_EDGES_PX[1:])
    inside = (distance[:, None] >= inner) & (distance[:, None] < outer)
    return np.asarray(inside / inside.sum(axis=0), np.float32)


@cache
def _harmonics(order: int) -> Singles:
    """Weights of sine and cosine of each ring, shape (3600, 16)."""
    _, row, column = _places()
    angle = order * np.arctan2(row, column)
    waves = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    weights = _rings()[:, :, None] * waves[:, None, :]
    return np.asarray(weights.reshape(len(row), -1), np.float32)


@cache
def _reach() -> tuple[NDArray[np.intp], Singles]:
    """Pixels near the middle, and their first and second moments, shape (m, 5)."""
    distance, row, column = _places()
    near = np.flatnonzero(distance < _REACH_PX)
    moments = np.stack([row, column, row * row, column * column, row * column], axis=1)[near]
    return near, np.asarray(moments, np.float32)


@dataclass(frozen=True)
class LookSums:
    """Looks of an image's accepted cells, summed.

    Attributes
    ----------
    n_cells
        Cells summed.
    sums
        Shape (45,), in the order of `LOOK_NAMES`.
    """

    n_cells: int
    sums: Floats

    @classmethod
    def of(cls, looks: Singles) -> Self:
        """Sum cells, shape (n, 45)."""
        return cls(len(looks), looks.sum(axis=0, dtype=np.float64))

    def to_bytes(self) -> bytes:
        """Little-endian float64: the number of cells, then the sums."""
        return np.concatenate([[self.n_cells], self.sums]).astype("<f8").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        values = np.frombuffer(data, "<f8")
        return cls(int(values[0]), values[1:].astype(np.float64))


def mean_looks(images: Iterable[LookSums]) -> Floats | None:
    """Means over all cells of a sample's images, shape (45,); None without a cell."""
    counted = [image for image in images if image.n_cells]
    if not counted:
        return None
    total = np.sum([image.sums for image in counted], axis=0)
    return np.asarray(total / sum(image.n_cells for image in counted))
