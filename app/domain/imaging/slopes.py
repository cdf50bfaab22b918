"""Slopes of a scan's deviation, whole or in parts, and what is ordinary in its background."""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.flattening import FlatField
from app.domain.imaging.parameters import ImagingParameters

_MEDIAN_TO_SD: Final = 1.4826
_STRIP_PX: Final = 16
_BORDER_PX: Final = 2
_LEAST_SIGNAL: Final = 0.1
"""Noise is at most nine tenths of what a blur takes away: texture must not pass for noise."""
_N_STRIPS: Final = 6
"""What is ordinary is read from so many strips of so many rows, without the strips' borders."""


@dataclass(frozen=True)
class Slopes:
    """Slopes of a map of deviations.

    Attributes
    ----------
    slope
        Shape (h, w) float32, magnitude of the smoothed deviation's gradient per µm.
    fine
        Shape (h, w) float32, what that smoothing takes away from the deviation.
    """

    slope: NDArray[np.float32]
    fine: NDArray[np.float32]


@dataclass(frozen=True)
class Ordinary:
    """What is ordinary in a scan: its median slope, and the SD of the noise in `Slopes.fine`."""

    slope: float
    noise: float


def measure_slopes(
    deviation: NDArray[np.float32], *, um_per_px: float, parameters: ImagingParameters
) -> Slopes:
    """Measure the slopes of a deviation of shape (h, w)."""
    smooth = cv2.GaussianBlur(deviation, (0, 0), parameters.slope_um / um_per_px)
    scale = 1 / (8 * um_per_px)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=scale)
    right = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=scale)
    slope = cv2.magnitude(down, right, magnitude=down)
    fine = cv2.subtract(deviation, smooth, dst=smooth)
    return Slopes(np.asarray(slope, np.float32), np.asarray(fine, np.float32))


def measure_ordinary(field: FlatField, parameters: ImagingParameters) -> Ordinary:
    """Measure the ordinary slope and the noise of a scan, on strips all over it."""
    starts = np.linspace(0, max(field.shape[0] - _STRIP_PX, 0), _N_STRIPS).astype(int).tolist()
    strips = [field.read_deviation(top=start, height=_STRIP_PX) for start in starts]
    slopes = measure_slopes(
        np.concatenate(strips), um_per_px=field.um_per_px, parameters=parameters
    )
    shape = (_N_STRIPS, -1, field.shape[1])
    inner = np.s_[:, _BORDER_PX:-_BORDER_PX, ::4] if field.shape[0] >= _STRIP_PX else np.s_[:]
    slope, fine = slopes.slope.reshape(shape)[inner], slopes.fine.reshape(shape)[inner]
    return Ordinary(float(np.median(slope)), _MEDIAN_TO_SD * float(np.median(np.abs(fine))))


def measure_edge_width(
    slopes: Slopes, ordinary: Ordinary, limit: float, parameters: ImagingParameters
) -> float:
    """Measure how wide a map's edges are, as `measures` does the cells' rims; µm, 0 without any."""
    steep = slopes.slope > limit
    if not steep.any():
        return 0.0
    slope, lost = slopes.slope[steep], slopes.fine[steep]
    return edge_width_um(
        np.sqrt(np.mean(slope**2)), np.sqrt(np.mean(lost**2)), ordinary, parameters
    ).item()


def edge_width_um(
    slope: NDArray[np.float32] | np.floating[Any],
    lost: NDArray[np.float32] | np.floating[Any],
    ordinary: Ordinary,
    parameters: ImagingParameters,
) -> NDArray[np.float32]:
    """Tell how wide a rise is, whatever its height.

    What a slight blur takes away grows with the second derivative, so slope over that loss is a
    width: about the edge's own Gaussian σ. Camera noise is subtracted from the loss.

    Parameters
    ----------
    slope, lost
        Root mean squares of `Slopes.slope` and `Slopes.fine` along an edge.
    """
    square = np.square(lost)
    clean = np.maximum(square - np.float32(ordinary.noise**2), _LEAST_SIGNAL * square)
    width = parameters.slope_um**2 / 2 * slope / np.sqrt(np.maximum(clean, np.float32(1e-12)))
    return np.asarray(width, np.float32)


def slope_limit(ordinary: Ordinary, parameters: ImagingParameters) -> float:
    """Give the slope (fraction of the background per µm) above which an edge is real."""
    return max(parameters.slope_floor, parameters.slope_noise_factor * ordinary.slope)
