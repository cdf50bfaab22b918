"""Places in a scan where a cell may be, found cheaply and judged later by their outlines."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from app.domain.imaging.flattening import FlatField
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import look_up

Centres = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Rows and columns, working px."""

_MOST_CANDIDATES = 6000
"""More peaks than this are noise; a bound on time and memory."""
_OUTER_TO_INNER = 2.2
"""Ratio of the two σs of a blob filter."""


def slope_limit(field: FlatField, parameters: ImagingParameters) -> float:
    """Give the rim slope (fraction of the background per µm) above which an edge is real."""
    return max(parameters.slope_floor, parameters.slope_noise_factor * field.ordinary_slope)


def _halve(field: NDArray[np.float32]) -> NDArray[np.float32]:
    size = (max(1, field.shape[1] // 2), max(1, field.shape[0] // 2))
    return np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_AREA), np.float32)


def _find_blobs(
    source: NDArray[np.float32], *, sigma_px: float, apart_px: float, least: float
) -> NDArray[np.float32]:
    """Find local maxima of a difference of Gaussians, shape (n, 2), strongest first."""
    near = cv2.GaussianBlur(source, (0, 0), sigma_px)
    response = near - cv2.GaussianBlur(source, (0, 0), _OUTER_TO_INNER * sigma_px)
    side = round(apart_px) | 1
    highest = cv2.dilate(response, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    peaks = np.argwhere((response >= highest) & (near > least) & (response > 0))
    order = np.argsort(-response[peaks[:, 0], peaks[:, 1]], kind="stable")
    return peaks[order].astype(np.float32)


def _radius_px(field: FlatField, parameters: ImagingParameters) -> float:
    """Usual radius in pixels of half the working resolution."""
    return parameters.cell_diameter_um / (4 * field.um_per_px)


def _merge(lists: list[NDArray[np.float32]], apart_px: float) -> NDArray[np.float32]:
    """Join lists of points; later ones only where no earlier one is near."""
    merged = lists[0]
    for others in lists[1:]:
        if len(merged) and len(others):
            others = others[cKDTree(merged).query(others)[0] > apart_px]  # noqa: PLW2901  the filtered list replaces it
        merged = np.concatenate([merged, others])
    return merged[:_MOST_CANDIDATES]


def find_candidates(field: FlatField, limit: float, parameters: ImagingParameters) -> Centres:
    """Find places where a cell may be.

    A blob filter on slope energy finds the middle of lone cells but may merge neighbours; dark
    bodies tell neighbours apart but lie off the centre. Both are tried; which outline is the
    cell's is decided once they are traced.

    Parameters
    ----------
    limit
        Slope that counts as an edge, see `slope_limit`.
    """
    radius_px = _radius_px(field, parameters)
    apart_px = parameters.closest_um / (2 * field.um_per_px)
    energy = np.minimum(_halve(field.slope), np.float32(4 * limit))
    darkness = np.clip(-_halve(field.deviation), 0, np.float32(parameters.darkest_deviation))
    sources = (
        (energy, parameters.rim_blob_share, parameters.rim_blob_share * limit / 2),
        (darkness, parameters.dark_blob_share, parameters.faintest_body),
    )
    found = [
        _find_blobs(source, sigma_px=share * radius_px, apart_px=apart_px, least=least)
        for source, share, least in sources
    ]
    peaks = _merge(found, 0.5 * apart_px) * 2 + np.float32(0.5)
    return peaks[:, 0], peaks[:, 1]


def keep_within(
    usable: NDArray[np.bool_] | None, centres: Centres, shape: tuple[int, ...]
) -> Centres:
    """Keep the centres that lie in a coarse mask spread over the image."""
    if usable is None:
        return centres
    inside = look_up(usable, centres[0] / shape[0], centres[1] / shape[1])
    return centres[0][inside], centres[1][inside]


def find_dark_bodies(field: FlatField, parameters: ImagingParameters) -> NDArray[np.float32]:
    """Find dark blobs of a cell's size however blurred, shape (n, 2): share of height and width.

    They tell an image out of focus, which has bodies but no rims, from an empty one.
    """
    radius_px = _radius_px(field, parameters)
    found = _find_blobs(
        np.maximum(-_halve(field.deviation), 0),
        sigma_px=parameters.rim_blob_share * radius_px,
        apart_px=parameters.cell_diameter_um / (2 * field.um_per_px),
        least=parameters.faintest_blurred_body,
    )
    half = (max(1, field.grey.shape[0] // 2), max(1, field.grey.shape[1] // 2))
    return np.asarray((found + np.float32(0.5)) / np.array(half, np.float32), np.float32)
