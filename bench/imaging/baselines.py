"""Other ways to find the cells, beside Pliant's own: what the table compares it with.

All work on images of 0.1825 µm per px; others are resized first. Numbers that no source gives
were chosen once on drawn images of the published look, and are the same for every look.
"""

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import feature, filters, measure, segmentation

from bench.imaging.fields import USUAL_UM_PER_PX, Found, Method

Grey = NDArray[np.uint8]
_ELLIPSE: Final = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))

PUBLISHED_AREA_PX: Final = (100, 2000)
CROP_PX: Final = 60

HOUGH_RADIUS_PX: Final = (11, 26)
HOUGH_APART_PX: Final = 17
HOUGH_EDGE: Final = 140
HOUGH_VOTES: Final = 13

GENERAL_SHRINK: Final = 2
GENERAL_SIGMA_PX: Final = 1.0
GENERAL_BACKGROUND_PX: Final = 20.0
GENERAL_APART_PX: Final = 5
GENERAL_SMALLEST_PX: Final = 60
GENERAL_FAINTEST: Final = 0.015


def at_usual_size(find: Callable[[Grey], Found]) -> Method:
    """Make a method of a search that knows one pixel size only."""

    def method(pixels: Grey, *, um_per_px: float) -> Found:
        scale = um_per_px / USUAL_UM_PER_PX
        if abs(scale - 1) < 0.01:
            return find(pixels)
        shrinks = scale < 1
        flags = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        resized = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=flags)
        found = find(np.asarray(resized, np.uint8))
        outlines = found.outlines and tuple((o + 0.5) / scale - 0.5 for o in found.outlines)
        return Found(
            centres=(found.centres + 0.5) / scale - 0.5,
            outlines=outlines,
            is_accepted=found.is_accepted,
        )

    return method


def find_as_published(grey: Grey) -> Found:
    """The published segmentation, in our own words.

    Steep places (Sobel after a Gaussian of σ 1, clipped to two SDs around the mean; the brightest
    of three Otsu classes), thinned twice, parts of a cell's size, filled; a crop around each
    centroid counts if its own steep places form exactly one part.

    References
    ----------
    Lamoureux et al., Lab on a Chip 22 (2022) 26-39 and Data in Brief 47 (2023) 108928.
    """
    steep = _measure_steepness(grey)
    mask = (steep > filters.threshold_multiotsu(steep, classes=3)[-1]).astype(np.uint8)
    thin = cv2.erode(mask, _ELLIPSE, iterations=2)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(thin)
    area = stats[:, cv2.CC_STAT_AREA]
    of_size = (area >= PUBLISHED_AREA_PX[0]) & (area <= PUBLISHED_AREA_PX[1])
    of_size[0] = False
    body = cv2.dilate(of_size[parts].astype(np.uint8), _ELLIPSE, iterations=2)
    filled = np.asarray(ndimage.binary_fill_holes(body), np.uint8)
    found = _outline_parts(np.asarray(cv2.connectedComponents(filled)[1], np.int32))
    is_single = np.array([_shows_one_cell(grey, *centre) for centre in found.centres], bool)
    return _keep(found, is_single)


def _measure_steepness(grey: Grey) -> Grey:
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.0).astype(np.float32)
    slope = cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    mean, sd = float(slope.mean()), float(slope.std())
    low, high = max(0.0, mean - 2 * sd), mean + 2 * sd
    share = (np.clip(slope, low, high) - low) / max(high - low, 1e-6)
    return np.asarray(share * 255, np.uint8)


def _shows_one_cell(grey: Grey, row: float, column: float) -> bool:
    top, left = round(row) - CROP_PX // 2, round(column) - CROP_PX // 2
    if min(top, left) < 0 or top + CROP_PX > grey.shape[0] or left + CROP_PX > grey.shape[1]:
        return False
    steep = _measure_steepness(grey[top : top + CROP_PX, left : left + CROP_PX])
    _, mask = cv2.threshold(steep, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    n_parts, _ = cv2.connectedComponents(cv2.dilate(mask, _ELLIPSE, iterations=2))
    return n_parts == 2


def find_circles(grey: Grey) -> Found:
    """Hough circles after contrast-limited histogram equalisation."""
    even = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(grey)
    circles = cv2.HoughCircles(
        cv2.medianBlur(even, 5), cv2.HOUGH_GRADIENT, dp=1.0, minDist=HOUGH_APART_PX,
        param1=HOUGH_EDGE, param2=HOUGH_VOTES,
        minRadius=HOUGH_RADIUS_PX[0], maxRadius=HOUGH_RADIUS_PX[1],
    )  # fmt: skip
    if circles is None:
        return Found.nothing()
    columns, rows, radii = circles.reshape(-1, 3).T.astype(np.float64)
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    outlines = tuple(
        np.stack([row + radius * np.sin(angle), column + radius * np.cos(angle)], axis=1)
        for row, column, radius in zip(rows, columns, radii, strict=True)
    )
    accepted = np.ones(len(rows), bool)
    return Found(centres=np.stack([rows, columns], axis=1), outlines=outlines, is_accepted=accepted)


def find_by_watershed(grey: Grey) -> Found:
    """What scikit-image offers for grains and coins, in its documentation's own order.

    Half size, background divided out, Sobel, Otsu, holes filled, small parts removed, distance
    transform, one seed per maximum, watershed.

    References
    ----------
    van der Walt et al., PeerJ 2 (2014) e453; the gallery's coins and watershed examples.
    """
    size = (grey.shape[1] // GENERAL_SHRINK, grey.shape[0] // GENERAL_SHRINK)
    half = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA))
    smooth = filters.gaussian(half, GENERAL_SIGMA_PX, preserve_range=True)
    ground = filters.gaussian(smooth, GENERAL_BACKGROUND_PX)
    edges = filters.sobel(smooth / np.maximum(ground, 1))
    limit = max(float(filters.threshold_otsu(edges)), GENERAL_FAINTEST)
    closed = ndimage.binary_closing(edges > limit, iterations=2)
    bodies = ndimage.binary_opening(ndimage.binary_fill_holes(closed), iterations=2)
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(bodies), 1.0)
    seeds = feature.peak_local_max(
        distance, min_distance=GENERAL_APART_PX, labels=measure.label(bodies), exclude_border=False
    )
    markers = np.zeros(half.shape, np.int32)
    markers[tuple(seeds.T)] = np.arange(1, len(seeds) + 1)
    parts = segmentation.watershed(-distance, markers, mask=bodies)
    found = _outline_parts(parts, smallest_px=GENERAL_SMALLEST_PX)
    assert found.outlines is not None
    return Found(
        centres=(found.centres + 0.5) * GENERAL_SHRINK - 0.5,
        outlines=tuple((outline + 0.5) * GENERAL_SHRINK - 0.5 for outline in found.outlines),
        is_accepted=found.is_accepted,
    )


def _outline_parts(labels: NDArray[np.int32], *, smallest_px: int = 0) -> Found:
    """Centroid and outer contour of each label's largest part."""
    centres, outlines = [], []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        mask = (labels[box] == label).astype(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        contour = max(contours, key=len)[:, 0, ::-1]
        moments = cv2.moments(mask, binaryImage=True)
        if moments["m00"] < max(smallest_px, 1) or len(contour) < 3:
            continue
        corner = np.array([box[0].start, box[1].start])
        middle = np.array([moments["m01"], moments["m10"]]) / moments["m00"]
        centres.append(middle + corner)
        outlines.append((contour + corner).astype(np.float64))
    accepted = np.ones(len(centres), bool)
    return Found(
        centres=np.array(centres).reshape(-1, 2), outlines=tuple(outlines), is_accepted=accepted
    )


def _keep(found: Found, kept: NDArray[np.bool_]) -> Found:
    outlines = found.outlines or ()
    return Found(
        centres=found.centres[kept],
        outlines=tuple(o for o, keep in zip(outlines, kept, strict=True) if keep),
        is_accepted=found.is_accepted[kept],
    )
