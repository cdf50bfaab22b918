"""The looks by name: how the cells of one image appear, and how its picture was taken."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import numpy as np

from app.domain.synthetic.appearances import (
    APRON_PX,
    Appearance,
    Ring,
    new_canvas,
    paint_cell,
)
from app.domain.synthetic.cameras import Camera
from app.domain.synthetic.cells import Canvas
from app.domain.synthetic.shapes import FINE_ANGLES, Shape

_MODEL_RADIUS_PX: Final = 16.0
_FULL_TURN: Final = 2 * np.pi
_RAYS: Final = 16
_BORDER: Final = (0.86, 1.12)
"""Where along a ray the outline may be seen, in radii."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """What the cells of one image have in common, and how much they differ.

    Attributes
    ----------
    appearance
        The mean cell's.
    strength
        RMS deviation over the mean cell, fraction of the background.
    mean_radius_px, radius_cv, elongation, edge_on_share, crenation
        Sizes and shapes; `elongation` is the SD of the axis ratio above 1.
    variation
        Relative SD of each cell's depths.
    turn
        How far the light's direction turns over the image, radians; `wobble` from cell to cell.
    defocused_share, defocus_px
        Cells that are out of focus by themselves, and their range of σ.
    """

    appearance: Appearance
    strength: float
    mean_radius_px: float
    camera: Camera = field(default_factory=Camera)
    radius_cv: float = 0.07
    elongation: float = 0.12
    edge_on_share: float = 0.06
    crenation: float = 0.0
    variation: float = 0.12
    turn: float = 0.3
    wobble: float = 0.2
    defocused_share: float = 0.025
    defocus_px: tuple[float, float] = (2.2, 3.6)

    def vary(self, rng: np.random.Generator, *, row: float, column: float) -> Appearance:
        """One cell's appearance; `row`, `column` as shares of the image's sides."""
        base = self.appearance
        look = base.scaled(float(np.clip(rng.normal(1, self.variation), 0.55, 1.6)))
        light = base.light_radians + self.turn * (row + column - 1) + rng.normal(0, self.wobble)
        slope_share = float(np.clip(rng.normal(1, self.variation), 0.4, 1.6))
        blurred = rng.random() < self.defocused_share
        return replace(
            look,
            light_radians=float(light % _FULL_TURN),
            slope=look.slope * slope_share,
            dimple=look.dimple * float(np.clip(rng.normal(1, 0.3), 0, 2)),
            defocus_px=float(rng.uniform(*self.defocus_px)) if blurred else 0.0,
        )


def draw_style(look: str, rng: np.random.Generator, *, um_per_px: float) -> Style:
    """The style of one image in a look; lengths follow the size of a pixel.

    Raises
    ------
    KeyError
        For a look that is not in `LOOKS`.
    """
    style = _PAINTERS[look](rng)
    factor = 0.1825 / um_per_px
    camera = replace(style.camera, blur_px=max(style.camera.blur_px * factor, 0.3))
    low, high = style.defocus_px
    return replace(
        style,
        appearance=replace(
            style.appearance,
            edge_px=max(style.appearance.edge_px * factor, 0.6),
            grain_px=max(style.appearance.grain_px * factor, 1.0),
        ),
        mean_radius_px=style.mean_radius_px * factor,
        camera=camera,
        defocus_px=(low * factor, high * factor),
    )


def fit_strength(look: Appearance, strength: float) -> Appearance:
    """The look with its depths scaled to an RMS deviation over the cell."""
    return look.scaled(strength / max(measure_strength(look), 1e-6))


def measure_strength(look: Appearance) -> float:
    """RMS deviation over a round cell of this look, fraction of the background."""
    canvas = _paint_model(look)
    places = np.arange(len(canvas), dtype=np.float32) - APRON_PX
    within = np.hypot(places[:, np.newaxis], places) < 1.1 * _MODEL_RADIUS_PX
    return float(np.sqrt(np.mean(canvas[within] ** 2)))


def shows_border(look: Appearance) -> bool:
    """Whether a person could see where a cell of this look ends.

    Along rays from its middle, the steepest place must be near the outline in most directions, and
    the outline must not vanish in any; a cell that looks smaller than it is drawn is no truth.
    """
    canvas = _paint_model(look)
    angle = np.arange(_RAYS)[:, np.newaxis] * (_FULL_TURN / _RAYS)
    reach = np.linspace(0.1, 1.5, 57, dtype=np.float32)
    columns = (APRON_PX + _MODEL_RADIUS_PX * reach * np.cos(angle)).astype(np.float32)
    rows = (APRON_PX + _MODEL_RADIUS_PX * reach * np.sin(angle)).astype(np.float32)
    steep = np.abs(np.diff(cv2.remap(canvas, columns, rows, cv2.INTER_LINEAR), axis=1))
    near = (reach[1:] > _BORDER[0]) & (reach[1:] < _BORDER[1])
    border, steepest = steep[:, near].max(axis=1), steep.max()
    return bool(border.min() >= 0.25 * steepest and np.median(border) >= 0.6 * steepest)


def _paint_model(look: Appearance) -> Canvas:
    """A round, sharp, smooth cell of this look around the middle of a canvas."""
    canvas = new_canvas(1, 1)
    shape = Shape(reach_px=np.full(len(FINE_ANGLES), _MODEL_RADIUS_PX))
    level = replace(look, texture=0.0, defocus_px=0.0)
    paint_cell(canvas, level, shape, row=0.0, column=0.0, rng=np.random.default_rng(0))
    return canvas


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _camera(rng: np.random.Generator) -> Camera:
    return Camera(
        level=float(rng.uniform(110, 215)),
        slope=float(rng.uniform(0.0, 0.04)),
        bowl=float(rng.uniform(0.0, 0.04)),
        blotches=float(rng.uniform(0.0, 0.006)),
        blur_px=float(rng.uniform(0.5, 1.6)),
        noise=float(rng.uniform(0.7, 3.0)),
    )


def _style(rng: np.random.Generator, appearance: Appearance, low: float, high: float) -> Style:
    strength = _between(rng, low, high)
    camera = _camera(rng)
    fitted = fit_strength(replace(appearance, light_radians=rng.uniform(0, _FULL_TURN)), strength)
    # A cell nobody could see is no truth: noise over its area must stay well below its rim.
    noise = min(camera.noise, 0.55 * strength * camera.level)
    return Style(
        appearance=fitted,
        strength=strength,
        mean_radius_px=float(np.clip(rng.normal(17.5, 1.2), 14, 21)),
        camera=replace(camera, noise=noise),
        radius_cv=float(rng.uniform(0.04, 0.09)),
        elongation=float(rng.uniform(0.05, 0.2)),
        variation=float(rng.uniform(0.05, 0.2)),
        turn=float(rng.normal(0, 0.5)),
    )


def _shaded(rng: np.random.Generator) -> Style:
    """Dark body, bright crescent on the lit side, dark flank, soft cast shadow."""
    tilt = float(rng.uniform(0.15, 1.1))
    look = Appearance(
        body=-(0.32 - 0.12 * tilt) * rng.uniform(0.7, 1.2),
        slope=(0.05 + 0.34 * tilt) * rng.uniform(0.8, 1.2),
        flank=float(rng.uniform(0.4, 0.9)),
        rings=(
            Ring(place=0.93, width=rng.uniform(0.08, 0.2), depth=-0.12 * rng.uniform(0.3, 1.2)),
            Ring(
                place=rng.uniform(0.88, 1.02),
                width=rng.uniform(0.12, 0.3),
                depth=(0.05 + 0.22 * tilt) * rng.uniform(0.6, 1.3),
                facing=1.0,
            ),
            Ring(place=1.16, width=0.09, depth=0.04 * rng.uniform(0, 1.3)),
        ),
        dimple=0.06 * rng.uniform(0, 2),
        texture=0.02 * rng.uniform(0.2, 1.5),
        shadow=(0.04 + 0.16 * tilt) * rng.uniform(0.6, 1.4),
        shadow_length=float(rng.uniform(0.5, 1.0) + 1.1 * tilt * rng.random()),
        shadow_width=float(rng.uniform(0.5, 1.0)),
        edge_px=float(rng.uniform(0.8, 2.2)),
    )
    return replace(_style(rng, look, 0.14, 0.36), wobble=0.25)


def _dark_rings(rng: np.random.Generator) -> Style:
    return _style(rng, _ringed(rng, -1.0, rng.uniform(0.08, 0.2)), 0.06, 0.25)


def _bright_rings(rng: np.random.Generator) -> Style:
    return _style(rng, _ringed(rng, 1.0, rng.uniform(0.08, 0.2)), 0.06, 0.2)


def _thin_rings(rng: np.random.Generator) -> Style:
    look = _ringed(rng, float(rng.choice([-1.0, 1.0], p=[0.7, 0.3])), rng.uniform(0.045, 0.075))
    style = _style(rng, replace(look, body=look.body * 0.3), 0.02, 0.06)
    return replace(style, camera=replace(style.camera, blur_px=float(rng.uniform(0.5, 1.1))))


def _ghosts(rng: np.random.Generator) -> Style:
    width = rng.uniform(0.07, 0.15)
    look = Appearance(
        rings=(
            Ring(place=1.0, width=width, depth=1.0),
            Ring(place=1.0 - 1.8 * width, width=width, depth=-rng.uniform(0.4, 1.0)),
        ),
        body=float(rng.normal(0, 0.1)),
        cover=0.3,
    )
    return _style(rng, look, 0.012, 0.03)


def _crenated(rng: np.random.Generator) -> Style:
    base = _ringed(rng, -1.0, rng.uniform(0.08, 0.18))
    look = replace(base, body=-rng.uniform(0.2, 0.8), texture=rng.uniform(0.1, 0.3), grain_px=3.0)
    style = _style(rng, look, 0.08, 0.25)
    return replace(style, crenation=float(rng.uniform(0.02, 0.055)))


def _low_contrast(rng: np.random.Generator) -> Style:
    return _style(rng, _any_parts(rng), 0.015, 0.04)


def _various(rng: np.random.Generator) -> Style:
    style = _style(rng, _any_parts(rng), 0.015, 0.35)
    crenation = float(rng.uniform(0.01, 0.05)) if rng.random() < 0.2 else 0.0
    return replace(style, crenation=crenation, edge_on_share=0.15)


def _relief(rng: np.random.Generator) -> Style:
    """Differential interference contrast: one edge bright, the opposite one dark."""
    look = Appearance(relief=1.0, body=float(rng.normal(0, 0.08)), slope=-rng.uniform(0, 0.3))
    return replace(_style(rng, look, 0.06, 0.2), turn=0.0, wobble=0.03)


def _halo(rng: np.random.Generator) -> Style:
    """Positive phase contrast: a dark body in a bright halo."""
    look = Appearance(
        body=-1.0, halo=rng.uniform(0.5, 0.9), dimple=rng.uniform(0.1, 0.5), dimple_width=0.45
    )
    return _style(rng, look, 0.1, 0.3)


def _stained(rng: np.random.Generator) -> Style:
    """Absorption by stain or haemoglobin: a dark disc with central pallor."""
    look = Appearance(stain=1.0, texture=0.02, edge_px=1.5)
    return _style(rng, look, 0.12, 0.35)


def _ringed(rng: np.random.Generator, sign: float, width: float) -> Appearance:
    """A symmetric look: a ring of one sign on the outline and a weaker one beside it."""
    counter = -sign * rng.uniform(0, 0.6)
    return Appearance(
        body=float(rng.normal(0.0, 0.15)) - 0.15,
        rings=(
            Ring(place=rng.uniform(0.9, 0.99), width=width, depth=sign),
            Ring(place=rng.uniform(1.04, 1.1) + width * 0.6, width=min(width, 0.09), depth=counter),
        ),
        dimple=float(rng.normal(0, 0.15)),
        dimple_width=float(rng.uniform(0.3, 0.6)),
        texture=float(rng.uniform(0, 0.08)),
        slope=float(rng.uniform(0, 0.12)),
        edge_px=float(rng.uniform(0.6, 2)),
        cover=float(rng.uniform(0.2, 1)),
    )


def _any_parts(rng: np.random.Generator) -> Appearance:
    """Any combination of the parts that may be trained on and shows where a cell ends."""
    look = _combine_parts(rng)
    while not shows_border(look):
        look = _combine_parts(rng)
    return look


def _combine_parts(rng: np.random.Generator) -> Appearance:
    """Any combination of the parts that may be trained on.

    One-sided shading leaves a quarter of the disc's depth on either side: a border that nobody
    could see would be no truth. The dimple takes at most 0.4 of that depth, and rings outside the
    outline stay narrow and weak, so that neither `_stained` nor `_halo` can come about by another
    way.
    """
    body = float(rng.choice([0.0, -1.0, 1.0], p=[0.2, 0.55, 0.25]) * rng.uniform(0.2, 1.0))
    rings = [
        Ring(
            place=float(rng.uniform(0.7, 0.99)),
            width=float(rng.uniform(0.05, 0.25)),
            depth=float(rng.choice([-1, 1]) * rng.uniform(0.3, 1.0)),
        )
        for _ in range(int(rng.integers(0 if body else 1, 3)))
    ]
    if rng.random() < 0.4:
        rings.append(Ring(place=rng.uniform(1.05, 1.18), width=0.08, depth=rng.normal(0, 0.25)))
    if rng.random() < 0.4:
        crescent = rng.uniform(0.3, 1.2)
        rings.append(
            Ring(
                place=rng.uniform(0.85, 1.02), width=rng.uniform(0.1, 0.3), depth=crescent, facing=1
            )
        )
    sided = rng.random() < 0.5 and body != 0.0
    return Appearance(
        body=body,
        rings=tuple(rings),
        dimple=float(rng.uniform(-0.4, 0.4) * abs(body)),
        dimple_width=float(rng.uniform(0.3, 0.7)),
        texture=float(rng.uniform(0, 0.2)),
        grain_px=float(rng.uniform(1.5, 4)),
        slope=float(rng.uniform(0.1, 0.75)) * abs(body) if sided else 0.0,
        flank=float(rng.uniform(0.3, 1.0)),
        shadow=float(rng.uniform(0.1, 0.8)) if sided and rng.random() < 0.7 else 0.0,
        shadow_length=float(rng.uniform(0.4, 2.5)),
        shadow_width=float(rng.uniform(0.4, 1.1)),
        edge_px=float(rng.uniform(0.6, 3.5)),
        cover=float(rng.uniform(0.2, 1)),
    )


_PAINTERS: Final[dict[str, Callable[[np.random.Generator], Style]]] = {
    "shaded": _shaded,
    "dark_rings": _dark_rings,
    "bright_rings": _bright_rings,
    "thin_rings": _thin_rings,
    "ghosts": _ghosts,
    "crenated": _crenated,
    "low_contrast": _low_contrast,
    "various": _various,
    "relief": _relief,
    "halo": _halo,
    "stained": _stained,
}
HELD_OUT_LOOKS: Final = ("relief", "halo", "stained")
"""Reported on, never trained or tuned on."""
TRAINED_LOOKS: Final = tuple(name for name in _PAINTERS if name not in HELD_OUT_LOOKS)
LOOKS: Final = (*TRAINED_LOOKS, *HELD_OUT_LOOKS)
