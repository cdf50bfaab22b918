"""One drawn cell: how it looks and how it is painted on a canvas.

A cell in a small well under plain transmitted light is a dark body with a bright crescent on one
side, a dark flank and a soft cast shadow on the other; where the liquid's surface is level it is
a symmetric body with a dark ring. Positions are row, column in px; `light` points to the bright
side. A canvas carries a margin, so that nothing needs clipping.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.synthetic.donors import CUES, Donor, Floats

Canvas = NDArray[np.float32]

UM_PER_PX: Final = 0.1825
MARGIN_PX: Final = 80
"""Margin of a canvas on each side: half the largest tile, and 16 px that a centre may lie out."""
SHADOW_TILE_PX: Final = 128
BODY_TILE_PX: Final = 64
_SHADOW_STEP_PX: Final = 4
_FADES_FROM_PX: Final = 34.0
"""Distance from which a shadow fades, so that its tile leaves no edge; crops end before it."""
_SHADOW_TILE: Final = SHADOW_TILE_PX // _SHADOW_STEP_PX
_TEXTURE_SIDE_PX: Final = 512
_OUTLINE_POINTS: Final = 48
_FLANK: Final = 0.6
"""How much of the slope shows on the dark flank; the rest would be darker than any seen."""
RING_SHARE: Final = 0.07
"""Share of cells that lie level and show a symmetric dark ring whatever the light."""
EDGE_ON_SHARE: Final = 0.05
DEFOCUSED_SHARE: Final = 0.025
DEFOCUSED_FROM_PX: Final = 2.0
"""Blur from which a single cell counts as out of focus."""


@dataclass(frozen=True, kw_only=True)
class CellLook:
    """Everything the painter needs; lengths in px, depths in grey values.

    Attributes
    ----------
    semi_major_px, semi_minor_px, angle_radians
        Ellipse of the outline; the angle is that of the major axis, from columns to rows.
    lobes
        Relative amplitudes of the outline's second-order-free ripple: cos 3θ, sin 3θ.
    light_row, light_column, tilt
        Unit vector to the bright side, and how one-sided the shading is, 0 to 1.2.
    texture_row, texture_column
        Where in the texture bank this cell's membrane is cut from.
    """

    semi_major_px: float
    semi_minor_px: float
    angle_radians: float
    lobes: tuple[float, float]
    light_row: float
    light_column: float
    tilt: float
    body_depth: float
    slope_depth: float
    crescent_depth: float
    crescent_width: float
    rim_depth: float
    rim_width: float
    dimple_depth: float
    texture_depth: float
    grain: float
    texture_row: int
    texture_column: int
    shadow_depth: float
    shadow_length: float
    shadow_softness: float
    defocus_px: float

    @property
    def radius_px(self) -> float:
        return float(np.sqrt(self.semi_major_px * self.semi_minor_px))


@dataclass(frozen=True, kw_only=True)
class Light:
    """Shading at one place of a well: unit vector to the bright side, and its strength."""

    row: float
    column: float
    tilt: float


def draw_cell_look(
    donor: Donor, cues: Floats, light: Light, *, blur_px: float, rng: np.random.Generator
) -> CellLook:
    """How one cell looks, from its cues, the light where it lies, and chance.

    Parameters
    ----------
    cues
        Shape (len(CUES),), standardised.
    blur_px
        Blur of the well's optics.
    """
    cue = dict(zip(CUES, np.clip(cues, -3.5, 3.5).tolist(), strict=True))
    major, minor = _semi_axes(donor, size=cue["size"], roundness=cue["roundness"], rng=rng)
    tilt, turn = _tilt(light, rng)
    depth = donor.body_depth * float(np.clip(rng.normal(1.0, 0.10), 0.7, 1.35))
    defocus = rng.uniform(2.2, 3.6) if rng.random() < DEFOCUSED_SHARE else rng.uniform(0.0, 0.5)
    return CellLook(
        semi_major_px=major,
        semi_minor_px=minor,
        angle_radians=float(rng.uniform(0, np.pi)),
        lobes=(float(rng.normal(0, 0.012)), float(rng.normal(0, 0.012))),
        light_row=float(light.row * np.cos(turn) + light.column * np.sin(turn)),
        light_column=float(light.column * np.cos(turn) - light.row * np.sin(turn)),
        tilt=tilt,
        body_depth=depth * (61 - 8 * tilt),
        slope_depth=depth * (8 + 52 * tilt) * float(rng.uniform(0.85, 1.15)),
        crescent_depth=(6 + 25 * tilt) * float(rng.uniform(0.8, 1.2)),
        crescent_width=0.20 + 0.048 * cue["crescent_width"],
        rim_depth=depth * max(2.0, 22 + 8.0 * cue["rim_depth"]),
        rim_width=max(0.06, 0.15 + 0.03 * cue["rim_width"]),
        dimple_depth=8 + 9.5 * cue["dimple"],
        texture_depth=max(0.3, 3.8 + 1.45 * cue["texture"]),
        grain=float(np.clip(0.5 + 0.28 * cue["grain"], 0.0, 1.0)),
        texture_row=int(rng.integers(_TEXTURE_SIDE_PX - BODY_TILE_PX)),
        texture_column=int(rng.integers(_TEXTURE_SIDE_PX - BODY_TILE_PX)),
        shadow_depth=(18 + 32 * tilt) * float(rng.uniform(0.8, 1.2)),
        shadow_length=0.45 + 0.75 * tilt,
        shadow_softness=float(np.clip(0.70 + 0.10 * cue["shadow_softness"], 0.40, 1.05)),
        defocus_px=float(np.hypot(defocus, blur_px)),
    )


def paint_shadow(canvas: Canvas, look: CellLook, *, row: float, column: float) -> None:
    """Darken the canvas where the cell shades it, in place; `row`, `column` without margin."""
    top, left, d_row, d_column = _tile_origin(row, column, SHADOW_TILE_PX)
    rows, columns = _grid(_SHADOW_TILE, _SHADOW_STEP_PX)
    radius = look.radius_px
    along = (rows - d_row) * look.light_row + (columns - d_column) * look.light_column
    across = (columns - d_column) * look.light_row - (rows - d_row) * look.light_column
    softness = radius * look.shadow_softness
    behind = along + radius * look.shadow_length
    length = softness * np.where(behind < 0, 1 + 0.55 * look.tilt, 1.0)
    shade = np.exp(-0.5 * ((behind / length) ** 2 + (across / softness) ** 2))
    ahead = (along - 1.5 * radius) / (0.62 * radius)
    glow = np.exp(-0.5 * (ahead**2 + (across / (0.8 * radius)) ** 2))
    coarse = (0.45 * look.crescent_depth * glow - look.shadow_depth * shade).astype(np.float32)
    coarse = coarse * _fade_out()
    tile = cv2.resize(coarse, (SHADOW_TILE_PX, SHADOW_TILE_PX), interpolation=cv2.INTER_LINEAR)
    canvas[top : top + SHADOW_TILE_PX, left : left + SHADOW_TILE_PX] += tile


def paint_body(canvas: Canvas, look: CellLook, *, row: float, column: float, ground: float) -> None:
    """Paint the body over the canvas, in place.

    Parameters
    ----------
    ground
        Grey of the empty background at the cell's place; the body's greys are relative to it.
    """
    top, left, d_row, d_column = _tile_origin(row, column, BODY_TILE_PX)
    rows, columns = _grid(BODY_TILE_PX, 1)
    cover, body, fringe = _body(look, rows - d_row, columns - d_column)
    tile = canvas[top : top + BODY_TILE_PX, left : left + BODY_TILE_PX]
    tile += cover * (ground - tile) + cover * body + fringe


def outline_px(look: CellLook, *, row: float, column: float) -> NDArray[np.float32]:
    """Outline of a painted cell, shape (48, 2), row and column in px."""
    theta = np.linspace(0, 2 * np.pi, _OUTLINE_POINTS, endpoint=False)
    along, across = np.cos(theta), np.sin(theta)
    reach = 1.0 / np.hypot(along / look.semi_major_px, across / look.semi_minor_px)
    cos_3, sin_3 = np.cos(3 * theta), np.sin(3 * theta)
    reach = reach * (1 + look.lobes[0] * cos_3 + look.lobes[1] * sin_3)
    major = np.cos(look.angle_radians), np.sin(look.angle_radians)
    columns = column + reach * (along * major[0] - across * major[1])
    rows = row + reach * (along * major[1] + across * major[0])
    return np.stack([rows, columns], axis=1).astype(np.float32)


def _semi_axes(
    donor: Donor, *, size: float, roundness: float, rng: np.random.Generator
) -> tuple[float, float]:
    radius = donor.mean_diameter_um / UM_PER_PX / 2 * (1 + donor.diameter_cv * size)
    ratio = float(np.clip(0.87 + 0.055 * roundness, 0.62, 1.0))
    if rng.random() < EDGE_ON_SHARE:
        ratio *= float(rng.uniform(0.55, 0.8))
    return float(radius / np.sqrt(ratio) ** 0.8), float(radius * np.sqrt(ratio) ** 1.2)


def _tilt(light: Light, rng: np.random.Generator) -> tuple[float, float]:
    """Strength of the shading, and its turn in radians, for one cell in this light."""
    if rng.random() < RING_SHARE:
        return float(rng.uniform(0.0, 0.25)), float(rng.uniform(-np.pi, np.pi))
    strength = light.tilt * rng.uniform(0.85, 1.15) + rng.normal(0, 0.07)
    return float(np.clip(strength, 0.0, 1.2)), float(rng.normal(0, 0.22))


def _body(look: CellLook, rows: Canvas, columns: Canvas) -> tuple[Canvas, Canvas, Canvas]:
    """Cover (0-1), greys inside relative to the ground, and greys added over everything."""
    reach, distance = _reach(look, rows, columns)
    radius = look.radius_px
    lit = (rows * look.light_row + columns * look.light_column) / radius
    facing = np.asarray(lit * radius / distance, dtype=np.float32)
    edge = 1 / (1 + np.exp(np.clip((reach - 1) * radius * 1.3, -30, 30)))
    ring = np.exp(-(((reach - 0.93) / look.rim_width) ** 2))
    shaded = np.clip(1 - 1.05 * look.tilt * np.maximum(facing + 0.15, 0), 0.0, 1.0)
    hollow = np.exp(-2.6 * ((reach - 0.28 * lit * look.tilt) ** 2))
    texture = _texture(look) * (1.0 + 0.5 * look.tilt * lit)
    body = (
        look.slope_depth * np.clip(lit, -1, 1) * np.where(lit > 0, 1.0, _FLANK)
        - look.body_depth
        - look.rim_depth * ring * shaded
        + look.dimple_depth * hollow
        + look.texture_depth * texture
    )
    fringe = _crescent(look, reach, facing) + 7.0 * np.exp(-(((reach - 1.16) / 0.09) ** 2))
    cover, inside, added = (
        _soften(part.astype(np.float32), look.defocus_px) for part in (edge, edge * body, fringe)
    )
    return cover, np.asarray(inside / np.maximum(cover, np.float32(1e-3))), added


def _crescent(look: CellLook, reach: Canvas, facing: Canvas) -> Canvas:
    """Bright crescent on the lit side, across the outline."""
    weight = np.clip((facing - 0.05) / 0.95, 0.0, 1.0) ** 1.4
    centre = 1.0 - 0.3 * look.crescent_width
    width = np.where(reach < centre, 1.7 * look.crescent_width, look.crescent_width)
    return np.asarray(look.crescent_depth * weight * np.exp(-(((reach - centre) / width) ** 2)))


def _reach(look: CellLook, rows: Canvas, columns: Canvas) -> tuple[Canvas, Canvas]:
    """Distance from the centre relative to the outline (1 = on it), and in px."""
    cosine, sine = np.float32(np.cos(look.angle_radians)), np.float32(np.sin(look.angle_radians))
    along, across = columns * cosine + rows * sine, rows * cosine - columns * sine
    distance = np.maximum(np.sqrt(along * along + across * across), np.float32(1e-3))
    cos_1, sin_1 = along / distance, across / distance
    cos_3 = cos_1 * (4 * cos_1 * cos_1 - 3)
    sin_3 = sin_1 * (3 - 4 * sin_1 * sin_1)
    ripple = 1 + np.float32(look.lobes[0]) * cos_3 + np.float32(look.lobes[1]) * sin_3
    major, minor = np.float32(1 / look.semi_major_px), np.float32(1 / look.semi_minor_px)
    return np.sqrt((along * major) ** 2 + (across * minor) ** 2) / ripple, distance


def _texture(look: CellLook) -> Canvas:
    fine, coarse = _texture_bank()
    place = np.s_[
        look.texture_row : look.texture_row + BODY_TILE_PX,
        look.texture_column : look.texture_column + BODY_TILE_PX,
    ]
    share = np.float32(look.grain)
    norm = np.float32(1 / np.hypot(look.grain, 1 - look.grain))
    return np.asarray((fine[place] * (1 - share) + coarse[place] * share) * norm)


def _soften(tile: Canvas, sigma_px: float) -> Canvas:
    return np.asarray(cv2.GaussianBlur(tile, (0, 0), sigma_px, borderType=cv2.BORDER_REPLICATE))


def _tile_origin(row: float, column: float, side: int) -> tuple[int, int, float, float]:
    """Top-left corner on the canvas (margin added) and the centre's offset within the tile."""
    whole_row, whole_column = round(row), round(column)
    first = MARGIN_PX - side // 2
    return whole_row + first, whole_column + first, row - whole_row, column - whole_column


@cache
def _grid(count: int, step: int) -> tuple[Canvas, Canvas]:
    """Rows and columns, px from the middle pixel of a tile of `count` samples `step` px apart."""
    # A resized tile's samples lie in the middle of the `step` pixels they stand for.
    places = (np.arange(count, dtype=np.float32) - count // 2) * step + (step - 1) / 2
    return places[:, np.newaxis].astype(np.float32), places[np.newaxis, :].astype(np.float32)


@cache
def _fade_out() -> Canvas:
    """Weight of a shadow over its coarse tile: 1 over the cell's crop, 0 at the tile's border."""
    rows, columns = _grid(_SHADOW_TILE, _SHADOW_STEP_PX)
    border = SHADOW_TILE_PX / 2 - _SHADOW_STEP_PX
    left = np.clip((border - np.hypot(rows, columns)) / (border - _FADES_FROM_PX), 0, 1)
    return np.asarray(left * left * (3 - 2 * left), np.float32)


@cache
def _texture_bank() -> tuple[Canvas, Canvas]:
    """Fine and coarse membrane texture, mean 0, SD 1; the same in every process."""
    rng = np.random.default_rng(20231108)
    return _band(rng, 1.3, 2.8), _band(rng, 2.6, 5.5)


def _band(rng: np.random.Generator, narrow_px: float, wide_px: float) -> Canvas:
    white = rng.normal(size=(_TEXTURE_SIDE_PX, _TEXTURE_SIDE_PX)).astype(np.float32)
    band = cv2.GaussianBlur(white, (0, 0), narrow_px) - cv2.GaussianBlur(white, (0, 0), wide_px)
    return np.asarray(((band - band.mean()) / band.std()).astype(np.float32))
