"""Measures of a region: size, shape, rim, sharpness and shading."""

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.flattening import FlatField
from app.domain.imaging.outlines import Outlines, outline_centroids
from app.domain.imaging.regions import ANGLES, RADIUS_UNIT_PX, CellRegions

_BODY_SHARES = np.sqrt((np.arange(5, dtype=np.float32) + np.float32(0.5)) / 5)
"""Radii, as shares of the outline, that stand for equal parts of the area."""
_RIM_SHARES = np.array([0.85, 1.0, 1.1], np.float32)
_SURROUND_SHARES = np.array([1.45, 1.7], np.float32)

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


def _rim_width_um(
    field: FlatField, centres: Centres, radii: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Measure how wide the rise from body to background is, whatever its height.

    What a slight blur takes away grows with the second derivative, so slope over that loss is a
    width: about the edge's own Gaussian σ. Camera noise is subtracted from the loss.
    """
    lost = np.square(_read(field.fine, centres, radii, _RIM_SHARES)).mean(axis=(1, 2))
    lost = np.sqrt(np.maximum(lost - np.float32(field.noise**2), np.float32(1e-8)))
    steep = np.sqrt(np.square(_read(field.slope, centres, radii, _RIM_SHARES)).mean(axis=(1, 2)))
    return np.asarray(field.smooth_um**2 / 2 * steep / lost, np.float32)


def measure_regions(
    field: FlatField, centres: Centres, outlines: Outlines, limit: float
) -> CellRegions:
    """Measure regions.

    Parameters
    ----------
    field
        The scan at working resolution.
    centres, outlines
        Rows and columns, and the outlines around them, working px.
    limit
        Slope (per µm) above which a rim is seen.
    """
    area, _, _ = outline_centroids(outlines.radii)
    area_um2 = area * np.float32(field.um_per_px**2)
    body = read_body(field.deviation, centres, outlines.radii)
    surround = _read(field.slope, centres, outlines.radii, _SURROUND_SHARES)
    ray = body.mean(axis=2)
    quarter_px = outlines.radii * np.float32(field.factor / RADIUS_UNIT_PX)
    roundness = 4 * np.pi * area / np.maximum(_perimeter(outlines.radii), np.float32(1e-3)) ** 2
    return CellRegions(
        row=field.to_image_px(centres[0]),
        column=field.to_image_px(centres[1]),
        area_um2=area_um2,
        diameter_um=np.sqrt(np.maximum(area_um2, 0) * np.float32(4 / np.pi)),
        radii=np.clip(np.rint(quarter_px), 0, 255).astype(np.uint8),
        circularity=np.minimum(roundness, 1).astype(np.float32),
        elongation=_elongation(outlines.radii),
        rim_contrast=outlines.rim.mean(axis=1),
        rim_coverage=np.mean(outlines.rim > limit, axis=1, dtype=np.float32),
        surround_contrast=np.median(surround, axis=(1, 2)).astype(np.float32),
        rim_width_um=_rim_width_um(field, centres, outlines.radii),
        contrast=body.std(axis=(1, 2)),
        shading_angle=np.arctan2(
            (ray * np.sin(ANGLES)).sum(axis=1), (ray * np.cos(ANGLES)).sum(axis=1)
        ),
    )
