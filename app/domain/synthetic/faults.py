"""What spoils an image: the well's wall, a field outside the well, focus, exposure."""

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.synthetic.cells import Canvas

Fault = Literal["blur", "outside_well", "wall", "too_dark", "too_bright", "empty"]

REASONS: Final[dict[Fault, str]] = {
    "blur": "out_of_focus",
    "outside_well": "outside_well",
    "wall": "outside_well",
    "too_dark": "under_exposed",
    "too_bright": "over_exposed",
    "empty": "empty",
}
"""Why an image is not accepted, by what was done to it, in the words of the image findings."""

WELL_RADIUS_PX: Final = 9000.0
_CLEAR_OF_WALL_PX: Final = 45.0
_COARSE: Final = 101


@dataclass(frozen=True, kw_only=True, eq=False)
class Wall:
    """The wall of the well across an image.

    Attributes
    ----------
    depth_px
        Distance inwards from the wall over the image, coarse, shape (101, 101); negative beyond.
    thickness_px
        Of the dark band.
    beyond
        Grey behind the band.
    """

    depth_px: Canvas
    thickness_px: float
    beyond: float

    @property
    def free(self) -> NDArray[np.bool_]:
        """Where cells may lie, coarse."""
        return np.asarray(self.depth_px > _CLEAR_OF_WALL_PX)


def draw_wall(height: int, width: int, rng: np.random.Generator) -> Wall:
    """A wall that hides between a sixth and a half of the image."""
    angle = rng.uniform(0, 2 * np.pi)
    hidden = rng.uniform(0.17, 0.5)
    rows = np.linspace(0, height, _COARSE)[:, np.newaxis] - height / 2
    columns = np.linspace(0, width, _COARSE) - width / 2
    centre_row, centre_column = WELL_RADIUS_PX * np.sin(angle), WELL_RADIUS_PX * np.cos(angle)
    depth = WELL_RADIUS_PX - np.hypot(rows - centre_row, columns - centre_column)
    depth = depth - np.quantile(depth, hidden)
    return Wall(
        depth_px=depth.astype(np.float32),
        thickness_px=float(rng.uniform(70, 160)),
        beyond=float(rng.uniform(95, 150)),
    )


def paint_wall(image: Canvas, wall: Wall) -> Canvas:
    """The image with the wall across it; the input is untouched."""
    height, width = image.shape
    depth = cv2.resize(wall.depth_px, (width, height), interpolation=cv2.INTER_LINEAR)
    within = 1 / (1 + np.exp(np.clip(-depth / 5, -30, 30)))
    behind = 1 / (1 + np.exp(np.clip((depth + wall.thickness_px) / 9, -30, 30)))
    shaded = image - 38 * np.exp(-np.maximum(depth, 0) / 130)
    glint = 45 * np.exp(-(((depth - 10) / 7) ** 2))
    band = 42 + (wall.beyond - 42) * behind
    return np.asarray(band + within * (shaded + glint - band), dtype=np.float32)


def paint_outside(ground: Canvas, rng: np.random.Generator) -> Canvas:
    """A field of bare plate outside the well: no cells, scratches and a steep slope of light."""
    height, width = ground.shape
    ramp = np.linspace(-1, 1, width, dtype=np.float32) * np.float32(rng.normal(0, 14))
    plate = ground * np.float32(rng.uniform(0.62, 0.9)) + ramp
    scratches = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(3, 9))):
        start, end = rng.random((2, 2)) * (width, height)
        depth = float(rng.uniform(-22, 14))
        cv2.line(scratches, _point(start), _point(end), depth, int(rng.integers(2, 6)))
    return np.asarray(plate + cv2.GaussianBlur(scratches, (0, 0), 3.0))


def spoil(image: Canvas, fault: Fault | None, rng: np.random.Generator) -> Canvas:
    """The image with a fault of focus or exposure; other faults leave it as it is."""
    if fault == "blur":
        return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(6, 10))))
    if fault == "too_dark":
        return image * np.float32(rng.uniform(0.12, 0.25))
    if fault == "too_bright":
        return image * np.float32(rng.uniform(1.5, 1.8))
    return image


def _point(place: NDArray[np.float64]) -> tuple[int, int]:
    return int(place[0]), int(place[1])
