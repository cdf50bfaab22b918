"""The one call a worker makes per image: verdict, cells, and the verdict on each cell."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.exposure import check_exposure, check_light
from app.domain.imaging.flattening import flatten
from app.domain.imaging.judgement import CellJudgement, judge_cells
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import CellRegions
from app.domain.imaging.segmentation import segment_field
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
        Of all pixels, 0-255.
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
    """An image's verdict and its cells with theirs; no cells when the image is rejected."""

    image: ImageInspection
    regions: CellRegions
    judgements: tuple[CellJudgement, ...]

    @property
    def accepted(self) -> NDArray[np.bool_]:
        """Shape (n,): which regions are accepted cells."""
        return np.array([j.verdict is Verdict.ACCEPTED for j in self.judgements], bool)


def _check_cells(regions: CellRegions, parameters: ImagingParameters) -> tuple[Finding, ...]:
    if len(regions) >= parameters.fewest_cells:
        return ()
    return (
        Finding(
            "empty",
            Level.REJECT,
            len(regions),
            parameters.fewest_cells,
            f"Only {len(regions)} cells are in view, {parameters.fewest_cells} are needed; "
            "move to a place with cells and take the image again.",
        ),
    )


def inspect_and_segment(image: NDArray[np.uint8], parameters: ImagingParameters) -> Inspection:
    """Inspect an image, find its cells and judge them.

    Parameters
    ----------
    image
        Shape (H, W).
    """
    field = flatten(image, parameters)
    findings = check_exposure(image, field, parameters) + check_light(field, parameters)
    regions = segment_field(field, parameters)
    judgements = judge_cells(image, regions, parameters)
    findings += _check_cells(regions, parameters)
    rejected = any(finding.level is Level.REJECT for finding in findings)
    inspected = ImageInspection(
        verdict=Verdict.REJECTED if rejected else Verdict.ACCEPTED,
        findings=findings,
        usable=None,
        mean_grey=float(field.grey.mean()),
        sd_grey=float(field.grey.std()),
        focus=_typical_rim(regions),
    )
    if rejected:
        return Inspection(inspected, CellRegions.none(), ())
    return Inspection(inspected, regions, judgements)


def _typical_rim(regions: CellRegions) -> float:
    return float(np.median(regions.rim_width_um)) if len(regions) else 0.0


def inspect_image(image: NDArray[np.uint8], parameters: ImagingParameters) -> ImageInspection:
    """Inspect an image alone; the focus is read from its cells, so they are searched as well."""
    return inspect_and_segment(image, parameters).image
