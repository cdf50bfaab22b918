"""Measures of a region: size, shape, rim, sharpness and shading."""

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.flattening import FlatField
from app.domain.imaging.outlines import Outlines, outline_centroids
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import ANGLES, N_ANGLES, RADIUS_UNIT_PX, CellRegions
from app.domain.imaging.sheet import Sheet
from app.domain.imaging.slopes import Ordinary, edge_width_um, measure_slopes

_BODY_SHARES = np.sqrt((np.arange(5, dtype=np.float32) + np.float32(0.5)) / 5)
"""Radii, as shares of the outline, that stand for equal parts of the area."""
_RIM_SHARES = np.array([0.85, 1.0, 1.1], np.float32)
_ON_RIM = 1
"""Which of these shares is the outline itself."""
_FIRST_RIPPLE = 4
"""Orders 1 to 3 are place, ellipse and pear; ripples begin above."""

Centres = tuple[NDArray[np.float32], NDArray[np.float32]]


def _perimeter(radii: NDArray[np.float32]) -> NDArray[np.float32]:
    row, column = radii * np.sin(ANGLES), radii * np.cos(ANGLES)
    steps = np.hypot(row - np.roll(row, 1, axis=1), column - np.roll(column, 1, axis=1))
    return np.asarray(steps.sum(axis=1), np.float32)


def _elongation(radii: NDArray[np.float32]) -> NDArray[np.float32]:
    """Ratio of the axes of the ellipse with the outline points' second moments."""
    row, column = radii * np.sin(ANGLES), radii * np.cos(ANGLES)
    row = row - row.mean(axis=1, keepdims=True)
    column = column - column.mean(axis=1, keepdims=True)
    rows, columns = (row * row).mean(axis=1), (column * column).mean(axis=1)
    half_sum = (rows + columns) / 2
    spread = np.hypot((rows - columns) / 2, (row * column).mean(axis=1))
    ratio = (half_sum + spread) / np.maximum(half_sum - spread, np.float32(1e-3))
    return np.asarray(np.sqrt(ratio), np.float32)


def _places(
    shape: tuple[int, ...],
    centres: Centres,
    radii: NDArray[np.float32],
    shares: NDArray[np.float32],
) -> NDArray[np.intp]:
    """Give the flat index of the px at shares of each outline, shape (n, 32, m)."""
    reach = radii[:, :, None] * shares
    index = np.zeros(reach.shape, np.float32)  # exact: no sheet has 2²⁴ px
    for side, centre, direction in zip(
        shape, centres, (np.sin(ANGLES), np.cos(ANGLES)), strict=True
    ):
        place = reach * direction[:, None]
        place += centre[:, None, None]
        np.clip(np.rint(place, out=place), 0, side - 1, out=place)
        index *= np.float32(side)
        index += place
    return index.astype(np.intp)


def read_body(
    deviation: NDArray[np.float32], centres: Centres, radii: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Read the deviation at points that stand for equal parts of each body.

    Returns
    -------
    NDArray[np.float32]
        Shape (n, 32, 5), from the middle outwards.
    """
    return np.take(deviation, _places(deviation.shape, centres, radii, _BODY_SHARES))


def _root_mean_square(along_rim: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.sqrt(np.square(along_rim).mean(axis=(1, 2))), np.float32)


def measure_crenation(radii: NDArray[np.float32]) -> NDArray[np.float32]:
    """Measure the ripples of order 4 and more, as `CellRegions.crenation`.

    Parameters
    ----------
    radii
        Shape (n, 32), in any unit.
    """
    ripples = np.abs(np.fft.rfft(radii, axis=1)) / N_ANGLES
    power = np.square(ripples[:, _FIRST_RIPPLE:]).sum(axis=1)
    return np.asarray(np.sqrt(2 * power) / ripples[:, 0], np.float32)


def measure_regions(
    field: FlatField,
    sheet: Sheet,
    outlines: Outlines,
    ordinary: Ordinary,
    parameters: ImagingParameters,
) -> CellRegions:
    """Measure regions.

    Parameters
    ----------
    field
        The scan at working resolution, for its scale.
    sheet, outlines
        Some of its active parts and what was outlined on them.
    ordinary
        Noise of the scan.
    """
    radii, centres = outlines.radii, (outlines.row, outlines.column)
    slopes = measure_slopes(sheet.values, um_per_px=field.um_per_px, parameters=parameters)
    rim = _places(sheet.values.shape, centres, radii, _RIM_SHARES)
    slope_on_rim = np.take(slopes.slope, rim)
    rim_width_um = edge_width_um(
        _root_mean_square(slope_on_rim),
        _root_mean_square(np.take(slopes.fine, rim)),
        ordinary,
        parameters,
    )
    area, _, _ = outline_centroids(radii)
    area_um2 = area * np.float32(field.um_per_px**2)
    body = read_body(sheet.values, centres, radii)
    ray = body.mean(axis=2)
    quarter_px = radii * np.float32(field.factor / RADIUS_UNIT_PX)
    roundness = 4 * np.pi * area / np.maximum(_perimeter(radii), np.float32(1e-3)) ** 2
    return CellRegions(
        row=field.to_image_px(outlines.row_in_scan),
        column=field.to_image_px(outlines.column_in_scan),
        area_um2=area_um2,
        diameter_um=np.sqrt(np.maximum(area_um2, 0) * np.float32(4 / np.pi)),
        radii=np.clip(np.rint(quarter_px), 0, 255).astype(np.uint8),
        circularity=np.clip(roundness, 0, 1).astype(np.float32),
        elongation=_elongation(radii),
        crenation=measure_crenation(radii),
        rim_contrast=slope_on_rim[:, :, _ON_RIM].mean(axis=1),
        rim_width_um=rim_width_um,
        contrast=body.std(axis=(1, 2)),
        shading_angle=np.arctan2(
            (ray * np.sin(ANGLES)).sum(axis=1), (ray * np.cos(ANGLES)).sum(axis=1)
        ),
        p_kinds=outlines.p_kinds,
    )
