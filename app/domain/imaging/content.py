"""What a scan shows as a whole: cells, something else, or nothing, and what speaks against it."""

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.exposure import check_light
from app.domain.imaging.flattening import FlatField
from app.domain.imaging.focus import Focus, find_bodies, report_blur
from app.domain.imaging.judgement import BLURRED, SINGLE, is_debris, p_kind
from app.domain.imaging.modality import measure_explained_share, report_modality
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.regions import CellRegions
from app.domain.imaging.slopes import (
    measure_edge_width,
    measure_ordinary,
    measure_slopes,
    slope_limit,
)
from app.domain.imaging.well import WellView, has_long_lines, report_outside
from app.domain.quality import Finding, Level


def check_content(
    field: FlatField,
    ranges: NDArray[np.float32],
    regions: CellRegions,
    usable: NDArray[np.bool_],
    focus: Focus,
    exposure: tuple[Finding, ...],
    parameters: ImagingParameters,
) -> tuple[Finding, ...]:
    """Find what speaks against an image with cells: other contents, light, bad focus.

    Parameters
    ----------
    ranges
        As `activity.Activity.tiles`.
    regions
        All that was outlined.
    usable
        Coarse mask of what is inside the well.
    exposure
        What is wrong with the brightness; a picture of something else is not worth retaking.
    """
    blur = report_blur(focus, parameters)
    single_share = float(np.mean(p_kind(regions, SINGLE) + p_kind(regions, BLURRED)))
    if focus.is_wide(parameters) and single_share >= parameters.smallest_single_share:
        return exposure or blur
    cells = regions.select(~is_debris(regions, parameters))
    explained = measure_explained_share(field, ranges, cells, usable, parameters)
    return (
        report_modality(explained, single_share, parameters)
        or exposure
        or blur
        or check_light(field, usable, parameters)
    )


def explain_absence(
    field: FlatField, view: WellView, n_cells: int, parameters: ImagingParameters
) -> tuple[Finding, ...]:
    """Say why hardly any cell was found: wall or scratches, blur, something else, or nothing."""
    um_per_px = field.um_per_px
    slopes = measure_slopes(field.read_deviation(), um_per_px=um_per_px, parameters=parameters)
    ordinary = measure_ordinary(field, parameters)
    limit = slope_limit(ordinary, parameters)
    has_bodies = len(find_bodies(field, parameters)) >= parameters.fewest_cells
    width_um = measure_edge_width(slopes, ordinary, limit, parameters)
    blur = report_blur(Focus(width_um, 0.0, np.zeros((1, 1), bool)), parameters)
    is_steep = float(np.mean(slopes.slope > limit)) > parameters.largest_steep_share
    if is_steep or ordinary.slope > parameters.coarsest_texture:
        is_blurred_scan = has_bodies and width_um > parameters.widest_usual_rim_um
        return blur if is_blurred_scan else report_modality(0.0, 0.0, parameters)
    is_lined = has_long_lines(slopes.slope, limit, um_per_px=um_per_px, parameters=parameters)
    if view.has_wall or is_lined:
        return report_outside(0.0, parameters)
    if has_bodies:
        return blur
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
