"""The outliner on a whole image with the plainest reading of its maps: no search, no refinement."""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging import ImagingParameters
from app.domain.imaging.flattening import estimate_background, shrink
from app.domain.imaging.outliner import KINDS, SHEET_MULTIPLE_PX
from app.domain.imaging.regions import ANGLES
from bench.imaging.fields import Found
from models.bundled import load_outliner
from models.outliner import Outliner
from models.training.outliner.reading import read_maps

_WORK_UM_PER_PX: Final = 0.365
_HALF_CROP_PX: Final = 30


@cache
def bundled_outliner() -> Outliner:
    return load_outliner()


def find(pixels: NDArray[np.uint8], *, um_per_px: float) -> Found:
    factor = max(1, round(_WORK_UM_PER_PX / um_per_px))
    read = read_maps(bundled_outliner()(flatten_sheet(pixels, factor, um_per_px=um_per_px)))
    middle_row, middle_column = (
        place - _offset(read.radii, direction)
        for place, direction in ((read.row, np.sin(ANGLES)), (read.column, np.cos(ANGLES)))
    )
    outlines = np.stack(
        [
            middle_row[:, None] + read.radii * np.sin(ANGLES),
            middle_column[:, None] + read.radii * np.cos(ANGLES),
        ],
        axis=2,
    )
    centres = (np.stack([read.row, read.column], axis=1) + 0.5) * factor - 0.5
    is_single = read.kinds.argmax(axis=1) == KINDS.index("single")
    last = np.array(pixels.shape) - _HALF_CROP_PX
    is_inside = ((centres >= _HALF_CROP_PX) & (centres <= last)).all(axis=1)
    return Found(
        centres=centres,
        outlines=tuple((outlines + 0.5) * factor - 0.5),
        is_accepted=np.asarray(is_single & is_inside),
    )


def flatten_sheet(
    pixels: NDArray[np.uint8], factor: int, *, um_per_px: float
) -> NDArray[np.float32]:
    grey = shrink(pixels, factor)
    height, width = (side // SHEET_MULTIPLE_PX * SHEET_MULTIPLE_PX for side in grey.shape)
    grey = grey[:height, :width]
    background = estimate_background(
        grey, um_per_px=um_per_px * factor, parameters=ImagingParameters(um_per_px=um_per_px)
    )
    return np.clip(grey / background - 1, -1, 1).astype(np.float32)


def _offset(radii: NDArray[np.float64], direction: NDArray[np.float32]) -> NDArray[np.float64]:
    """Centroid of outlines in one direction, from the place their radii are counted from."""
    return np.asarray(2 * np.mean(radii**3 * direction, axis=1) / 3 / np.mean(radii**2, axis=1))
