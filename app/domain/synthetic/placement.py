"""Where the cells of a drawn image lie: denser to one side, in loose groups, some touching."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.synthetic.donors import Floats

TOUCHING_SHARE: Final = 0.10
"""Share of cells placed against a cell already there."""
_OVERHANG_PX: Final = 14.0
"""How far outside the image a centre may lie, so that cells are cut by its edge."""
_GRID: Final = 40
_ATTEMPTS: Final = 15
_APART: Final = 1.22
_TOUCHING_FROM, _TOUCHING_TO = 0.92, 1.04
"""Distances between centres, in mean diameters."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Field:
    """The area to fill: size in px, and share of the cells by grid place, shape (40, 40)."""

    height: int
    width: int
    density: Floats


def draw_field(
    *, height: int, width: int, free: NDArray[np.bool_], rng: np.random.Generator
) -> Field:
    """A slope of density with loose groups on it; `free`, of any shape, is laid over the field."""
    rows, columns = np.meshgrid(np.linspace(-1, 1, _GRID), np.linspace(-1, 1, _GRID), indexing="ij")
    angle, steepness = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 1.5)
    slope = steepness * (rows * np.sin(angle) + columns * np.cos(angle))
    groups = cv2.resize(rng.normal(size=(9, 9)), (_GRID, _GRID), interpolation=cv2.INTER_CUBIC)
    allowed = cv2.resize(free.astype(np.float64), (_GRID, _GRID), interpolation=cv2.INTER_NEAREST)
    density = np.exp(slope + 0.5 * groups) * allowed
    return Field(height=height, width=width, density=density / density.sum())


def place_cells(
    count: int, field: Field, *, diameter_px: float, rng: np.random.Generator
) -> Floats:
    """Centres of up to `count` cells, shape (n, 2), row and column in px.

    A cell that finds no room after some attempts is left out.
    """
    places = np.empty((count, 2))
    cumulative = np.cumsum(field.density)
    found = 0
    for _ in range(count):
        for _ in range(_ATTEMPTS):
            touching = found > 0 and rng.random() < TOUCHING_SHARE
            if touching:
                trial = _beside(places[:found], diameter_px, rng)
            else:
                trial = _free_place(field, cumulative, rng)
            apart = diameter_px * (_TOUCHING_FROM * 0.999 if touching else _APART)
            if _fits(trial, places[:found], apart, field):
                places[found] = trial
                found += 1
                break
    return places[:found]


def _free_place(field: Field, cumulative: Floats, rng: np.random.Generator) -> Floats:
    cell = int(np.searchsorted(cumulative, rng.random() * cumulative[-1]))
    share = (np.array(divmod(min(cell, _GRID**2 - 1), _GRID)) + rng.random(2)) / _GRID
    size = np.array([field.height, field.width]) + 2 * _OVERHANG_PX
    return np.asarray(share * size - _OVERHANG_PX)


def _beside(placed: Floats, diameter_px: float, rng: np.random.Generator) -> Floats:
    """A place against one of the cells already there."""
    angle = rng.uniform(0, 2 * np.pi)
    distance = diameter_px * rng.uniform(_TOUCHING_FROM, _TOUCHING_TO)
    host = placed[int(rng.integers(len(placed)))]
    return np.asarray(host + distance * np.array([np.sin(angle), np.cos(angle)]))


def _fits(trial: Floats, placed: Floats, apart_px: float, field: Field) -> bool:
    size = np.array([field.height, field.width]) + 2 * _OVERHANG_PX
    share = (trial + _OVERHANG_PX) / size
    if np.any(share < 0) or np.any(share >= 1):
        return False
    row, column = (share * _GRID).astype(int)
    if field.density[row, column] == 0:
        return False
    return not bool(np.any(np.sum((placed - trial) ** 2, axis=1) < apart_px**2))
