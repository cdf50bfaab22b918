"""What lies in a well beside cells: clumps of broken cells, specks of dust, pale ghosts."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.synthetic.cells import MARGIN_PX, Canvas
from app.domain.synthetic.donors import Floats


class DebrisKind(StrEnum):
    CLUMP = "clump"
    SPECK = "speck"
    GHOST = "ghost"  # a cell that lost its haemoglobin: a faint bright ring


MEAN_COUNTS: Final = {DebrisKind.CLUMP: 0.4, DebrisKind.SPECK: 2.5, DebrisKind.GHOST: 1.0}
"""Mean number in an image of 2424 x 2424."""
_FULL_AREA_PX: Final = 2424 * 2424
_RADIUS_PX: Final = {
    DebrisKind.CLUMP: (18.0, 40.0),
    DebrisKind.SPECK: (2.0, 6.0),
    DebrisKind.GHOST: (14.0, 19.0),
}
_TILE_PX: Final = 128
_CLEAR_OF_CELLS_PX: Final = 30.0


@dataclass(frozen=True, kw_only=True)
class TrueDebris:
    row: float
    column: float
    radius_px: float
    kind: DebrisKind


def draw_debris(
    cells: Floats, *, free: NDArray[np.bool_], shape: tuple[int, int], rng: np.random.Generator
) -> tuple[TrueDebris, ...]:
    """Debris that keeps clear of the cells, so that their truth stays true.

    Parameters
    ----------
    cells
        Shape (n, 2), centres, px.
    free
        Any shape, laid over the image: where debris may lie.
    shape
        Height and width of the image, px.
    """
    debris = []
    for kind, mean in MEAN_COUNTS.items():
        for _ in range(rng.poisson(mean * shape[0] * shape[1] / _FULL_AREA_PX)):
            radius = float(rng.uniform(*_RADIUS_PX[kind]))
            share = rng.random(2)
            place = share * shape
            near = np.hypot(*(cells - place).T) < radius + _CLEAR_OF_CELLS_PX
            there = (share * free.shape).astype(int)
            if free[there[0], there[1]] and not near.any():
                debris.append(
                    TrueDebris(
                        row=float(place[0]), column=float(place[1]), radius_px=radius, kind=kind
                    )
                )
    return tuple(debris)


def paint_debris(canvas: Canvas, debris: TrueDebris, rng: np.random.Generator) -> None:
    """Paint one piece on a canvas with margin, in place."""
    painters = {
        DebrisKind.CLUMP: _clump,
        DebrisKind.SPECK: _speck,
        DebrisKind.GHOST: _ghost,
    }
    first = MARGIN_PX - _TILE_PX // 2
    top, left = round(debris.row) + first, round(debris.column) + first
    tile = canvas[top : top + _TILE_PX, left : left + _TILE_PX]
    tile += painters[debris.kind](debris.radius_px, rng)


def _distance(row: float = 0.0, column: float = 0.0) -> Canvas:
    places = np.arange(_TILE_PX, dtype=np.float32) - _TILE_PX // 2
    return np.asarray(np.hypot(places[:, np.newaxis] - row, places - column), dtype=np.float32)


def _speck(radius_px: float, rng: np.random.Generator) -> Canvas:
    depth = rng.uniform(20, 70)
    distance = _distance()
    ring = 0.3 * np.exp(-(((distance - 1.8 * radius_px) / (0.5 * radius_px)) ** 2))
    return np.asarray(depth * (ring - np.exp(-((distance / radius_px) ** 2))), dtype=np.float32)


def _ghost(radius_px: float, rng: np.random.Generator) -> Canvas:
    reach = _distance() / np.float32(radius_px)
    depth = rng.uniform(9, 18)
    ring = np.exp(-(((reach - 1) / 0.12) ** 2)) - 0.8 * np.exp(-(((reach - 0.78) / 0.13) ** 2))
    return np.asarray(depth * ring, dtype=np.float32)


def _clump(radius_px: float, rng: np.random.Generator) -> Canvas:
    relief = np.zeros((_TILE_PX, _TILE_PX), np.float32)
    for _ in range(int(rng.integers(8, 26))):
        row, column = rng.normal(0, 0.45 * radius_px, 2)
        size = rng.uniform(0.1, 0.3) * radius_px
        relief += np.exp(-((_distance(row, column) / size) ** 2)) * np.float32(rng.uniform(0.4, 1))
    angle = rng.uniform(0, 2 * np.pi)
    slope_row, slope_column = np.gradient(relief)
    shading = slope_row * np.sin(angle) + slope_column * np.cos(angle)
    paint = 130 * shading - 16 * np.minimum(relief, 1.5)
    return np.asarray(cv2.GaussianBlur(paint.astype(np.float32), (0, 0), 1.1))
