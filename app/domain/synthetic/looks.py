"""Whole images of cells in many looks, each with its exact truth.

A look is how cells appear through one kind of microscope: which parts of `Appearance` they have,
how strongly, and how the picture was taken. ``various`` draws a new combination of parts for every
image. Networks are trained on `TRAINED_LOOKS`; the looks of `HELD_OUT_LOOKS` are made of parts that
no trained look ever has (`Appearance.relief`, `halo`, `stain`), so that figures on them say what
happens under a microscope that training did not foresee.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.outliner import KINDS
from app.domain.synthetic.appearances import (
    APRON_PX,
    new_canvas,
    paint_cell,
    paint_shadows,
)
from app.domain.synthetic.cameras import draw_light, take_picture
from app.domain.synthetic.cells import UM_PER_PX, Canvas
from app.domain.synthetic.crowding import draw_density, measure_gaps, place_shapes
from app.domain.synthetic.donors import Floats, generator
from app.domain.synthetic.foreign import (
    Foreign,
    paint_wall,
    scatter_foreign,
    scatter_litter,
)
from app.domain.synthetic.shapes import Shape, draw_shape
from app.domain.synthetic.styles import HELD_OUT_LOOKS, LOOKS, TRAINED_LOOKS, Style, draw_style

__all__ = [
    "HELD_OUT_LOOKS",
    "KINDS",
    "LOOKS",
    "TRAINED_LOOKS",
    "DrawnCells",
    "DrawnField",
    "draw_field",
]

TOUCHING_GAP_UM: Final = 0.365
"""Outlines nearer than this count as touching (2 px of the usual image, as in `images`)."""
BLURRED_FROM_UM: Final = 0.365
"""Blur of a single cell, σ, from which it counts as out of focus."""
_FROM_WALL_PX: Final = 12.0
_LITTER: Final = 4.0
"""Groups of specks and fibres for each compact foreign thing of one kind."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnCells:
    """Truth of n drawn cells, or of n compact foreign things.

    Attributes
    ----------
    row, column
        Centroid of the outline, px, float64; may lie a little outside the image.
    radii_px
        Shape (n, 32) float32, distance from the centroid to the outline at `regions.ANGLES`.
    kind
        int64, index into `KINDS`: a cell by itself, one that meets another, one out of focus by
        itself, and what is no red cell.
    gap_px
        Distance to the nearest other outline, negative for an overlap, inf if alone.
    blur_px
        Gaussian σ of the cell's picture, optics and its own defocus together.
    complete
        The whole outline lies inside the image.
    """

    row: Floats
    column: Floats
    radii_px: NDArray[np.float32]
    kind: NDArray[np.int64]
    gap_px: Floats
    blur_px: Floats
    complete: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnField:
    """One drawn image with its truth.

    Attributes
    ----------
    image
        Shape (height, width) uint8.
    light
        Shape (height, width) float32: grey of the empty background, before walls.
    cells, foreign
        The red cells, and the compact things that are none (kind ``debris``).
    look
        Its name.
    um_per_px
        Size of a pixel.
    behind_wall
        Shape (24, 24), laid over the image: True where a wall hides the view; None without a wall.
    """

    image: NDArray[np.uint8]
    light: Canvas
    cells: DrawnCells
    foreign: DrawnCells
    look: str
    um_per_px: float
    behind_wall: NDArray[np.bool_] | None


def draw_field(
    look: str,
    *,
    seed: int,
    n_cells: int = 200,
    crowding: float = 0.3,
    height_px: int = 2424,
    width_px: int = 2424,
    um_per_px: float = UM_PER_PX,
    foreign_per_mm2: float = 10.0,
    wall: bool = False,
    jpeg_quality: int | None = None,
    enlarged: float = 1.0,
    soft_px: float = 0.0,
    defocused_share: float | None = None,
) -> DrawnField:
    """Draw an image of cells in one look.

    Parameters
    ----------
    look
        One of `LOOKS`.
    seed
        With look and size it decides everything.
    n_cells
        Cells wanted, 0 and up; one that finds no room is left out.
    crowding
        Share of the cells put beside another, 0 to 1: see `crowding.place_shapes`.
    height_px, width_px, um_per_px
        Size of the image and of a pixel; cells are about 6.4 µm across.
    foreign_per_mm2
        Mean number of platelets, of white cells, of clumps and of bubbles, each.
    wall
        Whether the wall of a well crosses the image.
    jpeg_quality, enlarged, soft_px
        Compression, how many times larger the image is than the picture it was made from, and
        that picture's own blur: the look of a figure in print. See `cameras.reprint`.
    defocused_share
        Share of cells that are out of focus by themselves; None for the look's own.
    """
    rng = generator("field", look, seed)
    style = draw_style(look, rng, um_per_px=um_per_px)
    camera = replace(style.camera, jpeg_quality=jpeg_quality, enlarged=enlarged, soft_px=soft_px)
    if defocused_share is not None:
        style = replace(style, defocused_share=defocused_share)
    canvas = new_canvas(height_px, width_px)
    density = draw_density(rng)
    wall_canvas = np.zeros_like(canvas)
    hidden: NDArray[np.bool_] | None = None
    if wall:
        depth = paint_wall(wall_canvas, strength=0.05, um_per_px=um_per_px, rng=rng)
        clear = depth > style.mean_radius_px + _FROM_WALL_PX
        density, hidden = np.where(clear, density, 0.0), depth < 0
        n_cells = round(n_cells * float(clear.mean()))
    shapes, places = _cast(style, n_cells, density, (height_px, width_px), crowding, rng)
    defocus = _paint_cells(canvas, style, shapes, places, rng)
    foreign = _paint_foreign(
        canvas, style, shapes, places, foreign_per_mm2, um_per_px=um_per_px, rng=rng
    )
    scene = _behind_wall(canvas, wall_canvas, hidden)[APRON_PX:-APRON_PX, APRON_PX:-APRON_PX]
    light = draw_light(camera, height_px, width_px, rng)
    blur = np.hypot(defocus, style.camera.blur_px)
    visible = [thing for thing in foreign if hidden is None or not _is_hidden(thing, hidden, scene)]
    return DrawnField(
        image=take_picture(scene, light, camera, rng),
        light=light,
        cells=_truth(shapes, places, blur, (height_px, width_px), um_per_px),
        foreign=_foreign_truth(visible, style.camera.blur_px, (height_px, width_px)),
        look=look,
        um_per_px=um_per_px,
        behind_wall=hidden,
    )


def _cast(
    style: Style,
    n_cells: int,
    density: Floats,
    size: tuple[int, int],
    crowding: float,
    rng: np.random.Generator,
) -> tuple[list[Shape], Floats]:
    shapes = [_cell_shape(style, rng) for _ in range(n_cells)]
    if not shapes or not density.any():
        return [], np.empty((0, 2))
    places, which = place_shapes(
        shapes, height_px=size[0], width_px=size[1], crowding=crowding, density=density, rng=rng
    )
    return [shapes[index] for index in which], places


def _cell_shape(style: Style, rng: np.random.Generator) -> Shape:
    radius = style.mean_radius_px * float(np.clip(rng.normal(1, style.radius_cv), 0.75, 1.3))
    elongation = 1 + abs(rng.normal(0, style.elongation))
    if rng.random() < style.edge_on_share:
        elongation *= rng.uniform(1.2, 2.1)
        radius *= 0.93
    crenation = style.crenation * rng.uniform(0.6, 1.4) if style.crenation else 0.0
    return draw_shape(
        radius, rng, elongation=elongation, lobes=rng.uniform(0, 0.03), crenation=crenation
    )


def _paint_cells(
    canvas: Canvas, style: Style, shapes: list[Shape], places: Floats, rng: np.random.Generator
) -> Floats:
    """Paint shadows, then bodies; gives each cell's own defocus, px."""
    looks = [
        style.vary(rng, row=row / canvas.shape[0], column=column / canvas.shape[1])
        for row, column in places.tolist()
    ]
    drawn = [
        (look, shape, row, column)
        for look, shape, (row, column) in zip(looks, shapes, places.tolist(), strict=True)
    ]
    paint_shadows(canvas, drawn)
    for look, shape, row, column in drawn:
        paint_cell(canvas, look, shape, row=row, column=column, rng=rng)
    return np.array([look.defocus_px for look in looks])


def _paint_foreign(
    canvas: Canvas,
    style: Style,
    shapes: list[Shape],
    places: Floats,
    per_mm2: float,
    *,
    um_per_px: float,
    rng: np.random.Generator,
) -> list[Foreign]:
    inner_px = (canvas.shape[0] - 2 * APRON_PX) * (canvas.shape[1] - 2 * APRON_PX)
    count = _LITTER * per_mm2 * inner_px * (um_per_px / 1000) ** 2
    scatter_litter(canvas, strength=style.strength, um_per_px=um_per_px, count=count, rng=rng)
    return scatter_foreign(
        canvas,
        replace(style.appearance, cover=0.8),
        places=places,
        reaches_px=np.array([shape.furthest_px for shape in shapes]),
        per_mm2=per_mm2,
        um_per_px=um_per_px,
        rng=rng,
    )


def _behind_wall(canvas: Canvas, wall: Canvas, hidden: NDArray[np.bool_] | None) -> Canvas:
    if hidden is None:
        return canvas
    return np.asarray((1 + canvas) * (1 + wall) - 1, np.float32)


def _is_hidden(thing: Foreign, hidden: NDArray[np.bool_], scene: Canvas) -> bool:
    share = np.array(thing[1:]) / scene.shape
    row, column = np.clip((share * hidden.shape).astype(int), 0, np.array(hidden.shape) - 1)
    return bool(hidden[row, column])


def _truth(
    shapes: list[Shape], places: Floats, blur_px: Floats, size: tuple[int, int], um_per_px: float
) -> DrawnCells:
    gaps = measure_gaps(shapes, places)
    kind = np.zeros(len(shapes), np.int64)
    kind[blur_px * um_per_px > BLURRED_FROM_UM] = KINDS.index("blurred")
    kind[gaps * um_per_px < TOUCHING_GAP_UM] = KINDS.index("several")
    return _collected(shapes, places, kind, gaps, blur_px, size)


def _foreign_truth(foreign: list[Foreign], blur_px: float, size: tuple[int, int]) -> DrawnCells:
    shapes = [shape for shape, _, _ in foreign]
    places = np.array([(row, column) for _, row, column in foreign]).reshape(-1, 2)
    kind = np.full(len(foreign), KINDS.index("debris"), np.int64)
    gaps = np.full(len(foreign), np.inf)
    return _collected(shapes, places, kind, gaps, np.full(len(foreign), blur_px), size)


def _collected(
    shapes: list[Shape],
    places: Floats,
    kind: NDArray[np.int64],
    gaps_px: Floats,
    blur_px: Floats,
    size: tuple[int, int],
) -> DrawnCells:
    complete = []
    for shape, (row, column) in zip(shapes, places.tolist(), strict=True):
        points = shape.points(row, column)
        complete.append(
            bool(points.min() >= 0 and np.all(points.max(axis=0) <= np.array(size) - 1))
        )
    radii = np.array([shape.radii_px for shape in shapes], np.float32).reshape(-1, 32)
    return DrawnCells(
        row=places[:, 0],
        column=places[:, 1],
        radii_px=radii,
        kind=kind,
        gap_px=gaps_px,
        blur_px=blur_px,
        complete=np.array(complete, np.bool_),
    )
