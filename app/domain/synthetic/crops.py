"""Single drawn crops by the thousand: the painter of whole images without the whole image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.domain.synthetic.cells import (
    MARGIN_PX,
    Canvas,
    CellLook,
    Light,
    draw_cell_look,
    paint_body,
    paint_shadow,
)
from app.domain.synthetic.donors import (
    Donor,
    Floats,
    WellLook,
    draw_cues,
    draw_stiffness,
    generator,
)
from app.domain.synthetic.light import add_noise, draw_place, light_at

CROP_PX: Final = 60
_APRON_PX: Final = 36
"""How far outside the crop a neighbour may lie, to reach in with its flank or shadow."""
NEIGHBOUR_SHARE: Final = 0.35
"""Share of crops with another cell near enough to intrude."""
_MIDDLE_PX: Final = _APRON_PX + CROP_PX / 2
CENTRING_SD_PX: Final = 1.2
"""Scatter of a crop's centre around the cell's, as segmentation leaves it."""


@dataclass(frozen=True, kw_only=True)
class CropTruth:
    """Truth of n crops: outlets (n,), stiffness (n,), cues (n, len(CUES)), diameter_px (n,)."""

    outlets: NDArray[np.int64]
    stiffness: Floats
    cues: Floats
    diameter_px: Floats


def draw_crops(
    donor: Donor, well: WellLook, outlets: Sequence[int] | NDArray[np.int64], *, seed: int
) -> tuple[NDArray[np.uint8], CropTruth]:
    """Crops of isolated cells of given outlets, each at its own place of the well.

    Parameters
    ----------
    outlets
        Outlet of each crop, 2 to 5.

    Returns
    -------
    crops
        Shape (n, 60, 60), uint8.
    truth
        In the order of `outlets`.
    """
    wanted = np.asarray(outlets, dtype=np.int64)
    rng = generator("crops", donor.code, donor.seed, seed)
    stiffness = np.empty(wanted.size)
    for outlet in np.unique(wanted):
        here = wanted == outlet
        stiffness[here], _ = draw_stiffness(
            donor, outlet=int(outlet), count=int(here.sum()), rng=rng
        )
    cues = draw_cues(donor, stiffness, rng)
    crops = np.empty((wanted.size, CROP_PX, CROP_PX), np.uint8)
    diameters = np.empty(wanted.size)
    for place, cue in enumerate(cues):
        crops[place], look = _draw_crop(donor, well, cue, rng)
        diameters[place] = 2 * look.radius_px
    truth = CropTruth(outlets=wanted, stiffness=stiffness, cues=cues, diameter_px=diameters)
    return crops, truth


def _draw_crop(
    donor: Donor, well: WellLook, cue: Floats, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], CellLook]:
    light = light_at(well, *draw_place(rng))
    look = draw_cell_look(donor, cue, light, blur_px=well.blur_px, rng=rng)
    row, column = _MIDDLE_PX + rng.normal(0, CENTRING_SD_PX, 2)
    ground = well.exposure + rng.normal(0, well.unevenness)
    canvas = _ground(ground, rng)
    cells = [(look, row, column)]
    if rng.random() < NEIGHBOUR_SHARE:
        cells.append(_neighbour(donor, well, light, look, rng))
    for cell, cell_row, cell_column in cells:
        paint_shadow(canvas, cell, row=cell_row, column=cell_column)
    for cell, cell_row, cell_column in reversed(cells):
        paint_body(canvas, cell, row=cell_row, column=cell_column, ground=ground)
    first = MARGIN_PX + _APRON_PX
    crop = canvas[first : first + CROP_PX, first : first + CROP_PX]
    return add_noise(crop, well.noise_sd, rng), look


def _neighbour(
    donor: Donor, well: WellLook, light: Light, look: CellLook, rng: np.random.Generator
) -> tuple[CellLook, float, float]:
    stiffness, _ = draw_stiffness(donor, outlet=None, count=1, rng=rng)
    cue = draw_cues(donor, stiffness, rng)[0]
    other = draw_cell_look(donor, cue, light, blur_px=well.blur_px, rng=rng)
    distance = (look.semi_major_px + other.semi_major_px) * rng.uniform(1.1, 1.9)
    angle = rng.uniform(0, 2 * np.pi)
    reach = CROP_PX / 2 + _APRON_PX
    row, column = np.clip([distance * np.sin(angle), distance * np.cos(angle)], -reach, reach)
    return other, float(_MIDDLE_PX + row), float(_MIDDLE_PX + column)


def _ground(level: float, rng: np.random.Generator) -> Canvas:
    side = CROP_PX + 2 * (MARGIN_PX + _APRON_PX)
    ramp = np.linspace(-1, 1, side, dtype=np.float32)
    slope_row, slope_column = rng.normal(0, 6.0, 2)
    return np.asarray(
        (level + slope_row * ramp[:, np.newaxis] + slope_column * ramp).astype(np.float32)
    )
