"""Find the cells of a scan: where anything is, the outliner is asked once what it is."""

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.activity import Activity, find_parts, measure_activity
from app.domain.imaging.flattening import FlatField, flatten
from app.domain.imaging.measures import measure_regions
from app.domain.imaging.outliner import Outliner
from app.domain.imaging.outlines import Outlines, find_distinct
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.reading import read_outlines
from app.domain.imaging.regions import CellRegions, look_up
from app.domain.imaging.sheet import pack
from app.domain.imaging.slopes import measure_ordinary


def segment_field(
    field: FlatField,
    activity: Activity,
    parameters: ImagingParameters,
    outliner: Outliner,
    usable: NDArray[np.bool_] | None = None,
) -> CellRegions:
    """Segment a flattened scan with its local differences; see `segment_cells`."""
    parts = find_parts(field, activity, parameters)
    if not len(parts.corners):
        return CellRegions.none()
    ordinary = measure_ordinary(field, parameters)
    outlined: list[Outlines] = []
    measured: list[CellRegions] = []
    for sheet in pack(field, parts):
        outlines = read_outlines(outliner(sheet.values), sheet, parameters)
        outlined.append(outlines)
        measured.append(measure_regions(field, sheet, outlines, ordinary, parameters))
    outlines = Outlines.join(outlined)
    kept = find_distinct(outlines, parameters)
    if usable is not None:
        height, width = field.shape
        kept &= look_up(usable, outlines.row_in_scan / height, outlines.column_in_scan / width)
    return CellRegions.join(measured).select(kept)


def segment_cells(
    image: NDArray[np.uint8],
    parameters: ImagingParameters,
    outliner: Outliner,
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
        Coarse mask of any size spread over the image; cells outside it are left out.

    Returns
    -------
    CellRegions
        Everything cell-like, to be judged by `judge_cells`.
    """
    field = flatten(image, parameters)
    return segment_field(field, measure_activity(field), parameters, outliner, usable)
