"""Drawn images and how what was found in them compares with what was drawn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging import ImagingParameters, Inspection, inspect_and_segment
from app.domain.synthetic.donors import draw_donor, draw_well_look
from app.domain.synthetic.faults import Fault
from app.domain.synthetic.images import TrueCellVerdict, TrueImage, draw_image
from models.bundled import load_outliner

PARAMETERS = ImagingParameters()
OUTLINER = load_outliner()
LARGEST_ERROR_PX = 4.0
ISOLATED_PX = 5.0
_NEAR_PX = 30.0
_OUTLETS = (None, 2, 3, 4, 5)


def draw_number(
    number: int, *, fault: Fault | None = None, side_px: int = 2424, n_cells: int | None = None
) -> TrueImage:
    """Draw an image of its own donor and well."""
    donor = draw_donor(f"I{number}", 1000 + number)
    outlet = _OUTLETS[number % 5]
    well = draw_well_look(donor, outlet=outlet, well=1 + number % 2)
    return draw_image(
        donor,
        well,
        outlet=outlet,
        number=number,
        seed=number,
        fault=fault,
        height=side_px,
        width=side_px,
        n_cells=n_cells,
    )


@dataclass(frozen=True)
class Tally:
    """Isolated cells drawn and found, and accepted outlines away from others, right or not."""

    n_drawn: int
    n_found: int
    n_accepted: int
    n_right: int
    errors_px: NDArray[np.float64]


def compare(image: TrueImage, inspection: Inspection) -> Tally:
    """Compare accepted outlines with the isolated complete cells of a drawn image."""
    regions = inspection.regions
    found = np.stack([regions.row, regions.column], axis=1)
    drawn = np.array([(cell.row, cell.column) for cell in image.cells])
    isolated = np.array(
        [
            cell.verdict is TrueCellVerdict.COMPLETE and cell.clearance_px > ISOLATED_PX
            for cell in image.cells
        ]
    )
    distance = np.linalg.norm(drawn[:, None] - found[None], axis=2)
    error = distance[isolated].min(axis=1, initial=np.inf)
    others = distance[~isolated].min(axis=0, initial=np.inf)
    counted = inspection.accepted & (others > _NEAR_PX)
    right = counted & (distance.min(axis=0) <= LARGEST_ERROR_PX)
    hit = error <= LARGEST_ERROR_PX
    return Tally(
        int(isolated.sum()), int(hit.sum()), int(counted.sum()), int(right.sum()), error[hit]
    )


def inspect(pixels: NDArray[np.uint8]) -> Inspection:
    """What a worker makes of an image under the usual microscope."""
    return inspect_and_segment(pixels, PARAMETERS, OUTLINER)


def inspect_drawn(image: TrueImage) -> Inspection:
    return inspect(image.pixels)
