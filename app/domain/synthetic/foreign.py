"""What is in a picture beside red cells: specks, platelets, white cells, fibres, bubbles, walls.

Painted like cells as relative deviation on a canvas with an apron. A compact thing between two
and sixteen micrometres is reported with centre and outline, since a segmenter may well find it and
should say that it is no cell; fibres, specks and walls are only painted.
"""

from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from app.domain.synthetic.appearances import APRON_PX, Appearance, Ring, paint_cell
from app.domain.synthetic.cells import Canvas
from app.domain.synthetic.donors import Floats
from app.domain.synthetic.shapes import Shape, draw_shape

_CLEAR_PX: Final = 4.0
Foreign = tuple[Shape, float, float]
"""Outline, row and column of a compact thing that is no cell."""


def scatter_foreign(
    canvas: Canvas,
    look: Appearance,
    *,
    places: Floats,
    reaches_px: Floats,
    per_mm2: float,
    um_per_px: float,
    rng: np.random.Generator,
) -> list[Foreign]:
    """Paint compact foreign things in the look of the field, clear of the cells, in place.

    Parameters
    ----------
    places, reaches_px
        Shapes (n, 2) and (n,): the cells and their furthest radii, px.
    per_mm2
        Mean number of each of four kinds on a square millimetre.
    """
    height, width = canvas.shape[0] - 2 * APRON_PX, canvas.shape[1] - 2 * APRON_PX
    area_mm2 = height * width * (um_per_px / 1000) ** 2
    found: list[Foreign] = []
    for draw in (_platelet, _white_cell, _clump, _bubble):
        for _ in range(rng.poisson(per_mm2 * area_mm2)):
            shape, thing = draw(look, um_per_px, rng)
            place = rng.uniform((0, 0), (height, width))
            taken = np.array([(row, column) for _, row, column in found]).reshape(-1, 2)
            wide = np.array([other.furthest_px for other, _, _ in found])
            spots, sizes = np.vstack([places, taken]), np.concatenate([reaches_px, wide])
            apart = np.hypot(*(spots - place).T) - sizes - shape.furthest_px
            if apart.size and apart.min() < _CLEAR_PX:
                continue
            paint_cell(canvas, thing, shape, row=place[0], column=place[1], rng=rng)
            found.append((shape, float(place[0]), float(place[1])))
    return found


def scatter_litter(
    canvas: Canvas, *, strength: float, um_per_px: float, count: float, rng: np.random.Generator
) -> None:
    """Paint specks and fibres, anywhere, in place; `count` is the mean number of each."""
    height, width = canvas.shape
    for _ in range(rng.poisson(3 * count)):
        size = rng.uniform(0.2, 0.9) / um_per_px
        shape = draw_shape(size, rng, elongation=rng.uniform(1, 2))
        depth = strength * rng.uniform(0.5, 2.5) * rng.choice([-1, 1], p=[0.75, 0.25])
        speck = Appearance(body=depth, rings=(Ring(place=1.6, width=0.4, depth=-0.3 * depth),))
        place = rng.uniform((0, 0), (height - 2 * APRON_PX, width - 2 * APRON_PX))
        paint_cell(canvas, speck, shape, row=place[0], column=place[1], rng=rng)
    for _ in range(rng.poisson(0.3 * count)):
        _paint_fibre(canvas, strength * rng.uniform(0.5, 2), um_per_px, rng)


def paint_wall(
    canvas: Canvas, *, strength: float, um_per_px: float, rng: np.random.Generator
) -> Floats:
    """Paint a well's wall across the canvas, in place.

    Returns
    -------
    Floats
        Depth inwards from the wall, px, coarse, shape (24, 24): negative behind it.
    """
    height, width = canvas.shape
    angle, hidden = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.6)
    radius = rng.uniform(600, 3000) / um_per_px
    rows, columns = np.meshgrid(
        np.linspace(-0.5, 0.5, 64) * height, np.linspace(-0.5, 0.5, 64) * width, indexing="ij"
    )
    depth = radius - np.hypot(rows - radius * np.sin(angle), columns - radius * np.cos(angle))
    depth = depth - np.quantile(depth, hidden)
    fine = cv2.resize(depth.astype(np.float32), (width, height)) * np.float32(um_per_px)
    band = rng.uniform(3, 30)
    level, beyond = rng.uniform(-0.8, -0.2), rng.uniform(-0.4, 0.15)
    within = 1 / (1 + np.exp(np.clip(-fine / np.float32(rng.uniform(0.3, 1.5)), -30, 30)))
    behind = 1 / (1 + np.exp(np.clip((fine + band) / np.float32(rng.uniform(0.5, 3)), -30, 30)))
    wall = level + (beyond - level) * behind
    near = -rng.uniform(0, 0.3) * np.exp(-np.maximum(fine, 0) / np.float32(rng.uniform(2, 25)))
    glint = rng.uniform(-0.2, 0.3) * np.exp(
        -(((fine - rng.uniform(0, 3)) / rng.uniform(0.5, 2)) ** 2)
    )
    stripes = strength * np.sin(fine * np.float32(rng.uniform(0.5, 3))) * (1 - within)
    canvas *= within
    canvas += within * (near + glint) + (1 - within) * wall + stripes * rng.uniform(0, 1)
    inner = cv2.resize(fine[APRON_PX:-APRON_PX, APRON_PX:-APRON_PX], (24, 24))
    return np.asarray(inner / um_per_px, np.float64)


def _platelet(
    look: Appearance, um_per_px: float, rng: np.random.Generator
) -> tuple[Shape, Appearance]:
    size = rng.uniform(1.0, 1.6) / um_per_px
    shape = draw_shape(size, rng, elongation=rng.uniform(1, 1.6), lobes=0.05)
    return shape, replace(look.scaled(rng.uniform(0.4, 1.0)), shadow=0.0, defocus_px=0.0)


def _white_cell(
    look: Appearance, um_per_px: float, rng: np.random.Generator
) -> tuple[Shape, Appearance]:
    size = rng.uniform(5.2, 7.6) / um_per_px
    shape = draw_shape(size, rng, elongation=rng.uniform(1, 1.25), lobes=0.03)
    grain = max(1.0, 0.7 / um_per_px)
    rough = rng.uniform(0.2, 0.7) * max(abs(look.body), abs(look.slope), 0.05)
    return shape, replace(
        look.scaled(rng.uniform(0.5, 1.0)), texture=rough, grain_px=grain, dimple=0.0, shadow=0.0
    )


def _clump(
    look: Appearance, um_per_px: float, rng: np.random.Generator
) -> tuple[Shape, Appearance]:
    size = rng.uniform(1.5, 5.0) / um_per_px
    shape = draw_shape(size, rng, elongation=rng.uniform(1.2, 2.5), lobes=0.14, crenation=0.06)
    depth = max(abs(look.body), abs(look.slope), 0.04)
    return shape, Appearance(
        body=-depth * rng.uniform(0.0, 0.6),
        texture=depth * rng.uniform(0.6, 1.4),
        grain_px=rng.uniform(1.5, 4),
        slope=depth * rng.uniform(0, 0.5),
        light_radians=look.light_radians,
        edge_px=rng.uniform(1, 4),
    )


def _bubble(
    look: Appearance, um_per_px: float, rng: np.random.Generator
) -> tuple[Shape, Appearance]:
    size = rng.choice([rng.uniform(0.9, 1.9), rng.uniform(5.0, 8.0)]) / um_per_px
    depth = max(abs(look.body), abs(look.slope), 0.1)
    rings = (
        Ring(place=0.95, width=0.16, depth=-depth * rng.uniform(1.5, 3)),
        Ring(place=0.6, width=0.25, depth=depth * rng.uniform(0.5, 1.5)),
    )
    return draw_shape(size, rng, lobes=0.0), Appearance(
        body=0.0, rings=rings, dimple=depth * rng.uniform(0.5, 2), dimple_width=0.35
    )


def _paint_fibre(canvas: Canvas, depth: float, um_per_px: float, rng: np.random.Generator) -> None:
    height, width = canvas.shape
    start = rng.uniform((0, 0), (width, height))
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.25, 24))
    step = rng.uniform(2, 12) / um_per_px / 4
    track = start + np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=1) * step, axis=0)
    line = np.zeros_like(canvas)
    thickness = max(1, round(rng.uniform(0.3, 1.5) / um_per_px))
    cv2.polylines(line, [track.astype(np.int32).reshape(-1, 1, 2)], False, 1.0, thickness)  # noqa: FBT003  OpenCV takes it by place
    soft = cv2.GaussianBlur(line, (0, 0), rng.uniform(0.7, 2.0))
    shifted = np.roll(soft, thickness, axis=0)
    canvas += np.float32(depth) * (np.float32(rng.uniform(-1, 0.2)) * soft + 0.5 * shifted)
