"""Pliant's own pipeline as one of the methods."""

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging import (
    ImagingParameters,
    Inspection,
    cut_crops,
    inspect_and_segment,
    outline_points,
)
from app.domain.imaging.judgement import DEBRIS
from bench.imaging.fields import Found
from bench.imaging.outliner_alone import bundled_outliner


def inspect(pixels: NDArray[np.uint8], *, um_per_px: float) -> Inspection:
    height_px, width_px = pixels.shape
    parameters = ImagingParameters(um_per_px=um_per_px, height_px=height_px, width_px=width_px)
    return inspect_and_segment(pixels, parameters, bundled_outliner())


def inspect_and_crop(pixels: NDArray[np.uint8], *, um_per_px: float) -> NDArray[np.uint8]:
    """All that an image costs before the classifying network sees its crops, (n, 60, 60)."""
    inspection = inspect(pixels, um_per_px=um_per_px)
    accepted = inspection.regions.select(inspection.accepted)
    return cut_crops(pixels, accepted.row, accepted.column)


def find(pixels: NDArray[np.uint8], *, um_per_px: float) -> Found:
    """What the pipeline calls cells: all it outlines, but debris; a rejected image has none."""
    return read_inspection(inspect(pixels, um_per_px=um_per_px))


def read_inspection(inspection: Inspection) -> Found:
    is_cell = np.array([DEBRIS not in cell.findings for cell in inspection.judgements], bool)
    cells = inspection.regions.select(is_cell)
    places = zip(cells.row.tolist(), cells.column.tolist(), cells.radii, strict=True)
    return Found(
        centres=np.stack([cells.row, cells.column], axis=1).astype(np.float64),
        outlines=tuple(outline_points(*place) for place in places),
        is_accepted=inspection.accepted[is_cell],
    )
