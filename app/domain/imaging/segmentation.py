"""Find the cells of a scan: suspected places first, then one closed outline each.

A cell here is a dark body with a bright crescent on one side and a soft shadow on the other. Its
true border is the closed ring of steep slopes; the shadow is wide but never steep. So neither
brightness nor darkness is outlined, but the outermost closed ring of steep slopes.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.candidates import (
    Centres,
    find_candidates,
    keep_within,
    slope_limit,
)
from app.domain.imaging.completion import complete_bright_side
from app.domain.imaging.flattening import FlatField, flatten
from app.domain.imaging.measures import measure_regions, read_body
from app.domain.imaging.outlines import Outlines, outline_centroids, trace_outlines
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import ANGLES, CellRegions

_FIRST_ROUNDS, _LAST_ROUNDS = 1, 1
"""Re-centrings before and after the choice among overlapping outlines."""


def _refine(
    field: FlatField, centres: Centres, parameters: ImagingParameters, *, n_rounds: int
) -> tuple[Centres, Outlines]:
    """Trace outlines, then `n_rounds` times move to their centroids and trace again."""
    furthest = np.float32(parameters.largest_drift_um / field.um_per_px)
    rows, columns = centres
    outlines = _trace(field, (rows, columns), parameters)
    for _ in range(n_rounds):
        _, down, right = outline_centroids(outlines.radii)
        rows, columns = (
            start + np.clip(here + move - start, -furthest, furthest)
            for start, here, move in zip(centres, (rows, columns), (down, right), strict=True)
        )
        outlines = _trace(field, (rows, columns), parameters)
    return (rows, columns), outlines


def _trace(field: FlatField, centres: Centres, parameters: ImagingParameters) -> Outlines:
    outlines = trace_outlines(field, *centres, parameters)
    whole = complete_bright_side(field, centres, outlines.radii, parameters)
    return replace(outlines, radii=whole)


def _is_crescent(
    field: FlatField, centres: Centres, outlines: Outlines, parameters: ImagingParameters
) -> NDArray[np.bool_]:
    """Tell outlines around a bright crescent alone: small, and not dark on the whole."""
    body = read_body(field.deviation, centres, outlines.radii).mean(axis=(1, 2))
    radius_um = outlines.radii.mean(axis=1) * field.um_per_px
    small = radius_um < parameters.crescent_share * parameters.cell_diameter_um / 2
    return np.asarray(small & (body > 0))


def _choose(
    field: FlatField, centres: Centres, outlines: Outlines, parameters: ImagingParameters
) -> NDArray[np.bool_]:
    """Keep outlines with a rim all round, strongest first, that share little area."""
    limit = slope_limit(field, parameters)
    closed = np.mean(outlines.rim > limit, axis=1) >= parameters.smallest_coverage
    closed &= ~_is_crescent(field, centres, outlines, parameters)
    return _choose_disjoint(
        centres,
        outlines.radii,
        np.where(closed, outlines.score, np.float32(-np.inf)),
        shape=field.grey.shape,
        largest_shared=parameters.largest_shared,
    )


def _choose_disjoint(
    centres: Centres,
    radii: NDArray[np.float32],
    strength: NDArray[np.float32],
    *,
    shape: tuple[int, ...],
    largest_shared: float,
) -> NDArray[np.bool_]:
    """Keep outlines, strongest first, that do not share too much area with those kept."""
    taken = np.zeros(shape, np.uint8)
    chosen = np.zeros(len(strength), bool)
    rows = np.rint(centres[0][:, None] + radii * np.sin(ANGLES)).astype(np.int32)
    columns = np.rint(centres[1][:, None] + radii * np.cos(ANGLES)).astype(np.int32)
    rows, columns = np.clip(rows, 0, shape[0] - 1), np.clip(columns, 0, shape[1] - 1)
    tops, lefts = rows.min(axis=1, initial=shape[0]), columns.min(axis=1, initial=shape[1])
    corners = np.stack([columns - lefts[:, None], rows - tops[:, None]], axis=2).astype(np.int32)
    sizes = corners.max(axis=1, initial=0) + 1
    for index in np.argsort(-strength, kind="stable"):
        if strength[index] == -np.inf:
            break
        top, left = tops[index], lefts[index]
        width, height = sizes[index].tolist()
        own = np.zeros((height, width), np.uint8)
        cv2.fillConvexPoly(own, corners[index], 1)
        below = taken[top : top + height, left : left + width]
        if cv2.countNonZero(own & below) <= largest_shared * cv2.countNonZero(own):
            chosen[index] = True
            below |= own
    return chosen


def segment_field(
    field: FlatField, parameters: ImagingParameters, usable: NDArray[np.bool_] | None = None
) -> CellRegions:
    """Segment a flattened scan; see `segment_cells`."""
    suspected = find_candidates(field, slope_limit(field, parameters), parameters)
    suspected = keep_within(usable, suspected, field.grey.shape)
    centres, outlines = _refine(field, suspected, parameters, n_rounds=_FIRST_ROUNDS)
    kept = _choose(field, centres, outlines, parameters)
    chosen = centres[0][kept], centres[1][kept]
    centres, outlines = _refine(field, chosen, parameters, n_rounds=_LAST_ROUNDS)
    kept = _choose(field, centres, outlines, parameters)
    if not kept.any():
        return CellRegions.none()
    limit = slope_limit(field, parameters)
    return measure_regions(field, centres, outlines, limit).select(kept)


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
        Coarse mask of any size spread over the image; places outside it are not searched.

    Returns
    -------
    CellRegions
        Everything cell-like, to be judged by `judge_cells`.
    """
    return segment_field(flatten(image, parameters), parameters, usable)
