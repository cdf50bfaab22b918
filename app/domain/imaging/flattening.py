"""The scan at working resolution, with its background divided out."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.parameters import ImagingParameters

_LARGEST_MEDIAN_PX = 31
_SAMPLED_EVERY_PX = 5
_MEDIAN_TO_SD = 1.4826


@dataclass(frozen=True)
class FlatField:
    """A scan at working resolution.

    Attributes
    ----------
    grey
        Shape (h, w) uint8, area-averaged.
    background
        Shape (h, w) float32, grey values, smooth.
    deviation
        Shape (h, w) float32, grey / background - 1, negated for bright cells.
    fine
        Shape (h, w) float32, what smoothing takes away from the deviation.
    slope
        Shape (h, w) float32, magnitude of the smoothed deviation's gradient per µm.
    ordinary_slope, noise
        Median slope, and the noise in `fine` as a standard deviation, both of the whole image.
    smooth_um
        Gaussian σ of that smoothing.
    factor
        Image pixels per working pixel.
    um_per_px
        Size of a working pixel.
    """

    grey: NDArray[np.uint8]
    background: NDArray[np.float32]
    deviation: NDArray[np.float32]
    fine: NDArray[np.float32]
    slope: NDArray[np.float32]
    ordinary_slope: float
    noise: float
    smooth_um: float
    factor: int
    um_per_px: float

    @cached_property
    def slope_and_deviation(self) -> NDArray[np.float32]:
        """Both maps in one, shape (h, w, 2), for sampling them together."""
        return np.asarray(cv2.merge([self.slope, self.deviation]), np.float32)

    def to_image_px(self, working: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert a working coordinate to one of the image; pixel centres are whole numbers."""
        return (working + np.float32(0.5)) * np.float32(self.factor) - np.float32(0.5)


def shrink(image: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Average blocks of factor × factor px; a side shorter than the factor becomes one pixel."""
    if factor <= 1:
        return image
    size = (max(1, image.shape[1] // factor), max(1, image.shape[0] // factor))
    cut = image[: size[1] * factor, : size[0] * factor]
    return np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)


def estimate_background(
    grey: NDArray[np.uint8], *, um_per_px: float, parameters: ImagingParameters
) -> NDArray[np.float32]:
    """Estimate the light without cells: a wide median on a coarse grid, smoothed and enlarged.

    Returns
    -------
    NDArray[np.float32]
        Shape of `grey`, grey values, at least 1.
    """
    factor = max(1, round(parameters.background_um_per_px / um_per_px))
    coarse = shrink(grey, factor)
    window = round(parameters.background_um / (um_per_px * factor)) | 1
    median = cv2.medianBlur(coarse, min(window, _LARGEST_MEDIAN_PX))
    smooth = cv2.GaussianBlur(median.astype(np.float32), (0, 0), window / 6)
    size = (grey.shape[1], grey.shape[0])
    return np.maximum(cv2.resize(smooth, size, interpolation=cv2.INTER_LINEAR), np.float32(1.0))


def _measure_slope(smooth: NDArray[np.float32], *, um_per_px: float) -> NDArray[np.float32]:
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, scale=1 / (8 * um_per_px))
    right = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, scale=1 / (8 * um_per_px))
    return np.asarray(cv2.magnitude(down, right), np.float32)


def flatten(image: NDArray[np.uint8], parameters: ImagingParameters) -> FlatField:
    """Reduce a scan to working resolution and divide out its background.

    Parameters
    ----------
    image
        Shape (H, W).
    """
    factor = max(1, round(parameters.work_um_per_px / parameters.um_per_px))
    um_per_px = parameters.um_per_px * factor
    grey = shrink(image, factor)
    background = estimate_background(grey, um_per_px=um_per_px, parameters=parameters)
    deviation = cv2.divide(grey, background, dtype=cv2.CV_32F) - np.float32(1.0)
    if parameters.polarity == "bright":
        deviation = -deviation
    smooth = np.asarray(
        cv2.GaussianBlur(deviation, (0, 0), parameters.smooth_um / um_per_px), np.float32
    )
    fine = deviation - smooth
    slope = _measure_slope(smooth, um_per_px=um_per_px)
    sample = slice(None, None, _SAMPLED_EVERY_PX)
    return FlatField(
        grey=grey,
        background=background,
        deviation=deviation,
        fine=fine,
        slope=slope,
        ordinary_slope=float(np.median(slope[sample, sample])),
        noise=_MEDIAN_TO_SD * float(np.median(np.abs(fine[sample, sample]))),
        smooth_um=parameters.smooth_um,
        factor=factor,
        um_per_px=um_per_px,
    )
