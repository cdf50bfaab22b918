"""Closed star-shaped outlines around given centres, by dynamic programming in polar images."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from app.domain.imaging.flattening import FlatField
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import ANGLES, N_ANGLES

_ROWS_PER_REMAP = 32_000
"""OpenCV's remap takes images of fewer than 32,767 rows."""
_OVERLAP = 16
"""Angles walked beyond the full turn, so that where the walk starts has no say."""


@dataclass(frozen=True)
class Outlines:
    """Outlines of n cells, in working pixels.

    Attributes
    ----------
    radii
        Shape (n, 32) float32, working px.
    rim
        Shape (n, 32) float32, the slope along the outline.
    score
        Shape (n,) float32, mean reward along the outline, at most about 1.
    """

    radii: NDArray[np.float32]
    rim: NDArray[np.float32]
    score: NDArray[np.float32]


def sample_polar(
    source: NDArray[np.float32],
    rows: NDArray[np.float32],
    columns: NDArray[np.float32],
    radii: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Sample a map on rays around centres.

    Parameters
    ----------
    source
        Shape (h, w, 2): two maps at once.
    rows, columns
        Shape (n,), working px.
    radii
        Shape (m,), working px.

    Returns
    -------
    NDArray[np.float32]
        Shape (2, n, 32, m), linear interpolation, the nearest border value beyond the image.
    """
    shape = (len(rows) * N_ANGLES, len(radii))
    sampled = np.empty((*shape, 2), np.float32)
    at_row = (rows[:, None, None] + np.sin(ANGLES)[:, None] * radii).reshape(shape)
    at_column = (columns[:, None, None] + np.cos(ANGLES)[:, None] * radii).reshape(shape)
    for start in range(0, len(sampled), _ROWS_PER_REMAP):
        part = slice(start, start + _ROWS_PER_REMAP)
        sampled[part] = cv2.remap(
            source,
            at_column[part],
            at_row[part],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    maps = np.ascontiguousarray(sampled.transpose(2, 0, 1))
    return maps.reshape(2, len(rows), N_ANGLES, len(radii))


def _relative_slope(profile: NDArray[np.float32], *, power: float) -> NDArray[np.float32]:
    """Slope relative to the cell's own rim, compressed: a strong edge is hardly more an edge."""
    scale = np.quantile(profile.max(axis=2), 0.6, axis=1)[:, None, None]
    relative = np.minimum(profile / np.maximum(scale, np.float32(1e-6)), np.float32(1.5))
    return np.asarray(relative ** np.float32(power), np.float32)


def _edges_ahead(relative: NDArray[np.float32], *, n_steps: int) -> NDArray[np.float32]:
    """Give the strongest ridge within the next steps outwards; a rim's own flank is no ridge."""
    ridge = np.zeros((*relative.shape[:2], relative.shape[2] + n_steps - 1), np.float32)
    middle = relative[:, :, 1:-1]
    is_ridge = (middle >= relative[:, :, :-2]) & (middle > relative[:, :, 2:])
    # one step inwards, so that a ridge does not count against itself
    ridge[:, :, : middle.shape[2]] = np.where(is_ridge, middle, 0)
    ahead = maximum_filter1d(ridge, n_steps, axis=2, mode="constant", origin=-(n_steps // 2))
    return np.asarray(ahead[:, :, : relative.shape[2]], np.float32)


def _light_ahead(
    deviation: NDArray[np.float32], *, first: int, last: int, full: float
) -> NDArray[np.float32]:
    """Give how bright it is just outside, 0-1: a bright crescent belongs inside the outline."""
    light = np.clip(deviation / np.float32(full), 0, 1)
    ahead = np.pad(light, ((0, 0), (0, 0), (0, last)), mode="edge")
    n_radii = light.shape[2]
    total = sum(ahead[:, :, step : step + n_radii] for step in range(first, last))
    return np.asarray(total / np.float32(last - first), np.float32)


def _measure_reward(
    field: FlatField,
    rows: NDArray[np.float32],
    columns: NDArray[np.float32],
    reach_um: NDArray[np.float32],
    parameters: ImagingParameters,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Reward of an outline's passing at each angle and radius, and the slope there.

    The dark body's inner border towards the bright crescent is as sharp as the cell's own rim;
    only the rim has neither an edge nor light beyond it, but at most a soft shadow.

    Returns
    -------
    reward, slope
        Shape (n, 32, m).
    """
    radii_px = reach_um / np.float32(field.um_per_px)
    step_um = parameters.radius_step_um
    slope, deviation = sample_polar(field.slope_and_deviation, rows, columns, radii_px)
    reward = _relative_slope(slope, power=parameters.slope_power)
    edges = _edges_ahead(reward, n_steps=round(parameters.outside_um / step_um))
    light = _light_ahead(
        deviation,
        first=round(parameters.light_from_um / step_um),
        last=round(parameters.light_to_um / step_um),
        full=parameters.full_light,
    )
    usual_um = np.float32(parameters.cell_diameter_um / 2)
    unusual = (reach_um / usual_um - 1) ** 2
    reward -= np.float32(parameters.outside_weight) * edges
    reward -= np.float32(parameters.light_weight) * light
    reward -= np.float32(parameters.radius_weight) * unusual
    return reward, slope


def _walk(
    reward: NDArray[np.float32], *, step_cost: float
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Sum the best way to every radius, one angle after the other, a little beyond one turn.

    Returns
    -------
    total
        Shape (n, m), reward of the best way that ends at each radius.
    moves
        Shape (32 + overlap, n, m): the step in radius by which it came there.
    """
    n_steps = N_ANGLES + _OVERLAP
    by_angle = np.ascontiguousarray(reward.transpose(1, 0, 2))
    total = by_angle[0].copy()
    bordered = np.full((total.shape[0], total.shape[1] + 2), -np.inf, np.float32)
    moves = np.zeros((n_steps, *total.shape), np.int8)
    cost = np.float32(step_cost)
    for step in range(1, n_steps):
        bordered[:, 1:-1] = total
        inner, outer = bordered[:, :-2] - cost, bordered[:, 2:] - cost
        sideways = np.maximum(inner, outer)
        best = np.maximum(sideways, total)
        moves[step] = (sideways > total) * np.where(outer > inner, 1, -1)
        total = best + by_angle[step % N_ANGLES]
    return total, moves


def _best_path(reward: NDArray[np.float32], *, step_cost: float) -> NDArray[np.int64]:
    """Find the closed path of greatest reward that moves at most one step per angle.

    Parameters
    ----------
    reward
        Shape (n, 32, m).

    Returns
    -------
    NDArray[np.int64]
        Shape (n, 32), index of the radius.
    """
    total, moves = _walk(reward, step_cost=step_cost)
    n_steps = len(moves)
    path = np.empty((n_steps, len(reward)), np.int64)
    path[-1] = total.argmax(axis=1)
    everyone = np.arange(len(reward))
    for step in range(n_steps - 1, 0, -1):
        path[step - 1] = path[step] + moves[step, everyone, path[step]]
    settled = path[_OVERLAP // 2 : _OVERLAP // 2 + N_ANGLES]
    return np.ascontiguousarray(np.roll(settled, _OVERLAP // 2, axis=0).T)


def _take(values: NDArray[np.float32], path: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.take_along_axis(values, path[:, :, None], axis=2)[:, :, 0]


def _between_steps(reward: NDArray[np.float32], path: NDArray[np.int64]) -> NDArray[np.float32]:
    """Top of the parabola through the path's reward and its neighbours', -0.5 to 0.5 steps."""
    last = reward.shape[2] - 1
    below, here, above = (_take(reward, np.clip(path + step, 0, last)) for step in (-1, 0, 1))
    bend = np.minimum(below - 2 * here + above, np.float32(-1e-6))
    return np.asarray(np.clip((below - above) / (2 * bend), -0.5, 0.5), np.float32)


def trace_outlines(
    field: FlatField,
    rows: NDArray[np.float32],
    columns: NDArray[np.float32],
    parameters: ImagingParameters,
) -> Outlines:
    """Trace the outermost sharp closed outline around each centre.

    Parameters
    ----------
    rows, columns
        Shape (n,), working px; within the cells but not necessarily central.
    """
    step_um = parameters.radius_step_um
    furthest_um = parameters.largest_radius_um + parameters.outside_um
    reach_um = np.arange(parameters.smallest_radius_um, furthest_um, step_um, dtype=np.float32)
    reward, slope = _measure_reward(field, rows, columns, reach_um, parameters)
    n_allowed = int(np.count_nonzero(reach_um <= parameters.largest_radius_um))
    path = _best_path(reward[:, :, :n_allowed], step_cost=parameters.roundness_weight)
    radius_um = reach_um[path] + _between_steps(reward, path) * np.float32(step_um)
    return Outlines(
        radii=np.asarray(radius_um / np.float32(field.um_per_px), np.float32),
        rim=_take(slope, path),
        score=_take(reward, path).mean(axis=1),
    )


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
