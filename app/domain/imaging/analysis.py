"""The one call a worker makes per image: verdict, cells, and the verdict on each cell."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.candidates import find_dark_bodies, slope_limit
from app.domain.imaging.exposure import check_exposure, check_light
from app.domain.imaging.flattening import FlatField, flatten
from app.domain.imaging.focus import Focus, measure_focus, report_blur
from app.domain.imaging.judgement import (
    BLURRED,
    OUTSIDE_USABLE,
    PARTIAL,
    CellJudgement,
    is_blurred,
    is_debris,
    judge_cells,
    refuse_cells,
)
from app.domain.imaging.modality import (
    measure_explained_share,
    report_clumps,
    report_modality,
)
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import CellRegions, look_up
from app.domain.imaging.segmentation import segment_field
from app.domain.imaging.well import (
    WellView,
    choose_side,
    has_long_lines,
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

    A rejected image keeps its cells, all of them rejected, only where they are cells: when it is
    out of focus.
    """

    image: ImageInspection
    regions: CellRegions
    judgements: tuple[CellJudgement, ...]

    @property
    def accepted(self) -> NDArray[np.bool_]:
        """Shape (n,): which regions are accepted cells."""
        return np.array([j.verdict is Verdict.ACCEPTED for j in self.judgements], bool)


def inspect_and_segment(image: NDArray[np.uint8], parameters: ImagingParameters) -> Inspection:
    """Inspect an image, find its cells and judge them.

    Parameters
    ----------
    image
        Shape (H, W).
    """
    field = flatten(image, parameters)
    view = view_well(field, parameters)
    findings = check_exposure(image, field, parameters)
    if not findings and field.ordinary_slope > parameters.coarsest_texture:
        findings = report_modality(0.0, parameters)
    if findings:
        return _without_cells(field, findings)
    regions = segment_field(field, parameters, view.free)
    cells = regions.select(~is_debris(regions, parameters))
    usable = choose_side(view, cells, _shape(image), parameters)
    content = _check_content(field, view, cells, usable, parameters)
    if content:
        return _without_cells(field, content)
    return _judge(image, field, regions, usable, parameters)


def inspect_image(image: NDArray[np.uint8], parameters: ImagingParameters) -> ImageInspection:
    """Inspect an image alone; the focus is read from its cells, so they are searched as well."""
    return inspect_and_segment(image, parameters).image


def _shape(image: NDArray[np.uint8]) -> tuple[int, int]:
    return image.shape[0], image.shape[1]


def _without_cells(field: FlatField, findings: tuple[Finding, ...]) -> Inspection:
    image = _summarise(field, Verdict.REJECTED, findings, usable=None, focus=0.0)
    return Inspection(image, CellRegions.none(), ())


def _summarise(
    field: FlatField,
    verdict: Verdict,
    findings: tuple[Finding, ...],
    *,
    usable: NDArray[np.bool_] | None,
    focus: float,
) -> ImageInspection:
    mean, sd = (float(value[0, 0]) for value in cv2.meanStdDev(field.grey))
    return ImageInspection(verdict, findings, usable, mean, sd, focus)


def _check_content(
    field: FlatField,
    view: WellView,
    cells: CellRegions,
    usable: NDArray[np.bool_],
    parameters: ImagingParameters,
) -> tuple[Finding, ...]:
    """Find a reason why there are no cells, or why what was found cannot be cells."""
    limit = slope_limit(field, parameters)
    if len(cells) < parameters.fewest_cells:
        return _explain_absence(field, view, len(cells), limit, parameters)
    outside = report_outside(float(usable.mean()), parameters)
    if any(finding.level is Level.REJECT for finding in outside):
        return outside
    explained = measure_explained_share(field, cells, usable, limit, parameters)
    return report_modality(explained, parameters) or check_light(field, usable, parameters)


def _explain_absence(
    field: FlatField, view: WellView, n_cells: int, limit: float, parameters: ImagingParameters
) -> tuple[Finding, ...]:
    """Say why hardly any cell was found: wall or scratches, blur, something else, or nothing."""
    none = CellRegions.none()
    explained = measure_explained_share(field, none, view.free, limit, parameters)
    steep_share = float(np.mean(field.slope > limit))
    if steep_share > parameters.largest_steep_share:
        return report_modality(explained, parameters)
    if view.has_wall or has_long_lines(field, limit, parameters):
        return report_outside(0.0, parameters)
    if len(find_dark_bodies(field, parameters)) >= parameters.fewest_cells:
        nothing_sharp = Focus(0.0, np.zeros((1, 1), bool))
        return report_blur(nothing_sharp, rim_width_um=0.0, parameters=parameters)
    return (
        Finding(
            "empty",
            Level.REJECT,
            n_cells,
            parameters.fewest_cells,
            f"Only {n_cells} cells are in view where {parameters.fewest_cells} are needed; move to "
            "a place with cells and take the image again.",
        ),
    )


def _judge(
    image: NDArray[np.uint8],
    field: FlatField,
    regions: CellRegions,
    usable: NDArray[np.bool_],
    parameters: ImagingParameters,
) -> Inspection:
    """Judge focus and cells of an image that shows cells."""
    cells = regions.select(~is_debris(regions, parameters))
    width_um = float(np.median(cells.rim_width_um))
    focus = _measure_focus(image, field, cells, usable, parameters)
    findings = report_outside(float(usable.mean()), parameters) + report_blur(
        focus, rim_width_um=width_um, parameters=parameters
    )
    if any(finding.level is Level.REJECT for finding in findings):
        rejected = _summarise(field, Verdict.REJECTED, findings, usable=None, focus=width_um)
        return Inspection(rejected, regions, refuse_cells(judge_cells(image, regions, parameters)))
    usable = _without_blurred(usable, focus)
    mask = None if usable.all() else usable
    judged = judge_cells(image, regions, parameters, mask)
    clumps = report_clumps(*_count_single(judged), parameters)
    if clumps:
        return _without_cells(field, findings + clumps)
    verdict = Verdict.ACCEPTED if mask is None else Verdict.PARTLY
    summary = _summarise(field, verdict, findings, usable=mask, focus=width_um)
    return Inspection(summary, regions, judged)


def _count_single(judged: tuple[CellJudgement, ...]) -> tuple[int, int]:
    """Count accepted cells, and those that neither place nor focus speaks against."""
    no_fault = {PARTIAL, OUTSIDE_USABLE, BLURRED}
    n_judged = sum(no_fault.isdisjoint(cell.findings) for cell in judged)
    return sum(cell.verdict is Verdict.ACCEPTED for cell in judged), n_judged


def _measure_focus(
    image: NDArray[np.uint8],
    field: FlatField,
    cells: CellRegions,
    usable: NDArray[np.bool_],
    parameters: ImagingParameters,
) -> Focus:
    sharp = cells.select(~is_blurred(cells, replace(parameters, widest_rim_ratio=np.inf)))
    places = np.stack([sharp.row / image.shape[0], sharp.column / image.shape[1]], axis=1)
    bodies = find_dark_bodies(field, parameters)
    bodies = bodies[look_up(usable, bodies[:, 0], bodies[:, 1])]
    return measure_focus(bodies, places, parameters)


def _without_blurred(usable: NDArray[np.bool_], focus: Focus) -> NDArray[np.bool_]:
    if not focus.blurred_tiles.any():
        return usable
    size = (usable.shape[1], usable.shape[0])
    blurred = cv2.resize(
        focus.blurred_tiles.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST
    )
    return np.asarray(usable & (blurred == 0), bool)
