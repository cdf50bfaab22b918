"""The one call a worker makes per image: verdict, cells, and the verdict on each cell."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.activity import measure_activity
from app.domain.imaging.content import check_content, explain_absence
from app.domain.imaging.exposure import check_exposure, is_hopeless
from app.domain.imaging.flattening import FlatField, flatten
from app.domain.imaging.focus import Focus, find_bodies, measure_focus
from app.domain.imaging.judgement import (
    CellJudgement,
    is_blurred,
    is_debris,
    judge_cells,
    refuse_cells,
)
from app.domain.imaging.outliner import Outliner
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import CellRegions, look_up
from app.domain.imaging.segmentation import segment_field
from app.domain.imaging.well import (
    choose_side,
    report_outside,
    view_well,
)
from app.domain.quality import Finding, Level, Verdict


@dataclass(frozen=True)
class ImageInspection:
    """What is known about an image as a whole.

    Attributes
    ----------
    verdict
        `ACCEPTED`, `PARTLY` (then `usable` says where) or `REJECTED`.
    usable
        Coarse mask spread over the image, None when all of it is usable or none is.
    mean_grey, sd_grey
        Of all pixels, 0-255, at working resolution.
    focus
        Median rim width of the cells, µm: small is sharp; 0 without cells.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    usable: NDArray[np.bool_] | None
    mean_grey: float
    sd_grey: float
    focus: float


@dataclass(frozen=True)
class Inspection:
    """An image's verdict and its cells with theirs.

    A rejected image keeps what was outlined, all of it rejected: a technician may restore it.
    """

    image: ImageInspection
    regions: CellRegions
    judgements: tuple[CellJudgement, ...]

    @property
    def accepted(self) -> NDArray[np.bool_]:
        """Shape (n,): which regions are accepted cells."""
        return np.array([j.verdict is Verdict.ACCEPTED for j in self.judgements], bool)


def inspect_and_segment(
    image: NDArray[np.uint8], parameters: ImagingParameters, outliner: Outliner
) -> Inspection:
    """Inspect an image, find its cells and judge them.

    Parameters
    ----------
    image
        Shape (H, W).
    parameters
        One set for the instrument, whatever the outlet.
    outliner
        Runs at most once.
    """
    field = flatten(image, parameters)
    view = view_well(field, parameters)
    exposure = check_exposure(image, field, parameters)
    if is_hopeless(exposure):
        return _refuse(image, field, CellRegions.none(), exposure, parameters)
    activity = measure_activity(field)
    regions = segment_field(field, activity, parameters, outliner, view.free)
    cells = regions.select(~is_debris(regions, parameters))
    if len(cells) < parameters.fewest_cells:
        absence = exposure or explain_absence(field, view, len(cells), parameters)
        return _refuse(image, field, regions, absence, parameters)
    usable = choose_side(view, cells, _shape(image), parameters)
    focus = _measure_focus(image, field, cells, usable, parameters)
    findings = report_outside(float(usable.mean()), parameters)
    if not _is_rejected(findings):
        findings += check_content(
            field, activity.tiles, regions, usable, focus, exposure, parameters
        )
    if _is_rejected(findings):
        return _refuse(image, field, regions, findings, parameters)
    usable = _without_blurred(usable, focus)
    mask = None if usable.all() else usable
    verdict = Verdict.ACCEPTED if mask is None else Verdict.PARTLY
    summary = _summarise(field, verdict, findings, usable=mask, regions=regions)
    return Inspection(summary, regions, judge_cells(image, regions, parameters, mask))


def _is_rejected(findings: tuple[Finding, ...]) -> bool:
    return any(finding.level is Level.REJECT for finding in findings)


def _shape(image: NDArray[np.uint8]) -> tuple[int, int]:
    return image.shape[0], image.shape[1]


def _summarise(
    field: FlatField,
    verdict: Verdict,
    findings: tuple[Finding, ...],
    *,
    usable: NDArray[np.bool_] | None,
    regions: CellRegions,
) -> ImageInspection:
    focus = float(np.median(regions.rim_width_um)) if len(regions) else 0.0
    mean, sd = (float(value[0, 0]) for value in cv2.meanStdDev(field.grey))
    return ImageInspection(verdict, findings, usable, mean, sd, focus)


def _refuse(
    image: NDArray[np.uint8],
    field: FlatField,
    regions: CellRegions,
    findings: tuple[Finding, ...],
    parameters: ImagingParameters,
) -> Inspection:
    """Reject an image with all its cells, which stay on record."""
    summary = _summarise(field, Verdict.REJECTED, findings, usable=None, regions=regions)
    return Inspection(summary, regions, refuse_cells(judge_cells(image, regions, parameters)))


def _measure_focus(
    image: NDArray[np.uint8],
    field: FlatField,
    cells: CellRegions,
    usable: NDArray[np.bool_],
    parameters: ImagingParameters,
) -> Focus:
    places = np.stack([cells.row / image.shape[0], cells.column / image.shape[1]], axis=1)
    bodies = find_bodies(field, parameters)
    bodies = bodies[look_up(usable, bodies[:, 0], bodies[:, 1])]
    is_sharp = cells.rim_width_um <= parameters.widest_usual_rim_um
    is_sharp &= ~is_blurred(cells, parameters)
    return measure_focus(bodies, places, cells.rim_width_um, is_sharp, parameters)


def _without_blurred(usable: NDArray[np.bool_], focus: Focus) -> NDArray[np.bool_]:
    if not focus.blurred_tiles.any():
        return usable
    size = (usable.shape[1], usable.shape[0])
    blurred = cv2.resize(
        focus.blurred_tiles.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST
    )
    return np.asarray(usable & (blurred == 0), bool)
