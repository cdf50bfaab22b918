"""The verdict on each cell, in place of the manual review of crops."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from app.domain.imaging.crops import has_crop
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import RADIUS_UNIT_PX, CellRegions, look_up
from app.domain.quality import Verdict

PARTIAL, SEVERAL, BLURRED, DEBRIS = "partial", "several", "blurred", "debris"
OUTSIDE_USABLE = "outside_usable"


@dataclass(frozen=True)
class CellJudgement:
    """Verdict on one cell, `ACCEPTED` or `REJECTED`, and the codes that led to it."""

    verdict: Verdict
    findings: tuple[str, ...]


def _is_partial(regions: CellRegions, shape: tuple[int, int]) -> NDArray[np.bool_]:
    reach = regions.radii.max(axis=1, initial=0) * np.float32(RADIUS_UNIT_PX)
    leaves = np.zeros(len(regions), bool)
    for centre, side_px in ((regions.row, shape[0]), (regions.column, shape[1])):
        leaves |= (centre - reach < 0) | (centre + reach > side_px - 1)
    return leaves | ~has_crop(regions.row, regions.column, shape)


def _is_overlapping(regions: CellRegions, parameters: ImagingParameters) -> NDArray[np.bool_]:
    overlapping = np.zeros(len(regions), bool)
    cells = np.flatnonzero(
        ~is_debris(regions, parameters)
    )  # a speck beside a cell is no second one
    if len(cells) < 2:
        return overlapping
    points = np.stack([regions.row, regions.column], axis=1)[cells]
    radius = regions.diameter_um[cells] / np.float32(2 * parameters.um_per_px)
    share = parameters.touching_share
    pairs = cKDTree(points).query_pairs(float(2 * share * radius.max()), output_type="ndarray")
    distance = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    near = distance < share * (radius[pairs[:, 0]] + radius[pairs[:, 1]])
    overlapping[cells[pairs[near].ravel()]] = True
    return overlapping


def _is_unusable(
    regions: CellRegions, shape: tuple[int, int], usable: NDArray[np.bool_] | None
) -> NDArray[np.bool_]:
    if usable is None:
        return np.zeros(len(regions), bool)
    return ~look_up(usable, regions.row / shape[0], regions.column / shape[1])


def is_blurred(regions: CellRegions, parameters: ImagingParameters) -> NDArray[np.bool_]:
    """Tell cells whose rim is too wide, by itself or beside the image's other cells."""
    if len(regions) == 0:
        return np.zeros(0, bool)
    usual = float(np.median(regions.rim_width_um))
    widest = min(parameters.widest_rim_um, parameters.widest_rim_ratio * usual)
    return np.asarray(regions.rim_width_um > widest)


def is_debris(regions: CellRegions, parameters: ImagingParameters) -> NDArray[np.bool_]:
    """Tell what is too small, too ragged or too faint beside the image's cells."""
    if len(regions) == 0:
        return np.zeros(0, bool)
    faintest = parameters.faintest_rim_share * float(np.median(regions.rim_contrast))
    return np.asarray(
        (regions.diameter_um < parameters.smallest_diameter_um)
        | (regions.elongation > parameters.largest_elongation)
        | (regions.circularity < parameters.smallest_circularity)
        | (regions.rim_contrast < faintest)
        | (regions.rim_contrast < parameters.smallest_prominence * regions.surround_contrast)
    )


def refuse_cells(judgements: tuple[CellJudgement, ...]) -> tuple[CellJudgement, ...]:
    """Reject every cell of an image of which no part is usable."""
    return tuple(
        _judgement(tuple(dict.fromkeys((*judged.findings, OUTSIDE_USABLE))))
        for judged in judgements
    )


def judge_cells(
    image: NDArray[np.uint8],
    regions: CellRegions,
    parameters: ImagingParameters,
    usable: NDArray[np.bool_] | None = None,
) -> tuple[CellJudgement, ...]:
    """Judge every region of an image.

    Parameters
    ----------
    image
        Shape (H, W); only its size is looked at, the measures are in `regions`.
    usable
        Coarse mask of any size spread over the image.
    """
    shape = (image.shape[0], image.shape[1])
    flags = {
        PARTIAL: _is_partial(regions, shape),
        SEVERAL: (regions.diameter_um > parameters.largest_diameter_um)
        | _is_overlapping(regions, parameters),
        BLURRED: is_blurred(regions, parameters),
        DEBRIS: is_debris(regions, parameters),
        OUTSIDE_USABLE: _is_unusable(regions, shape, usable),
    }
    return tuple(
        _judgement(tuple(code for code, flagged in flags.items() if flagged[index]))
        for index in range(len(regions))
    )


def _judgement(codes: tuple[str, ...]) -> CellJudgement:
    return CellJudgement(Verdict.REJECTED if codes else Verdict.ACCEPTED, codes)
