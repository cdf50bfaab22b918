"""The scan at working resolution, with its background divided out."""

from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.parameters import ImagingParameters

_LARGEST_MEDIAN_PX = 31
_NEARLY_WHOLE = 0.1
"""A factor this near to a whole one is rounded: averaging whole blocks is ten times as fast."""


@dataclass(frozen=True)
class FlatField:
    """A scan at working resolution.

    Attributes
    ----------
    image
        Shape (H, W) uint8: the scan itself.
    grey
        Shape (h, w) uint8, area-averaged.
    coarse
        Shape (ceil(h / coarse_factor), ceil(w / coarse_factor)) uint8, area-averaged further.
    background
        Shape of `coarse`, float32, grey values, smooth, at least 1.
    coarse_factor
        Working pixels per coarse pixel.
    factor
        Image pixels per working pixel, at least 1.
    um_per_px
        Size of a working pixel.
    """

    image: NDArray[np.uint8]
    grey: NDArray[np.uint8]
    coarse: NDArray[np.uint8]
    background: NDArray[np.float32]
    coarse_factor: int
    factor: float
    um_per_px: float

    @property
    def shape(self) -> tuple[int, int]:
        return self.grey.shape[0], self.grey.shape[1]

    @property
    def steps_per_px(self) -> int:
        """In how many steps of a working pixel a part of the scan can be read: image pixels."""
        return int(self.factor) if self.factor == int(self.factor) else 1

    @property
    def source(self) -> NDArray[np.uint8]:
        """The pixels that parts are read from: the scan's, or `grey` where parts begin on those."""
        return self.image if self.steps_per_px > 1 else self.grey

    def read_source(
        self, top: float, left: float, height: int, width: int
    ) -> tuple[NDArray[np.uint8], int, int]:
        """Read a part of `source` that begins on any of its pixels.

        Parameters
        ----------
        top, left
            Working px, whole multiples of 1 / `steps_per_px`; the part may reach beyond the scan.
        height, width
            Working px.

        Returns
        -------
        pixels
            What lies within the scan, whole working px only; `average` makes `grey` of it.
        above, before
            Working rows and columns of the part that precede it.
        """
        above, before = max(0, ceil(-top)), max(0, ceil(-left))
        scale, source = self.steps_per_px, self.source
        first_row, first_column = round((top + above) * scale), round((left + before) * scale)
        n_rows = min(height - above, (source.shape[0] - first_row) // scale)
        n_columns = min(width - before, (source.shape[1] - first_column) // scale)
        if n_rows <= 0 or n_columns <= 0:
            return source[:0, :0], above, before
        last_row, last_column = first_row + n_rows * scale, first_column + n_columns * scale
        return source[first_row:last_row, first_column:last_column], above, before

    def average(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Bring what was read from `source` to working resolution."""
        return shrink(pixels, self.steps_per_px)

    def read_deviation(
        self, top: int = 0, left: int = 0, height: int | None = None, width: int | None = None
    ) -> NDArray[np.float32]:
        """Give grey / background - 1, clipped to [-1, 1], of a part or of the whole scan.

        Parameters
        ----------
        top, left, height, width
            The part, working px, cut where it leaves the scan.
        """
        bottom = None if height is None else top + height
        right = None if width is None else left + width
        grey = self.grey[top:bottom, left:right]
        light = self.read_background(top, left, grey.shape)
        deviation = np.asarray(cv2.divide(grey, light, dtype=cv2.CV_32F), np.float32)
        deviation -= np.float32(1)
        return np.minimum(deviation, 1, out=deviation)

    def read_background(
        self, top: int = 0, left: int = 0, shape: tuple[int, ...] | None = None
    ) -> NDArray[np.float32]:
        """Interpolate the background of a part, or of the whole scan; grey values."""
        shape = self.grey.shape if shape is None else shape
        step = self.coarse_factor
        row, column = (max(start // step - 1, 0) for start in (top, left))
        below, right = -(-(top + shape[0]) // step) + 1, -(-(left + shape[1]) // step) + 1
        around = self.background[row:below, column:right]
        size = (around.shape[1] * step, around.shape[0] * step)
        light = np.asarray(cv2.resize(around, size, interpolation=cv2.INTER_LINEAR), np.float32)
        top, left = top - row * step, left - column * step
        return light[top : top + shape[0], left : left + shape[1]]

    def enlarge_background(self, *, step_px: int) -> NDArray[np.float32]:
        """Interpolate the whole background, one value for each step_px × step_px working px."""
        rows, columns = (side * self.coarse_factor // step_px for side in self.background.shape)
        light = cv2.resize(self.background, (columns, rows), interpolation=cv2.INTER_LINEAR)
        return np.asarray(light, np.float32)

    def to_image_px(self, working: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert a working coordinate to one of the image; pixel centres are whole numbers."""
        return (working + np.float32(0.5)) * np.float32(self.factor) - np.float32(0.5)

    def to_working_px(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Convert an image coordinate to a working one."""
        return (image + np.float32(0.5)) / np.float32(self.factor) - np.float32(0.5)


def shrink(image: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """Average areas of factor × factor px; a side shorter than the factor becomes one pixel."""
    if factor <= 1:
        return image
    height, width = (max(1, int(side / factor)) for side in image.shape)
    cut = image[: round(height * factor), : round(width * factor)]
    return np.asarray(cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _extend(grey: NDArray[np.uint8], multiple: int) -> NDArray[np.uint8]:
    """Repeat the last row and column until both sides are multiples."""
    below, right = (-side % multiple for side in grey.shape)
    if below == right == 0:
        return grey
    return np.asarray(cv2.copyMakeBorder(grey, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)


def working_factor(parameters: ImagingParameters) -> float:
    """Give the image pixels per working pixel: as the scale asks, whole if nearly so."""
    factor = max(1.0, parameters.work_um_per_px / parameters.um_per_px)
    whole = round(factor)
    return float(whole) if abs(factor / whole - 1) <= _NEARLY_WHOLE else factor


def _estimate_light(
    coarse: NDArray[np.uint8], *, um_per_px: float, parameters: ImagingParameters
) -> NDArray[np.float32]:
    """Estimate the light without cells: a wide median, smoothed; at least 1."""
    window = round(parameters.background_um / um_per_px) | 1
    median = cv2.medianBlur(coarse, min(window, _LARGEST_MEDIAN_PX))
    smooth = cv2.GaussianBlur(median.astype(np.float32), (0, 0), window / 6)
    return np.maximum(np.asarray(smooth, np.float32), np.float32(1))


def flatten(image: NDArray[np.uint8], parameters: ImagingParameters) -> FlatField:
    """Reduce a scan to working resolution and find its background.

    Parameters
    ----------
    image
        Shape (H, W).
    """
    factor = working_factor(parameters)
    return _divide(image, shrink(image, factor), factor, parameters.um_per_px * factor, parameters)


def _divide(
    image: NDArray[np.uint8],
    grey: NDArray[np.uint8],
    factor: float,
    um_per_px: float,
    parameters: ImagingParameters,
) -> FlatField:
    coarse_factor = max(1, round(parameters.background_um_per_px / um_per_px))
    coarse = shrink(_extend(grey, coarse_factor), coarse_factor)
    coarse_um_per_px = um_per_px * coarse_factor
    light = _estimate_light(coarse, um_per_px=coarse_um_per_px, parameters=parameters)
    return FlatField(image, grey, coarse, light, coarse_factor, factor, um_per_px)


def estimate_background(
    grey: NDArray[np.uint8], *, um_per_px: float, parameters: ImagingParameters
) -> NDArray[np.float32]:
    """Estimate the light without cells in a scan at working resolution.

    Returns
    -------
    NDArray[np.float32]
        Shape of `grey`, grey values, at least 1.
    """
    return _divide(grey, grey, 1.0, um_per_px, parameters).read_background()
