"""Star-shaped outlines of drawn cells, in polar form around their own centroid."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.regions import ANGLES
from app.domain.synthetic.donors import Floats

FINE_ANGLES: Final = np.arange(128) * (2 * np.pi / 128)
"""Radians, as `regions.ANGLES` but four times as many: every fourth is one of those."""
_EVERY: Final = len(FINE_ANGLES) // len(ANGLES)
_LOBES: Final = (3, 4, 5)


@dataclass(frozen=True, kw_only=True, eq=False)
class Shape:
    """An outline around the origin, which is its centroid.

    Attributes
    ----------
    reach_px
        Shape (128,), distance from the centroid to the outline at `FINE_ANGLES`, px.
    """

    reach_px: Floats

    @property
    def radii_px(self) -> NDArray[np.float32]:
        """Shape (32,), distance to the outline at `regions.ANGLES`, px."""
        return self.reach_px[::_EVERY].astype(np.float32)

    @property
    def radius_px(self) -> float:
        """Radius of the circle of the same area."""
        return float(np.sqrt(np.mean(self.reach_px**2)))

    @property
    def furthest_px(self) -> float:
        return float(self.reach_px.max())

    def reach_at(self, angle: Floats | float) -> Floats:
        """Distance to the outline at any angles, radians, same shape, px."""
        return np.asarray(np.interp(angle, FINE_ANGLES, self.reach_px, period=2 * np.pi))

    def points(self, row: float, column: float) -> Floats:
        """Corners of the outline around a place, shape (128, 2), row and column in px."""
        return np.stack(
            [
                row + self.reach_px * np.sin(FINE_ANGLES),
                column + self.reach_px * np.cos(FINE_ANGLES),
            ],
            axis=1,
        )


def draw_shape(
    radius_px: float,
    rng: np.random.Generator,
    *,
    elongation: float = 1.0,
    lobes: float = 0.01,
    crenation: float = 0.0,
) -> Shape:
    """An ellipse with low lobes and, for a crenated cell, bumps along its rim.

    Parameters
    ----------
    radius_px
        Of the circle of the same area, px.
    elongation
        Longer over shorter axis, at least 1.
    lobes, crenation
        Relative RMS of the orders 3 to 5, and of the orders 7 to 14.
    """
    angle = FINE_ANGLES - rng.uniform(0, 2 * np.pi)
    stretch = np.sqrt(elongation)
    reach = 1 / np.hypot(np.cos(angle) / stretch, np.sin(angle) * stretch)
    ripple = _ripple(_LOBES, lobes, rng)
    if crenation > 0:
        first = int(rng.integers(7, 12))
        ripple = ripple + _ripple((first, first + 1, first + 3), crenation, rng)
    return _centred(reach * np.maximum(1 + ripple, 0.5), radius_px)


def shape_of_points(points: Floats, row: float, column: float) -> Shape:
    """The outline through given corners (n, 2) around a place, row and column in px."""
    rows, columns = points[:, 0] - row, points[:, 1] - column
    angle = np.arctan2(rows, columns)
    reach = np.interp(FINE_ANGLES, angle, np.hypot(rows, columns), period=2 * np.pi)
    return Shape(reach_px=np.asarray(reach))


def _ripple(orders: tuple[int, ...], rms: float, rng: np.random.Generator) -> Floats:
    waves = np.zeros(len(FINE_ANGLES))
    for order in orders:
        waves += rng.normal() * np.cos(order * FINE_ANGLES + rng.uniform(0, 2 * np.pi))
    spread = float(np.sqrt(np.mean(waves**2)))
    return np.asarray(waves * (rms / max(spread, 1e-9)))


def _centred(reach: Floats, radius_px: float) -> Shape:
    """Move the origin into the centroid and give the outline its size."""
    scaled = reach * (radius_px / np.sqrt(np.mean(reach**2)))
    # The centroid of a star-shaped area in polar form: thirds of cubes over halves of squares.
    weight = scaled**3 / 3 / (np.mean(scaled**2) / 2)
    row = float(np.mean(weight * np.sin(FINE_ANGLES)))
    column = float(np.mean(weight * np.cos(FINE_ANGLES)))
    corners = Shape(reach_px=scaled).points(0.0, 0.0)
    return shape_of_points(corners, row, column)
