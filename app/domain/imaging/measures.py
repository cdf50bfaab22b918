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
_ON_RIM = np.array([1.0], np.float32)
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


def _read(
    source: NDArray[np.float32],
    centres: Centres,
    radii: NDArray[np.float32],
    shares: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Read a map at shares of each outline, shape (n, 32, m)."""
    height, width = source.shape
    reach = radii[:, :, None] * shares
    row = np.rint(centres[0][:, None, None] + reach * np.sin(ANGLES)[:, None]).astype(np.intp)
    column = np.rint(centres[1][:, None, None] + reach * np.cos(ANGLES)[:, None]).astype(np.intp)
    return np.asarray(source[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)])


def read_body(
    deviation: NDArray[np.float32], centres: Centres, radii: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Read the deviation at points that stand for equal parts of each body.

    Returns
    -------
    NDArray[np.float32]
        Shape (n, 32, 5), from the middle outwards.
    """
    return _read(deviation, centres, radii, _BODY_SHARES)


def _along_rim(
    source: NDArray[np.float32], centres: Centres, radii: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Read the root mean square of a map along each rim, shape (n,)."""
    squares = np.square(_read(source, centres, radii, _RIM_SHARES)).mean(axis=(1, 2))
    return np.asarray(np.sqrt(squares), np.float32)


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
    rim_width_um = edge_width_um(
        _along_rim(slopes.slope, centres, radii),
        _along_rim(slopes.fine, centres, radii),
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
        rim_contrast=_read(slopes.slope, centres, radii, _ON_RIM)[:, :, 0].mean(axis=1),
        rim_width_um=rim_width_um,
        contrast=body.std(axis=(1, 2)),
        shading_angle=np.arctan2(
            (ray * np.sin(ANGLES)).sum(axis=1), (ray * np.cos(ANGLES)).sum(axis=1)
        ),
        p_kinds=outlines.p_kinds,
    )
