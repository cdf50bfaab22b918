"""How a drawn cell looks through any microscope: a sum of parts, painted as relative deviation.

The canvas holds the deviation from an even background (0 = empty, -0.2 = a fifth darker), so that
gain and uneven light come afterwards. Depths are fractions of the background; places and widths
across the outline are relative to the distance from centre to outline (1 = on the outline).
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.synthetic.cells import Canvas
from app.domain.synthetic.shapes import FINE_ANGLES, Shape

APRON_PX: Final = 120
"""Margin of a canvas on each side; a cell's centre must lie within 24 px of the image."""
_BODY_REACH: Final = 1.75
"""How far from the centre a body's parts are drawn, in furthest radii; all have faded by then."""
_SHADOW_STEP_PX: Final = 4
_SHADOW_REACH: Final = 3.0
_TEXTURE_SIDE_PX: Final = 512
_LARGEST_TILE_PX: Final = 192


@dataclass(frozen=True, kw_only=True)
class Ring:
    """A ring along the outline; `facing` weighs it to the lit side (1) or not at all (0)."""

    place: float
    width: float
    depth: float
    facing: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """The parts of one cell's look.

    Attributes
    ----------
    body, rings, dimple, dimple_width, texture, grain_px
        Symmetric parts: a disc, rings of either sign, a middle of either sign, a membrane.
    light_radians, slope, flank
        One-sided shading: direction of the bright side as in `regions.ANGLES`, its depth, and
        how much of it shows on the dark flank.
    shadow, shadow_length, shadow_width
        Soft shadow cast away from the light; length and width in radii.
    edge_px
        Width of the outline's own step.
    cover
        How much a cell hides what lies below it, 0 (light adds up) to 1.
    defocus_px
        Gaussian σ of this cell's own blur.
    relief, halo, stain
        Parts that belong to looks nothing is trained on: an edge bright on one side and dark on
        the other, a wide bright band outside the outline, absorption of a biconcave disc.
    """

    body: float = 0.0
    rings: tuple[Ring, ...] = ()
    dimple: float = 0.0
    dimple_width: float = 0.5
    texture: float = 0.0
    grain_px: float = 2.0
    light_radians: float = 0.0
    slope: float = 0.0
    flank: float = 1.0
    shadow: float = 0.0
    shadow_length: float = 1.0
    shadow_width: float = 0.7
    edge_px: float = 1.0
    cover: float = 0.8
    defocus_px: float = 0.0
    relief: float = 0.0
    halo: float = 0.0
    stain: float = 0.0

    def scaled(self, factor: float) -> "Appearance":
        """The same look, fainter or stronger."""
        return replace(
            self,
            body=self.body * factor,
            rings=tuple(replace(ring, depth=ring.depth * factor) for ring in self.rings),
            dimple=self.dimple * factor,
            texture=self.texture * factor,
            slope=self.slope * factor,
            shadow=self.shadow * factor,
            relief=self.relief * factor,
            halo=self.halo * factor,
            stain=self.stain * factor,
        )


def new_canvas(height_px: int, width_px: int) -> Canvas:
    return np.zeros((height_px + 2 * APRON_PX, width_px + 2 * APRON_PX), np.float32)


def paint_shadows(canvas: Canvas, cells: list[tuple[Appearance, Shape, float, float]]) -> None:
    """Add the shadows of all cells, in place; they have no edge, however long they are."""
    coarse = np.zeros(
        (canvas.shape[0] // _SHADOW_STEP_PX + 1, canvas.shape[1] // _SHADOW_STEP_PX + 1), np.float32
    )
    for look, shape, row, column in cells:
        if look.shadow:
            _add_shadow(coarse, look, shape.radius_px, row + APRON_PX, column + APRON_PX)
    size = (coarse.shape[1] * _SHADOW_STEP_PX, coarse.shape[0] * _SHADOW_STEP_PX)
    fine = cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)
    canvas += fine[: canvas.shape[0], : canvas.shape[1]]


def paint_cell(
    canvas: Canvas,
    look: Appearance,
    shape: Shape,
    *,
    row: float,
    column: float,
    rng: np.random.Generator,
) -> None:
    """Paint one cell's body on a canvas, in place; `row`, `column` without the apron."""
    half = int(np.ceil(shape.furthest_px * _BODY_REACH + 3 * look.defocus_px)) + 2
    half = min(half, _LARGEST_TILE_PX // 2, APRON_PX - 25)
    whole_row, whole_column = round(row), round(column)
    cover, inside, added = _body(look, shape, row - whole_row, column - whole_column, half, rng)
    if look.defocus_px > 0.2:
        cover, inside, added = (
            np.asarray(cv2.GaussianBlur(part, (0, 0), look.defocus_px), np.float32)
            for part in (cover, inside, added)
        )
    top, left = whole_row + APRON_PX - half, whole_column + APRON_PX - half
    tile = canvas[top : top + 2 * half, left : left + 2 * half]
    tile *= 1 - np.float32(look.cover) * cover
    tile += inside
    tile += added


def _add_shadow(
    coarse: Canvas, look: Appearance, radius_px: float, row: float, column: float
) -> None:
    """Add one shadow to the coarse canvas: nothing is cut off at less than 3 SD."""
    away_row, away_column = -np.sin(look.light_radians), -np.cos(look.light_radians)
    length, width = look.shadow_length * radius_px, look.shadow_width * radius_px
    half = int(np.ceil((1.0 * length + _SHADOW_REACH * max(length, width)) / _SHADOW_STEP_PX)) + 1
    centre_row = int((row + away_row * length) / _SHADOW_STEP_PX)
    centre_column = int((column + away_column * length) / _SHADOW_STEP_PX)
    first_row, first_column = max(centre_row - half, 0), max(centre_column - half, 0)
    tile = coarse[first_row : centre_row + half, first_column : centre_column + half]
    if tile.size == 0:
        return
    middle = (_SHADOW_STEP_PX - 1) / 2
    rows = (np.arange(tile.shape[0], dtype=np.float32) + first_row) * _SHADOW_STEP_PX + middle - row
    columns = np.arange(tile.shape[1], dtype=np.float32) + first_column
    columns = columns * _SHADOW_STEP_PX + np.float32(middle - column)
    along = rows[:, np.newaxis] * np.float32(away_row) + columns * np.float32(away_column)
    across = columns * np.float32(away_row) - rows[:, np.newaxis] * np.float32(away_column)
    behind = along / np.float32(radius_px)
    # Starts under the cell and fades with distance behind it.
    fade = np.exp(-np.maximum(behind, 0) / np.float32(look.shadow_length)) / (
        1 + np.exp(np.clip(-4 * (behind - np.float32(0.3)), -30, 30))
    )
    spread = np.float32(width) * (1 + np.float32(0.15) * np.maximum(behind, 0))
    tile -= np.float32(look.shadow) * fade * np.exp(-((across / spread) ** 2))


def _body(
    look: Appearance,
    shape: Shape,
    d_row: float,
    d_column: float,
    half: int,
    rng: np.random.Generator,
) -> tuple[Canvas, Canvas, Canvas]:
    """Cover (0-1), deviation inside, and deviation added over everything; square tiles."""
    rows, columns = _grid(half)
    rows, columns = rows - np.float32(d_row), columns - np.float32(d_column)
    distance = np.sqrt(rows * rows + columns * columns) + np.float32(1e-3)
    outline = _outline_map(shape, rows, columns)
    reach = distance / outline
    sine, cosine = np.float32(np.sin(look.light_radians)), np.float32(np.cos(look.light_radians))
    facing = np.asarray((rows * sine + columns * cosine) / distance, np.float32)
    beyond = (distance - outline) * np.float32(2.2 / max(look.edge_px, 0.3))
    cover = 1 / (1 + np.exp(np.clip(beyond, -30, 30)))
    inside = np.full_like(reach, look.body)
    if look.slope:
        lit = np.clip(facing * reach, -1, 1)
        inside += np.float32(look.slope) * np.where(lit > 0, lit, lit * np.float32(look.flank))
    if look.dimple:
        inside += np.float32(look.dimple) * np.exp(-((reach / np.float32(look.dimple_width)) ** 2))
    if look.texture:
        inside += np.float32(look.texture) * _texture(look.grain_px, 2 * half, rng)
    added = _edges(look, reach, facing)
    if look.stain:
        added += _stained(look.stain, reach)  # ends at the outline by itself
    return cover, cover * inside, added


def _edges(look: Appearance, reach: Canvas, facing: Canvas) -> Canvas:
    """What is added along the outline, whatever lies below: rings, relief, halo."""
    added = np.zeros_like(reach)
    for ring in look.rings:
        band = np.exp(-(((reach - np.float32(ring.place)) / np.float32(ring.width)) ** 2))
        if ring.facing:
            weight = np.maximum(facing, 0) * np.sqrt(np.maximum(facing, 0))
            band = band * ((1 - np.float32(ring.facing)) + np.float32(ring.facing) * weight)
        added += np.float32(ring.depth) * band
    if look.relief:
        slope = np.exp(-(((reach - np.float32(0.92)) / np.float32(0.22)) ** 2))
        added += np.float32(look.relief) * facing * slope
    if look.halo:
        outside = np.where(reach > 1.12, np.float32(0.24), np.float32(0.1))
        added += np.float32(look.halo) * np.exp(-(((reach - np.float32(1.12)) / outside) ** 2))
    return added


def _stained(depth: float, reach: Canvas) -> Canvas:
    """Absorption of a biconcave disc: thin in the middle, thickest at two thirds."""
    inner = np.clip(reach, 0, 1) ** 2
    thickness = np.sqrt(np.maximum(1 - inner, 0)) * (0.22 + 2.4 * inner - 1.2 * inner**2)
    return np.asarray(np.expm1(-np.float32(2.2 * depth) * thickness), np.float32)


def _outline_map(shape: Shape, rows: Canvas, columns: Canvas) -> Canvas:
    """Distance from centre to outline in each pixel's direction, px."""
    angle = cv2.phase(np.ascontiguousarray(columns), np.ascontiguousarray(rows))
    table = np.append(shape.reach_px, shape.reach_px[:2]).astype(np.float32)
    place = angle * np.float32(len(FINE_ANGLES) / (2 * np.pi))
    low = np.minimum(place.astype(np.int32), len(FINE_ANGLES))
    share = place - low
    return np.asarray(table[low] * (1 - share) + table[low + 1] * share)


def _grid(half: int) -> tuple[Canvas, Canvas]:
    places = np.arange(-half, half, dtype=np.float32)
    rows, columns = np.meshgrid(places, places, indexing="ij")
    return rows, columns


def _texture(grain_px: float, side: int, rng: np.random.Generator) -> Canvas:
    bank = _texture_bank()[int(np.clip(round(grain_px) - 1, 0, 3))]
    row, column = rng.integers(_TEXTURE_SIDE_PX - side, size=2)
    return bank[row : row + side, column : column + side]


@cache
def _texture_bank() -> tuple[NDArray[np.float32], ...]:
    """Membrane textures of four grains, mean 0, SD 1; the same in every process."""
    rng = np.random.default_rng(20231109)
    return tuple(_band(rng, 0.7 * grain) for grain in (1, 2, 3, 4))


def _band(rng: np.random.Generator, narrow_px: float) -> Canvas:
    white = rng.normal(size=(_TEXTURE_SIDE_PX, _TEXTURE_SIDE_PX)).astype(np.float32)
    band = cv2.GaussianBlur(white, (0, 0), narrow_px)
    band = band - cv2.GaussianBlur(white, (0, 0), 2.2 * narrow_px)
    return np.asarray(((band - band.mean()) / band.std()).astype(np.float32))
