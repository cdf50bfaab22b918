"""Find the cells of a scan: ring-shaped slope energy first, then one closed outline each.

A cell here is a dark body with a bright crescent on one side and a soft shadow on the other. Its
true border is the closed ring of steep slopes; the shadow is wide but never steep. So neither
brightness nor darkness is searched, but slope energy that fills a disc of a cell's size.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from app.domain.imaging.flattening import FlatField, flatten
from app.domain.imaging.measures import measure_regions
from app.domain.imaging.outlines import Outlines, outline_centroids, trace_outlines
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import CellRegions, look_up

_N_REFINEMENTS = 2
_MOST_CANDIDATES = 6000
"""More peaks than this are noise; the strongest are kept, which bounds time and memory."""

Centres = tuple[NDArray[np.float32], NDArray[np.float32]]


def slope_limit(field: FlatField, parameters: ImagingParameters) -> float:
    """Give the rim slope (fraction of the background per µm) above which an edge is real."""
    ordinary = float(np.median(field.slope[::3, ::3]))
    return max(parameters.slope_floor, parameters.slope_noise_factor * ordinary)


def find_candidates(field: FlatField, limit: float, parameters: ImagingParameters) -> Centres:
    """Find centres of discs filled with slope energy.

    Returns
    -------
    rows, columns
        Working px, strongest first.
    """
    energy = cv2.resize(
        np.minimum(field.slope, np.float32(4 * limit)),
        (max(1, field.slope.shape[1] // 2), max(1, field.slope.shape[0] // 2)),
        interpolation=cv2.INTER_AREA,
    )
    radius_px = parameters.cell_diameter_um / (4 * field.um_per_px)
    near = cv2.GaussianBlur(energy, (0, 0), 0.75 * radius_px)
    response = near - cv2.GaussianBlur(energy, (0, 0), 1.6 * radius_px)
    side = round(parameters.closest_um / (2 * field.um_per_px)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    is_peak = (response >= cv2.dilate(response, kernel)) & (near > 0.3 * limit)
    rows, columns = np.nonzero(is_peak)
    strongest = np.argsort(-response[rows, columns], kind="stable")[:_MOST_CANDIDATES]
    scale = np.float32(2)
    return (
        (rows[strongest].astype(np.float32) + np.float32(0.5)) * scale - np.float32(0.5),
        (columns[strongest].astype(np.float32) + np.float32(0.5)) * scale - np.float32(0.5),
    )


def _within(usable: NDArray[np.bool_] | None, centres: Centres, shape: tuple[int, ...]) -> Centres:
    if usable is None:
        return centres
    inside = look_up(usable, centres[0] / shape[0], centres[1] / shape[1])
    return centres[0][inside], centres[1][inside]


def _refine(
    field: FlatField, centres: Centres, parameters: ImagingParameters
) -> tuple[Centres, Outlines]:
    """Trace outlines, move to their centroids, and trace again."""
    rows, columns = centres
    furthest = np.float32(parameters.largest_drift_um / field.um_per_px)
    for _ in range(_N_REFINEMENTS):
        outlines = trace_outlines(
            field.slope, rows, columns, um_per_px=field.um_per_px, parameters=parameters
        )
        _, down, right = outline_centroids(outlines.radii)
        rows, columns = (
            start + np.clip(here + move - start, -furthest, furthest)
            for start, here, move in zip(centres, (rows, columns), (down, right), strict=True)
        )
    outlines = trace_outlines(
        field.slope, rows, columns, um_per_px=field.um_per_px, parameters=parameters
    )
    return (rows, columns), outlines


def _drop_doubles(
    centres: Centres, radius: NDArray[np.float32], strength: NDArray[np.float32], share: float
) -> NDArray[np.bool_]:
    """Keep the stronger of two outlines that sit on the same cell."""
    points = np.stack(centres, axis=1)
    kept = np.ones(len(points), bool)
    if len(points) < 2:
        return kept
    pairs = cKDTree(points).query_pairs(float(2 * share * radius.max()), output_type="ndarray")
    distance = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    same = pairs[distance < share * (radius[pairs[:, 0]] + radius[pairs[:, 1]])]
    better = np.where(strength[same[:, 0]] >= strength[same[:, 1]], same[:, 0], same[:, 1])
    worse = same.sum(axis=1) - better
    for index in np.argsort(-strength[better], kind="stable"):
        if kept[better[index]]:
            kept[worse[index]] = False
    return kept


def segment_field(
    field: FlatField, parameters: ImagingParameters, usable: NDArray[np.bool_] | None = None
) -> CellRegions:
    """Segment a flattened scan; see `segment_cells`."""
    limit = slope_limit(field, parameters)
    candidates = _within(usable, find_candidates(field, limit, parameters), field.grey.shape)
    if len(candidates[0]) == 0:
        return CellRegions.none()
    centres, outlines = _refine(field, candidates, parameters)
    coverage = np.mean(outlines.rim > limit, axis=1, dtype=np.float32)
    seen = coverage >= parameters.smallest_coverage
    area, _, _ = outline_centroids(outlines.radii)
    radius = np.sqrt(area / np.float32(np.pi))
    strength = np.where(seen, coverage * np.minimum(outlines.rim, 4 * limit).mean(axis=1), 0)
    kept = seen & _drop_doubles(centres, radius, strength, parameters.own_share)
    regions = measure_regions(field, centres, outlines, limit)
    return regions.select(kept)


def segment_cells(
    image: NDArray[np.uint8],
    parameters: ImagingParameters,
    usable: NDArray[np.bool_] | None = None,
) -> CellRegions:
    """Segment a scan image.

    Parameters
    ----------
    image
        Shape (H, W).
    parameters
        One set for the instrument, whatever the outlet.
    usable
        Coarse mask of any size spread over the image; candidates outside it are not searched.

    Returns
    -------
    CellRegions
        Everything cell-like, judged by `judge_cells`.
    """
    return segment_field(flatten(image, parameters), parameters, usable)
