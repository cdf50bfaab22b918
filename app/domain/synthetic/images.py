"""A whole drawn image with its truth: background, cells, debris, faults, camera noise."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from app.domain.quality import Verdict
from app.domain.synthetic.cells import (
    DEFOCUSED_FROM_PX,
    MARGIN_PX,
    UM_PER_PX,
    Canvas,
    CellLook,
    draw_cell_look,
    outline_px,
    paint_body,
    paint_shadow,
)
from app.domain.synthetic.debris import TrueDebris, draw_debris, paint_debris
from app.domain.synthetic.donors import (
    Donor,
    Floats,
    WellLook,
    draw_cues,
    draw_stiffness,
    generator,
)
from app.domain.synthetic.faults import (
    REASONS,
    Fault,
    Wall,
    draw_wall,
    paint_outside,
    paint_wall,
    spoil,
)
from app.domain.synthetic.light import (
    FIELD_IN_WELL,
    add_noise,
    draw_background,
    draw_place,
    light_at,
)
from app.domain.synthetic.placement import draw_field, place_cells

SIDE_PX: Final = 2424
FEWEST_CELLS: Final = 40
MOST_CELLS: Final = 350
TOUCHING_GAP_PX: Final = 2.0
"""Outlines nearer than this count as touching."""
_NEAR_PX: Final = 90.0


class TrueCellVerdict(StrEnum):
    """What a drawn cell is; where several hold, the one further down."""

    COMPLETE = "complete"
    BLURRED = "blurred"  # out of focus by itself
    TOUCHING = "touching"  # its outline meets another cell's
    PARTIAL = "partial"  # cut by the edge of the image


@dataclass(frozen=True, kw_only=True, eq=False)
class TrueCell:
    """Truth of one drawn cell.

    Attributes
    ----------
    row, column
        Centre, px; a partial cell's may lie a little outside the image.
    outlet, stiffness
        Where the device would sort it, and the latent stiffness behind that.
    semi_major_px, semi_minor_px, angle_radians
        Ellipse of the outline, its major axis counted from columns to rows.
    outline
        Shape (48, 2), float32, row and column in px.
    cues
        Shape (len(CUES),): what can be seen of stiffness, without the camera.
    verdict
        What a careful person would call it.
    clearance_px
        Gap to the nearest other outline, px, negative for an overlap; inf for a lone cell.
    """

    row: float
    column: float
    outlet: int
    stiffness: float
    semi_major_px: float
    semi_minor_px: float
    angle_radians: float
    outline: NDArray[np.float32]
    cues: Floats
    verdict: TrueCellVerdict
    clearance_px: float

    @property
    def diameter_px(self) -> float:
        return float(2 * np.sqrt(self.semi_major_px * self.semi_minor_px))


@dataclass(frozen=True, kw_only=True, eq=False)
class TrueImage:
    """A drawn image, pixels (height, width) uint8, and everything that is true of it."""

    pixels: NDArray[np.uint8]
    cells: tuple[TrueCell, ...]
    debris: tuple[TrueDebris, ...]
    verdict: Verdict
    reasons: tuple[str, ...]

    @property
    def cells_inside(self) -> tuple[TrueCell, ...]:
        """Cells whose centre lies in the image: those that count for truth kind ``drawn``."""
        height, width = self.pixels.shape
        return tuple(c for c in self.cells if 0 <= c.row < height and 0 <= c.column < width)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Cast:
    """The cells of one image before they are painted; arrays of n, in painting order."""

    looks: tuple[CellLook, ...]
    places: Floats
    stiffness: Floats
    outlets: NDArray[np.int64]
    cues: Floats

    @classmethod
    def draw(
        cls,
        donor: Donor,
        well: WellLook,
        *,
        outlet: int | None,
        places: Floats,
        in_well: Floats,
        rng: np.random.Generator,
    ) -> "_Cast":
        """Cells for the given places: px in the image, and well radii for the light there."""
        stiffness, outlets = draw_stiffness(donor, outlet=outlet, count=len(places), rng=rng)
        cues = draw_cues(donor, stiffness, rng)
        looks = tuple(
            draw_cell_look(donor, cue, light_at(well, *there), blur_px=well.blur_px, rng=rng)
            for cue, there in zip(cues, in_well.tolist(), strict=True)
        )
        return cls(looks=looks, places=places, stiffness=stiffness, outlets=outlets, cues=cues)


def draw_image(
    donor: Donor,
    well: WellLook,
    *,
    outlet: int | None,
    number: int,
    seed: int,
    fault: Fault | None = None,
    height: int = SIDE_PX,
    width: int = SIDE_PX,
    n_cells: int | None = None,
) -> TrueImage:
    """Draw one image of a well.

    Parameters
    ----------
    outlet
        2 to 5 for a sorted well, None for unsorted cells.
    number, seed
        Number of the image and the well's seed: its key, so images may be drawn in any order.
    fault
        What is wrong with the image, if anything.
    height, width
        Size, px.
    n_cells
        Cells wanted; by default drawn around the donor's crowding and scaled by area.
    """
    rng = generator("image", donor.code, donor.seed, outlet or 0, number, seed)
    place = draw_place(rng)
    ground = draw_background(well, light_at(well, *place), height=height, width=width, rng=rng)
    wall = draw_wall(height, width, rng) if fault == "wall" else None
    free = np.ones((1, 1), np.bool_) if wall is None else wall.free
    count = _cell_count(donor, height * width, rng) if n_cells is None else n_cells
    count = 0 if fault in {"empty", "outside_well"} else count
    places = _draw_places(donor, count, (height, width), free, rng)
    shares = places / (height, width) - 0.5
    cast = _Cast.draw(
        donor, well, outlet=outlet, places=places, in_well=place + shares * FIELD_IN_WELL, rng=rng
    )
    debris = (
        ()
        if fault == "outside_well"
        else draw_debris(places, free=free, shape=(height, width), rng=rng)
    )
    scene = _paint_scene(ground, cast, debris, rng)
    finished = _finish(scene, wall, fault, rng)
    return TrueImage(
        pixels=add_noise(finished, well.noise_sd, rng),
        cells=_truth(cast, height, width),
        debris=debris,
        verdict=_verdict(fault),
        reasons=() if fault is None else (REASONS[fault],),
    )


def _cell_count(donor: Donor, area_px: int, rng: np.random.Generator) -> int:
    mean = donor.crowding * rng.lognormal(0, 0.4)
    return round(float(np.clip(mean, FEWEST_CELLS, MOST_CELLS)) * area_px / SIDE_PX**2)


def _draw_places(
    donor: Donor,
    count: int,
    shape: tuple[int, int],
    free: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Floats:
    field = draw_field(height=shape[0], width=shape[1], free=free, rng=rng)
    diameter_px = donor.mean_diameter_um / UM_PER_PX
    return place_cells(count, field, diameter_px=diameter_px, rng=rng)


def _paint_scene(
    ground: Canvas, cast: _Cast, debris: tuple[TrueDebris, ...], rng: np.random.Generator
) -> Canvas:
    """Ground, shadows, bodies and debris, in this order; same shape as the ground."""
    edges = (MARGIN_PX,) * 4
    canvas = np.asarray(cv2.copyMakeBorder(ground, *edges, cv2.BORDER_REPLICATE), np.float32)
    drawn = list(zip(cast.looks, cast.places.tolist(), strict=True))
    for look, (row, column) in drawn:
        paint_shadow(canvas, look, row=row, column=column)
    for look, (row, column) in drawn:
        level = ground[
            min(max(round(row), 0), ground.shape[0] - 1),
            min(max(round(column), 0), ground.shape[1] - 1),
        ]
        paint_body(canvas, look, row=row, column=column, ground=float(level))
    for piece in debris:
        paint_debris(canvas, piece, rng)
    return canvas[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]


def _finish(
    scene: Canvas, wall: Wall | None, fault: Fault | None, rng: np.random.Generator
) -> Canvas:
    if fault == "outside_well":
        return paint_outside(scene, rng)
    return spoil(scene, fault, rng) if wall is None else paint_wall(scene, wall)


def _truth(cast: _Cast, height: int, width: int) -> tuple[TrueCell, ...]:
    clearance = _clearances(cast)
    cells = []
    for k, (look, (row, column)) in enumerate(zip(cast.looks, cast.places.tolist(), strict=True)):
        outline = outline_px(look, row=row, column=column)
        cells.append(
            TrueCell(
                row=row,
                column=column,
                outlet=int(cast.outlets[k]),
                stiffness=float(cast.stiffness[k]),
                semi_major_px=look.semi_major_px,
                semi_minor_px=look.semi_minor_px,
                angle_radians=look.angle_radians,
                outline=outline,
                cues=cast.cues[k],
                verdict=_cell_verdict(look, outline, float(clearance[k]), height, width),
                clearance_px=float(clearance[k]),
            )
        )
    return tuple(cells)


def _cell_verdict(
    look: CellLook, outline: NDArray[np.float32], clearance_px: float, height: int, width: int
) -> TrueCellVerdict:
    if outline.min() < 0 or np.any(outline.max(axis=0) > (height - 1, width - 1)):
        return TrueCellVerdict.PARTIAL
    if clearance_px < TOUCHING_GAP_PX:
        return TrueCellVerdict.TOUCHING
    if look.defocus_px > DEFOCUSED_FROM_PX:
        return TrueCellVerdict.BLURRED
    return TrueCellVerdict.COMPLETE


def _clearances(cast: _Cast) -> Floats:
    """Gap from each outline to the nearest other, along the line between the centres, px."""
    gaps = np.full(len(cast.looks), np.inf)
    if not len(cast.looks):
        return gaps
    first, second = cKDTree(cast.places).query_pairs(_NEAR_PX, output_type="ndarray").T
    apart = cast.places[second] - cast.places[first]
    angle = np.arctan2(apart[:, 0], apart[:, 1])
    gap = np.hypot(*apart.T) - _reach_px(cast, first, angle) - _reach_px(cast, second, angle)
    np.minimum.at(gaps, first, gap)
    np.minimum.at(gaps, second, gap)
    return gaps


def _reach_px(cast: _Cast, which: NDArray[np.intp], angle: Floats) -> Floats:
    axes = np.array([(k.semi_major_px, k.semi_minor_px, k.angle_radians) for k in cast.looks])
    major, minor, turn = axes[which].T
    return np.asarray(1 / np.hypot(np.cos(angle - turn) / major, np.sin(angle - turn) / minor))


def _verdict(fault: Fault | None) -> Verdict:
    if fault is None:
        return Verdict.ACCEPTED
    return Verdict.PARTLY if fault == "wall" else Verdict.REJECTED
