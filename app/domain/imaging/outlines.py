"""Closed star-shaped outlines around given centres, by dynamic programming in polar images."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import ANGLES, N_ANGLES

_OUTSIDE_UM = 2.2
"""An edge within this distance beyond a point counts against the outline passing there."""
_ROWS_PER_REMAP = 32_000
"""OpenCV's remap takes images of fewer than 32,767 rows."""


@dataclass(frozen=True)
class Outlines:
    """Outlines in working pixels.

    Attributes
    ----------
    radii
        Shape (n, 32) float32, working px.
    rim
        Shape (n, 32) float32, the slope along the outline.
    profile
        Shape (n, 32, m) float32, the slope at every searched radius.
    """

    radii: NDArray[np.float32]
    rim: NDArray[np.float32]
    profile: NDArray[np.float32]


def sample_polar(
    field: NDArray[np.float32],
    rows: NDArray[np.float32],
    columns: NDArray[np.float32],
    radii: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Sample a map on rays around centres.

    Parameters
    ----------
    field
        Shape (h, w).
    rows, columns
        Shape (n,), working px.
    radii
        Shape (m,), working px.

    Returns
    -------
    NDArray[np.float32]
        Shape (n, 32, m), linear interpolation, the nearest border value beyond the image.
    """
    shape = (len(rows) * N_ANGLES, len(radii))
    at_row = rows[:, None, None] + np.sin(ANGLES)[:, None] * radii
    at_column = columns[:, None, None] + np.cos(ANGLES)[:, None] * radii
    at_row, at_column = at_row.reshape(shape), at_column.reshape(shape)
    sampled = [
        cv2.remap(
            field,
            at_column[start : start + _ROWS_PER_REMAP],
            at_row[start : start + _ROWS_PER_REMAP],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        for start in range(0, shape[0], _ROWS_PER_REMAP)
    ]
    return np.concatenate(sampled).reshape(len(rows), N_ANGLES, len(radii)).astype(np.float32)


def _reward(
    profile: NDArray[np.float32], *, step_um: float, outside_weight: float
) -> NDArray[np.float32]:
    """Reward an edge with no further edge closely outside it.

    The dark body's inner border towards the bright crescent is as sharp as the cell's own rim;
    only the rim has nothing but a soft shadow beyond it.
    """
    scale = np.quantile(profile.max(axis=2), 0.6, axis=1)[:, None, None]
    relative = np.minimum(profile / np.maximum(scale, np.float32(1e-6)), np.float32(1.3))
    ridge = np.zeros_like(relative)  # ridges alone count, not the flank of the rim itself
    middle = relative[:, :, 1:-1]
    is_ridge = (middle >= relative[:, :, :-2]) & (middle > relative[:, :, 2:])
    ridge[:, :, 1:-1] = np.where(is_ridge, middle, 0)
    size = round(_OUTSIDE_UM / step_um)
    # a negative origin moves the window outwards: it covers the next `size` radii
    ahead = np.pad(ridge[:, :, 1:], ((0, 0), (0, 0), (0, size)))
    outside = maximum_filter1d(ahead, size, axis=2, mode="constant", origin=-(size // 2))
    return np.asarray(
        relative - np.float32(outside_weight) * outside[:, :, : relative.shape[2]], np.float32
    )


def _best_path(reward: NDArray[np.float32], *, step_cost: float) -> NDArray[np.int64]:
    """Find the closed path of greatest reward that moves at most one step per angle.

    The ring is walked twice and the second half kept, so that the start has no say.

    Parameters
    ----------
    reward
        Shape (n, 32, m).

    Returns
    -------
    NDArray[np.int64]
        Shape (n, 32), index of the radius.
    """
    n, n_angles, _ = reward.shape
    total = reward[:, 0].copy()
    moves = np.empty((2 * n_angles, *total.shape), np.int8)
    for step in range(1, 2 * n_angles):
        inner = np.pad(total[:, :-1] - step_cost, ((0, 0), (1, 0)), constant_values=-np.inf)
        outer = np.pad(total[:, 1:] - step_cost, ((0, 0), (0, 1)), constant_values=-np.inf)
        best = np.maximum(np.maximum(inner, outer), total)
        moves[step] = (outer >= best).astype(np.int8) - (inner >= best)
        moves[step][total >= best] = 0
        total = best + reward[:, step % n_angles]
    path = np.empty((n, 2 * n_angles), np.int64)
    path[:, -1] = total.argmax(axis=1)
    everyone = np.arange(n)
    for step in range(2 * n_angles - 1, 0, -1):
        path[:, step - 1] = path[:, step] + moves[step][everyone, path[:, step]]
    # the first half of the second turn joins the second half of the first one seamlessly
    middle = path[:, n_angles // 2 : n_angles // 2 + n_angles]
    return np.roll(middle, n_angles // 2, axis=1)


def trace_outlines(
    slope: NDArray[np.float32],
    rows: NDArray[np.float32],
    columns: NDArray[np.float32],
    *,
    um_per_px: float,
    parameters: ImagingParameters,
) -> Outlines:
    """Trace the sharpest closed outline around each centre.

    Parameters
    ----------
    slope
        Shape (h, w), see `FlatField.slope`.
    rows, columns
        Shape (n,), working px; within the cells but not necessarily central.
    um_per_px
        Size of a working pixel.
    """
    reach = np.arange(
        parameters.smallest_radius_um,
        parameters.largest_radius_um + _OUTSIDE_UM,
        parameters.radius_step_um,
    )
    radii = (reach / um_per_px).astype(np.float32)
    profile = sample_polar(slope, rows, columns, radii)
    reward = _reward(
        profile, step_um=parameters.radius_step_um, outside_weight=parameters.outside_weight
    )
    usual_um = parameters.cell_diameter_um / 2
    reward -= (parameters.radius_weight * (reach / usual_um - 1) ** 2).astype(np.float32)
    allowed = int(np.count_nonzero(reach <= parameters.largest_radius_um))
    path = _best_path(reward[:, :, :allowed], step_cost=parameters.roundness_weight)
    rim = np.take_along_axis(profile, path[:, :, None], axis=2)[:, :, 0]
    return Outlines(radii[path], rim, profile)


def outline_centroids(
    radii: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Give each outline's area (px²) and its centroid's offset (rows, columns) from the centre."""
    row, column = radii * np.sin(ANGLES), radii * np.cos(ANGLES)
    next_row, next_column = np.roll(row, -1, axis=1), np.roll(column, -1, axis=1)
    cross = column * next_row - next_column * row
    area = cross.sum(axis=1) / 2
    safe = 6 * np.maximum(area, np.float32(1e-6))
    return (
        area,
        ((row + next_row) * cross).sum(axis=1) / safe,
        ((column + next_column) * cross).sum(axis=1) / safe,
    )
