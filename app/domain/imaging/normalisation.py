"""The one place that turns crops into network input, in training and in inference alike."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import InvalidInput

GREY_255 = "grey-255/1"
BACKGROUND_RATIO = "background-ratio/1"

_BORDER_PX = 3
_MIDDLE = 0.5
"""Value of the background itself in ``background-ratio/1``; grey 0 and twice the background
would be -0.5 and 1.5, and what lies outside [0, 1] is clipped."""


def _grey_255(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.multiply(crops, np.float32(1 / 255), dtype=np.float32)


def measure_crop_background(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Estimate each crop's own background.

    Parameters
    ----------
    crops
        Shape (n, 60, 60).

    Returns
    -------
    NDArray[np.float32]
        Shape (n,), the median grey of the outermost 3 px, at least 1. The median is blind to a
        neighbour or a shadow that covers less than half of the border.
    """
    edge = np.ones(crops.shape[1:], bool)
    edge[_BORDER_PX:-_BORDER_PX, _BORDER_PX:-_BORDER_PX] = False
    border = crops[:, edge]
    middle = border.shape[1] // 2
    return np.maximum(np.partition(border, middle, axis=1)[:, middle], 1).astype(np.float32)


def _background_ratio(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    background = measure_crop_background(crops)
    ratio = np.divide(crops, background[:, None, None], dtype=np.float32)
    return np.clip(ratio - np.float32(1.0 - _MIDDLE), 0.0, 1.0, out=ratio)


_VERSIONS: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.float32]]] = {
    GREY_255: _grey_255,
    BACKGROUND_RATIO: _background_ratio,
}


def normalise_crops(crops: NDArray[np.uint8], *, version: str) -> NDArray[np.float32]:
    """Make network input from crops.

    Parameters
    ----------
    crops
        Shape (n, 60, 60).
    version
        ``grey-255/1``, grey / 255 as published, or ``background-ratio/1``, the ratio to the
        crop's own background minus a half, which a change of exposure leaves unchanged.

    Returns
    -------
    NDArray[np.float32]
        Shape (n, 60, 60, 1), range [0, 1].

    Raises
    ------
    InvalidInput
        ``unknown_normalisation`` for any other version.
    """
    try:
        normalise = _VERSIONS[version]
    except KeyError as error:
        raise InvalidInput(
            "unknown_normalisation",
            f"The model asks for the normalisation {version!r}, which this program does not "
            f"know ({', '.join(_VERSIONS)}); upgrade the program or use another model.",
        ) from error
    return normalise(crops)[..., np.newaxis]
