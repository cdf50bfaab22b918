"""The verdict on each cell, in place of the manual review of crops."""

from dataclasses import dataclass
from itertools import compress
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.crops import CROP_PX
from app.domain.imaging.outliner import KINDS
from app.domain.imaging.outlines import measure_gaps
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import RADIUS_UNIT_PX, CellRegions, look_up
from app.domain.quality import Verdict

SINGLE = "single"
PARTIAL, SEVERAL, BLURRED, DEBRIS = "partial", "several", "blurred", "debris"
WRONG_TYPE, OUTSIDE_USABLE = "wrong_type", "outside_usable"

Probabilities = NDArray[np.float32]

_SURE: Final = 0.999
"""No probability is nearer to 0 or 1 than this leaves."""
_NARROWEST_UM: Final = 0.01
"""No limit on widths is below this."""
_MAD_TO_SD: Final = 1.4826
_EDGE_PX: Final = 0.5
_SIZE_SHARE: Final = 0.03
_SHAPE_SHARE: Final = 0.05
"""How far beyond a limit a measure must be to make a fault likely (73 %): px for places, shares
of the limit for sizes and for shapes, rims and focus."""


@dataclass(frozen=True)
class CellJudgement:
    """Verdict on one cell.

    Attributes
    ----------
    verdict
        `ACCEPTED` or `REJECTED`.
    findings
        The codes of the faults that led to it.
    probability
        0-1, that the cell is what the verdict says: that it has the likeliest of these faults,
        or that it lacks the likeliest of all.
    """

    verdict: Verdict
    findings: tuple[str, ...]
    probability: float


def _likely(excess: NDArray[np.floating[Any]]) -> Probabilities:
    """Turn how far a limit is exceeded into a probability, a half at the limit."""
    return np.asarray(1 / (1 + np.exp(-np.clip(excess, -30, 30))), np.float32)


def _above(values: NDArray[np.float32], limit: float, *, share: float) -> Probabilities:
    return _likely((values - limit) / (share * limit))


def _is_partial(regions: CellRegions, shape: tuple[int, int]) -> Probabilities:
    """Tell cells that the image's edge cuts, or that leave no room for a whole crop."""
    reach = regions.radii.max(axis=1, initial=0) * np.float32(RADIUS_UNIT_PX)
    overhang = np.full(len(regions), -np.inf)
    half = CROP_PX // 2
    for centre, side_px in ((regions.row, shape[0]), (regions.column, shape[1])):
        rounded = np.rint(centre)
        for beyond in (reach - centre, centre + reach - (side_px - 1)):
            overhang = np.maximum(overhang, beyond)
        for beyond in (half - rounded, rounded + half - side_px):
            overhang = np.maximum(overhang, beyond - _EDGE_PX)
    return _likely(overhang / _EDGE_PX)


def _is_unusable(
    regions: CellRegions, shape: tuple[int, int], usable: NDArray[np.bool_] | None
) -> Probabilities:
    if usable is None:
        return np.zeros(len(regions), np.float32)
    outside = ~look_up(usable, regions.row / shape[0], regions.column / shape[1])
    return outside.astype(np.float32)


def p_kind(regions: CellRegions, kind: str) -> Probabilities:
    """Read the outliner's probability of one of its kinds, shape (n,)."""
    return np.asarray(regions.p_kinds[:, KINDS.index(kind)])


def _believed(p: Probabilities, least: float) -> Probabilities:
    """Move probabilities so that a half stands where they come to be believed."""
    return np.asarray(p * (1 - least) / (p * (1 - least) + (1 - p) * least), np.float32)


def _p_fault(regions: CellRegions, kind: str, parameters: ImagingParameters) -> Probabilities:
    """Judge by the outliner's word alone; the likeliest fault stands for all of them.

    Where it wavers between several and debris, say, neither may be likely by itself.
    """
    faults = regions.p_kinds[:, 1:]
    is_likeliest = faults.argmax(axis=1) == KINDS.index(kind) - 1
    p = np.where(is_likeliest, faults.sum(axis=1), p_kind(regions, kind))
    return _believed(p, parameters.least_p_kind)


def p_several(regions: CellRegions, parameters: ImagingParameters) -> Probabilities:
    """Judge what is more than one cell, shape (n,): by the outliner or by a touching neighbour."""
    p = _p_fault(regions, SEVERAL, parameters)
    cells = np.flatnonzero(~is_debris(regions, parameters))
    if len(cells) < 2:
        return p
    places = np.stack([regions.row, regions.column], axis=1)[cells]
    radii_px = regions.radii[cells] * np.float32(RADIUS_UNIT_PX)
    least_px = parameters.smallest_gap_um / parameters.um_per_px
    pairs, gaps_px = measure_gaps(places, radii_px, reach=2 * float(radii_px.max()) + least_px)
    touching = _likely((least_px - gaps_px) / _EDGE_PX)
    for side in pairs.T:
        np.maximum.at(p, cells[side], touching)
    return p


def _widest_rim_um(regions: CellRegions, parameters: ImagingParameters) -> float:
    """Give the width above which a rim stands out from the image's own, as far as noise lets it."""
    usual = float(np.median(regions.rim_width_um))
    scatter = _MAD_TO_SD * float(np.median(np.abs(regions.rim_width_um - usual)))
    standing_out = max(
        parameters.blurred_rim_ratio * usual, usual + parameters.rim_scatter_factor * scatter
    )
    return max(min(parameters.widest_rim_um, standing_out), _NARROWEST_UM)


def p_blurred(regions: CellRegions, parameters: ImagingParameters) -> Probabilities:
    """Judge which cells are out of focus, shape (n,): by the outliner or by too wide a rim."""
    if len(regions) == 0:
        return np.zeros(0, np.float32)
    widest = _widest_rim_um(regions, parameters)
    wide = _above(regions.rim_width_um, widest, share=_SHAPE_SHARE)
    return np.maximum(_p_fault(regions, BLURRED, parameters), wide)


def p_debris(regions: CellRegions, parameters: ImagingParameters) -> Probabilities:
    """Judge what is no cell, shape (n,): by the outliner, or too ragged to be one."""
    ragged = np.maximum(
        _above(regions.elongation, parameters.largest_elongation, share=_SHAPE_SHARE),
        _likely((parameters.smallest_circularity - regions.circularity) / _SHAPE_SHARE),
    )
    return np.maximum(_p_fault(regions, DEBRIS, parameters), ragged)


def is_debris(regions: CellRegions, parameters: ImagingParameters) -> NDArray[np.bool_]:
    """Tell what is no cell, shape (n,)."""
    return np.asarray(p_debris(regions, parameters) > parameters.largest_p_fault)


def is_blurred(regions: CellRegions, parameters: ImagingParameters) -> NDArray[np.bool_]:
    """Tell cells that are out of focus, shape (n,)."""
    return np.asarray(p_blurred(regions, parameters) > parameters.largest_p_fault)


def _is_wrong_type(regions: CellRegions, parameters: ImagingParameters) -> Probabilities:
    """Tell what is shaped like a cell but has no red cell's size: leukocytes, platelets."""
    size = regions.diameter_um
    large = _above(size, parameters.largest_diameter_um, share=_SIZE_SHARE)
    small = 1 - _above(size, parameters.smallest_diameter_um, share=_SIZE_SHARE)
    return np.maximum(large, small)


def refuse_cells(judgements: tuple[CellJudgement, ...]) -> tuple[CellJudgement, ...]:
    """Reject every cell of an image of which no part is usable."""
    return tuple(
        CellJudgement(
            Verdict.REJECTED, tuple(dict.fromkeys((*judged.findings, OUTSIDE_USABLE))), _SURE
        )
        for judged in judgements
    )


def judge_cells(
    image: NDArray[np.uint8],
    regions: CellRegions,
    parameters: ImagingParameters,
    usable: NDArray[np.bool_] | None = None,
) -> tuple[CellJudgement, ...]:
    """Judge every region of an image.

    A cell near others stays accepted while its own outline is clear: its crop shows the
    neighbour, as the published crops did. `several` is where outlines touch, or where the outliner
    cannot tell them apart.

    Parameters
    ----------
    image
        Shape (H, W); only its size is looked at, the measures are in `regions`.
    usable
        Coarse mask of any size spread over the image.
    """
    shape = (image.shape[0], image.shape[1])
    faults = {
        PARTIAL: _is_partial(regions, shape),
        SEVERAL: p_several(regions, parameters),
        BLURRED: p_blurred(regions, parameters),
        DEBRIS: p_debris(regions, parameters),
        WRONG_TYPE: _is_wrong_type(regions, parameters),
        OUTSIDE_USABLE: _is_unusable(regions, shape, usable),
    }
    return _decide(faults, parameters.largest_p_fault)


def _decide(faults: dict[str, Probabilities], limit: float) -> tuple[CellJudgement, ...]:
    codes = tuple(faults)
    p_faults = np.stack(list(faults.values()), axis=1)
    flagged = p_faults > limit
    is_flagged = np.asarray(flagged.any(axis=1))
    worst = np.clip(p_faults.max(axis=1, initial=0), 1 - _SURE, _SURE)
    sure = np.where(is_flagged, worst, 1 - worst)
    # Lists of plain values: an array per cell would cost more than all else in here.
    hits: list[list[bool]] = flagged.tolist()
    p_verdicts: list[float] = sure.tolist()
    return tuple(
        CellJudgement(Verdict.REJECTED, tuple(compress(codes, hit)), p)
        if any(hit)
        else CellJudgement(Verdict.ACCEPTED, (), p)
        for hit, p in zip(hits, p_verdicts, strict=True)
    )
