"""Light of a drawn well: where shading points, the uneven background, the camera's noise."""

from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.synthetic.cells import Canvas, Light
from app.domain.synthetic.donors import WellLook

IMAGED_RADIUS: Final = 0.85
"""Images are taken within this share of the well's radius."""
FIELD_IN_WELL: Final = 0.27
"""Side of a 442 µm field in radii of a well 3.3 mm across."""
_LEAST_TILT: Final = 0.2
_NOISE_SIDE_PX: Final = 640
_COARSE_CELLS: Final = 6


def draw_place(rng: np.random.Generator) -> tuple[float, float]:
    """A place in the well, row and column in well radii, evenly over the imaged disc."""
    radius = IMAGED_RADIUS * np.sqrt(rng.random())
    angle = rng.uniform(0, 2 * np.pi)
    return float(radius * np.sin(angle)), float(radius * np.cos(angle))


def light_at(well: WellLook, row: float, column: float) -> Light:
    """Shading at a place of the well, row and column in well radii from its middle."""
    d_row, d_column = row - well.meniscus_row, column - well.meniscus_column
    distance = max(float(np.hypot(d_row, d_column)), 1e-6)
    turn = well.twist_radians
    return Light(
        row=-(d_row * np.cos(turn) + d_column * np.sin(turn)) / distance,
        column=-(d_column * np.cos(turn) - d_row * np.sin(turn)) / distance,
        tilt=float(np.clip(_LEAST_TILT + well.meniscus_slope * distance, 0.0, 1.1)),
    )


def draw_background(
    well: WellLook, light: Light, *, height: int, width: int, rng: np.random.Generator
) -> Canvas:
    """Empty background, shape (height, width), float32 grey values.

    A slope along the light, a bowl and smooth blotches, with the well's mean and unevenness.
    """
    side = 48
    rows, columns = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side), indexing="ij")
    slope = (rows * light.row + columns * light.column) * light.tilt
    bowl = (rows - rng.normal(0, 0.3)) ** 2 + (columns - rng.normal(0, 0.3)) ** 2
    blotches = cv2.resize(
        rng.normal(size=(_COARSE_CELLS, _COARSE_CELLS)), (side, side), interpolation=cv2.INTER_CUBIC
    )
    shape = rng.normal(0.9, 0.3) * slope + rng.normal(0.6, 0.25) * bowl + 0.10 * blotches
    shape = (shape - shape.mean()) / max(float(shape.std()), 1e-6)
    coarse = (well.exposure + rng.normal(0, 1.5) + well.unevenness * shape).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))


def add_noise(canvas: Canvas, noise_sd: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Round a canvas to bytes with camera noise cut from a pre-drawn tile."""
    bank = _noise_bank()
    height, width = canvas.shape
    row, column = rng.integers(_NOISE_SIDE_PX, size=2)
    sign = -1.0 if rng.random() < 0.5 else 1.0
    if max(height, width) <= _NOISE_SIDE_PX // 2:
        top, left = row % (_NOISE_SIDE_PX - height), column % (_NOISE_SIDE_PX - width)
        noise = bank[top : top + height, left : left + width]
    else:
        repeats = (height // _NOISE_SIDE_PX + 2, width // _NOISE_SIDE_PX + 2)
        noise = np.tile(bank, repeats)[row : row + height, column : column + width]
    noisy = cv2.scaleAdd(noise, sign * noise_sd, np.ascontiguousarray(canvas))
    return np.asarray(cv2.convertScaleAbs(np.maximum(noisy, 0)), dtype=np.uint8)


@cache
def _noise_bank() -> Canvas:
    """Camera noise, slightly correlated between neighbours, SD 1; the same in every process."""
    white = np.random.default_rng(442).normal(size=(_NOISE_SIDE_PX, _NOISE_SIDE_PX))
    noise = cv2.GaussianBlur(white, (0, 0), 0.55, borderType=cv2.BORDER_REFLECT)
    return np.asarray((noise / noise.std()).astype(np.float32))
