"""Where drawn cells lie when outlines count: alone, a few pixels apart, touching, in piles."""

from typing import Final

import numpy as np
from scipy.spatial.distance import cdist

from app.domain.synthetic.donors import Floats
from app.domain.synthetic.shapes import Shape

OVERHANG_PX: Final = 20.0
"""How far outside the image a centre may lie."""
_ATTEMPTS: Final = 24
_NEAR_PX: Final = 12.0
"""Gaps wider than this are measured along the line between the centres."""
_ISOLATED_PX: Final = 60.0
_LEAST_GAP_PX: Final = 6.0
_DEEPEST: Final = 0.7
"""Deepest overlap by chance, in radii of the smaller cell."""


def place_shapes(
    shapes: list[Shape],
    *,
    height_px: int,
    width_px: int,
    crowding: float,
    density: Floats,
    rng: np.random.Generator,
) -> tuple[Floats, list[int]]:
    """Find a place for each outline; one that finds no room is left out.

    Parameters
    ----------
    crowding
        Share of cells, 0-1, put beside a cell already there; of these a half lies 0 to 6 px
        apart, a third touches within 1 px, and a sixth overlaps by up to 0.7 radii.
    density
        Any shape (n, m), laid over the image: relative density of cells, 0 where none may lie.

    Returns
    -------
    places
        Shape (k, 2), row and column in px.
    which
        Index into `shapes` of each.
    """
    extent = np.array([height_px, width_px]) + 2 * OVERHANG_PX
    cumulative = np.cumsum(density)
    places = np.empty((len(shapes), 2))
    reaches = np.empty(len(shapes))
    which: list[int] = []
    for index, shape in enumerate(shapes):
        for _ in range(_ATTEMPTS):
            n = len(which)
            if n and rng.random() < crowding:
                host = int(rng.integers(n))
                gap = _gap_px(shape.radius_px, rng)
                trial = _beside(shapes[which[host]], shape, places[host], gap, rng)
                clear = min(gap, 1.0) - 0.5
            else:
                trial = _anywhere(cumulative, density.shape, extent, rng)
                clear = _LEAST_GAP_PX
            if not _is_inside(trial, density, extent):
                continue
            apart = np.hypot(*(places[:n] - trial).T) - reaches[:n] - shape.radius_px
            if n == 0 or apart.min() >= clear - 0.12 * shape.radius_px:
                places[n], reaches[n] = trial, shape.radius_px
                which.append(index)
                break
    return places[: len(which)], which


def measure_gaps(shapes: list[Shape], places: Floats) -> Floats:
    """Gap from each outline to the nearest other, px, negative for an overlap, inf if 60 or more.

    An overlap is measured along the line between the centres, a narrow gap between the nearest
    points.
    """
    gaps = np.full(len(shapes), np.inf)
    furthest = np.array([shape.furthest_px for shape in shapes])
    for first in range(len(shapes) - 1):
        apart = places[first + 1 :] - places[first]
        near = np.hypot(*apart.T) < furthest[first + 1 :] + furthest[first] + _ISOLATED_PX
        for offset in np.flatnonzero(near).tolist():
            second = first + 1 + offset
            gap = _gap_between(shapes[first], shapes[second], places[first], places[second])
            gaps[first], gaps[second] = min(gaps[first], gap), min(gaps[second], gap)
    return gaps


def draw_density(rng: np.random.Generator, *, unevenness: float = 1.0) -> Floats:
    """Relative density of cells over an image, shape (24, 24): a slope with loose groups."""
    side = 24
    rows, columns = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side), indexing="ij")
    angle = rng.uniform(0, 2 * np.pi)
    slope = rng.uniform(0, 1.5) * (rows * np.sin(angle) + columns * np.cos(angle))
    groups = np.kron(rng.normal(size=(6, 6)), np.ones((4, 4)))
    return np.asarray(np.exp(unevenness * (slope + 0.5 * groups)))


def _gap_px(radius_px: float, rng: np.random.Generator) -> float:
    chance = rng.random()
    if chance < 1 / 2:
        return float(rng.uniform(0.0, 6.0))
    if chance < 5 / 6:
        return float(rng.uniform(-1.0, 1.0))
    return -float(rng.uniform(0.0, _DEEPEST)) * radius_px


def _beside(
    host: Shape, shape: Shape, place: Floats, gap_px: float, rng: np.random.Generator
) -> Floats:
    angle = rng.uniform(0, 2 * np.pi)
    distance = float(host.reach_at(angle) + shape.reach_at(angle + np.pi)) + gap_px
    return np.asarray(place + distance * np.array([np.sin(angle), np.cos(angle)]))


def _anywhere(
    cumulative: Floats, shape: tuple[int, ...], extent: Floats, rng: np.random.Generator
) -> Floats:
    square = int(np.searchsorted(cumulative, rng.random() * cumulative[-1]))
    square = min(square, len(cumulative) - 1)
    share = (np.array(np.unravel_index(square, shape)) + rng.random(2)) / shape
    return np.asarray(share * extent - OVERHANG_PX)


def _is_inside(trial: Floats, density: Floats, extent: Floats) -> bool:
    share = (trial + OVERHANG_PX) / extent
    if share.min() < 0 or share.max() >= 1:
        return False
    row, column = (share * density.shape).astype(int)
    return bool(density[row, column] > 0)


def _gap_between(first: Shape, second: Shape, here: Floats, there: Floats) -> float:
    apart = there - here
    angle = float(np.arctan2(apart[0], apart[1]))
    straight = float(np.hypot(*apart)) - float(
        first.reach_at(angle) + second.reach_at(angle + np.pi)
    )
    if straight <= 0 or straight > _NEAR_PX:
        return straight
    corners, others = first.points(*here), second.points(*there)
    return min(straight, float(cdist(corners, others).min()))
