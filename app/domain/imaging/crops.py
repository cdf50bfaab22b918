"""Single-cell crops: 60×60 px views of the scan image, cut when needed and never stored."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

CROP_PX = 60
"""Side of a crop, as published: the centroid ± 30 px."""


def _crop_corner(centres: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.rint(np.asarray(centres, dtype=np.float64)).astype(np.int64) - CROP_PX // 2


def has_crop(
    rows: NDArray[np.float32], columns: NDArray[np.float32], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Tell which centres leave room for a whole crop inside an image.

    Parameters
    ----------
    rows, columns
        Cell centres, px.
    shape
        (height, width) of the image, px.
    """
    top, left = _crop_corner(rows), _crop_corner(columns)
    fits_rows = (top >= 0) & (top + CROP_PX <= shape[0])
    return np.asarray(fits_rows & (left >= 0) & (left + CROP_PX <= shape[1]))


def cut_crops(
    image: NDArray[np.uint8], rows: NDArray[np.float32], columns: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Cut one crop per centre.

    Parameters
    ----------
    image
        Shape (H, W).
    rows, columns
        Cell centres, px; each must pass `has_crop`.

    Returns
    -------
    NDArray[np.uint8]
        Shape (n, 60, 60); the rounded centre is at row 30, column 30.
    """
    if len(rows) == 0:
        return np.empty((0, CROP_PX, CROP_PX), np.uint8)
    if not has_crop(rows, columns, (image.shape[0], image.shape[1])).all():
        raise ValueError("a crop would leave the image; select the centres with has_crop first")
    windows = sliding_window_view(image, (CROP_PX, CROP_PX))
    return np.asarray(windows[_crop_corner(rows), _crop_corner(columns)])
