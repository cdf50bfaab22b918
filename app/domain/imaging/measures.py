"""Measures of a region: size, shape, rim and shading."""

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.flattening import FlatField
from app.domain.imaging.outlines import Outlines, outline_centroids
from app.domain.imaging.regions import ANGLES, RADIUS_UNIT_PX, CellRegions

_INNER_SHARES = np.array([0.25, 0.5, 0.7, 0.85], np.float32)
"""Radii, as shares of the outline, at which the body's brightness is read."""


def _perimeter(radii: NDArray[np.float32]) -> NDArray[np.float32]:
    row, column = radii * np.sin(ANGLES), radii * np.cos(ANGLES)
    steps = np.hypot(row - np.roll(row, 1, axis=1), column - np.roll(column, 1, axis=1))
    return np.asarray(steps.sum(axis=1), np.float32)


def _elongation(radii: NDArray[np.float32]) -> NDArray[np.float32]:
    """Ratio of the axes of the ellipse with the outline points' second moments."""
    row, column = radii * np.sin(ANGLES), radii * np.cos(ANGLES)
    rows, columns, mixed = (
        (a * b).mean(axis=1) for a, b in ((row, row), (column, column), (row, column))
    )
    half_sum, spread = (rows + columns) / 2, np.hypot((rows - columns) / 2, mixed)
    ratio = (half_sum + spread) / np.maximum(half_sum - spread, np.float32(1e-3))
    return np.asarray(np.sqrt(ratio), np.float32)


def _rim_width(outlines: Outlines, step_um: float) -> NDArray[np.float32]:
    """Area of the slope's ridge over its height: the width of an edge, whatever its contrast."""
    index = outlines.profile.shape[2]
    peak = np.abs(outlines.profile - outlines.rim[:, :, None]).argmin(axis=2)
    near = np.abs(np.arange(index) - peak[:, :, None]) <= round(0.9 / step_um)
    mass = np.where(near, outlines.profile, 0).sum(axis=2) * np.float32(step_um)
    weight = outlines.rim.sum(axis=1)
    return np.asarray(mass.sum(axis=1) / np.maximum(weight, np.float32(1e-6)), np.float32)


def _sample_body(
    deviation: NDArray[np.float32],
    rows: NDArray[np.float32],
    columns: NDArray[np.float32],
    radii: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Read the deviation within each outline, shape (n, 32, 4)."""
    height, width = deviation.shape
    reach = radii[:, :, None] * _INNER_SHARES
    at_row = np.rint(rows[:, None, None] + reach * np.sin(ANGLES)[:, None]).astype(np.intp)
    at_column = np.rint(columns[:, None, None] + reach * np.cos(ANGLES)[:, None]).astype(np.intp)
    inside = deviation[np.clip(at_row, 0, height - 1), np.clip(at_column, 0, width - 1)]
    return np.asarray(inside, np.float32)


def measure_regions(
    field: FlatField,
    centres: tuple[NDArray[np.float32], NDArray[np.float32]],
    outlines: Outlines,
    limit: float,
) -> CellRegions:
    """Measure regions.

    Parameters
    ----------
    field
        The scan at working resolution.
    centres
        Rows and columns, working px.
    outlines
        Their outlines, working px.
    limit
        Slope (per µm) above which a rim is seen.
    """
    rows, columns = centres
    area, _, _ = outline_centroids(outlines.radii)
    area_um2 = area * np.float32(field.um_per_px**2)
    body = _sample_body(field.deviation, rows, columns, outlines.radii)
    ring = body[:, :, 1:].mean(axis=2)
    quarter_px = outlines.radii * np.float32(field.factor / RADIUS_UNIT_PX)
    return CellRegions(
        row=field.to_image_px(rows),
        column=field.to_image_px(columns),
        area_um2=area_um2,
        diameter_um=np.sqrt(area_um2 * np.float32(4 / np.pi)),
        radii=np.clip(np.rint(quarter_px), 0, 255).astype(np.uint8),
        circularity=np.minimum(4 * np.pi * area / _perimeter(outlines.radii) ** 2, 1).astype(
            np.float32
        ),
        elongation=_elongation(outlines.radii),
        rim_contrast=outlines.rim.mean(axis=1),
        rim_coverage=np.mean(outlines.rim > limit, axis=1, dtype=np.float32),
        rim_width_um=_rim_width(outlines, 0.18),
        contrast=body.reshape(len(rows), -1).std(axis=1),
        shading_angle=np.arctan2(
            (ring * np.sin(ANGLES)).sum(axis=1), (ring * np.cos(ANGLES)).sum(axis=1)
        ),
    )
