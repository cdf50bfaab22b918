"""Labelled crops of drawn donors, cut by the same segmentation that cuts them in service."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging import ImagingParameters, cut_crops, inspect_and_segment
from app.domain.outlets import IMAGED_OUTLETS
from app.domain.quality import Verdict
from app.domain.synthetic.donors import Donor, draw_donor, draw_well_look
from app.domain.synthetic.images import draw_image
from models.bundled import load_outliner
from models.outliner import Outliner
from models.training.config import DrawnDonorsConfig
from models.training.dataset import CellSet, Partition, join_cells

OnStep = Callable[[str], None]

UNSORTED_WELL = 3
"""Wells 1 and 2 of an outlet are sorted; the unsorted cells lie in a well of their own."""


@dataclass(frozen=True)
class UnsortedSample:
    """One donor's unsorted cells as the program finds them, and what was really drawn.

    Attributes
    ----------
    crops
        uint8, shape (n, 60, 60): accepted cells.
    drawn_outlets
        int64, shape (m,): outlets of all cells drawn inside the images, found or not.
    """

    donor: str
    crops: NDArray[np.uint8]
    drawn_outlets: NDArray[np.int64]


def draw_partition(config: DrawnDonorsConfig, *, on_step: OnStep) -> Partition:
    """Draw the fitting, choosing and reporting donors; no donor is in two sets."""
    return Partition(
        fit=_draw_sorted("FIT", config.n_fit_donors, config, on_step),
        choose=_draw_sorted("CHOOSE", config.n_choose_donors, config, on_step),
        report=_draw_sorted("REPORT", config.n_report_donors, config, on_step),
    )


def draw_unsorted(donor: Donor, config: DrawnDonorsConfig) -> UnsortedSample:
    """Draw the unsorted well of a donor and find its cells."""
    well = draw_well_look(donor, outlet=None, well=UNSORTED_WELL)
    side_px = config.unsorted_image_px
    crops, outlets = [], []
    for number in range(config.unsorted_images):
        image = draw_image(
            donor,
            well,
            outlet=None,
            number=number,
            seed=config.seed,
            height=side_px,
            width=side_px,
        )
        crops.append(find_crops(image.pixels)[0])
        outlets.append([cell.outlet for cell in image.cells_inside])
    return UnsortedSample(donor.code, np.concatenate(crops), np.concatenate(outlets))


def report_donors(config: DrawnDonorsConfig) -> list[Donor]:
    """The donors of the reporting set, as `draw_partition` draws them."""
    return _donors("REPORT", config.n_report_donors, config)


def fit_donors(config: DrawnDonorsConfig) -> list[Donor]:
    """The donors of the fitting set, as `draw_partition` draws them."""
    return _donors("FIT", config.n_fit_donors, config)


def find_crops(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Cut the accepted cells of an image.

    Returns
    -------
    crops
        uint8, shape (n, 60, 60); none if the image is rejected.
    diameters_um
        float32, shape (n,).
    """
    height_px, width_px = image.shape
    parameters = ImagingParameters(height_px=height_px, width_px=width_px)
    inspection = inspect_and_segment(image, parameters, _outliner())
    if inspection.image.verdict is Verdict.REJECTED:
        return np.empty((0, 60, 60), np.uint8), np.empty(0, np.float32)
    cells, accepted = inspection.regions, inspection.accepted
    crops = cut_crops(image, cells.row[accepted], cells.column[accepted])
    return crops, cells.diameter_um[accepted]


@cache
def _outliner() -> Outliner:
    return load_outliner()


def _donors(prefix: str, count: int, config: DrawnDonorsConfig) -> list[Donor]:
    return [draw_donor(f"{prefix}{number:03d}", config.seed) for number in range(1, count + 1)]


def _draw_sorted(prefix: str, count: int, config: DrawnDonorsConfig, on_step: OnStep) -> CellSet:
    parts = []
    for donor in _donors(prefix, count, config):
        parts += [
            _draw_well(donor, outlet, well, config)
            for outlet in IMAGED_OUTLETS
            for well in range(1, config.wells_per_outlet + 1)
        ]
        on_step(f"drew donor {donor.code}")
    return join_cells(parts)


def _draw_well(donor: Donor, outlet: int, well: int, config: DrawnDonorsConfig) -> CellSet:
    look = draw_well_look(donor, outlet=outlet, well=well)
    crops, diameters_um = [], []
    for number in range(config.images_per_well):
        image = draw_image(
            donor,
            look,
            outlet=outlet,
            number=number,
            seed=config.seed + well,
            height=config.image_px,
            width=config.image_px,
        )
        found, sizes_um = find_crops(image.pixels)
        crops.append(found)
        diameters_um.append(sizes_um)
    n_cells = sum(len(found) for found in crops)
    return CellSet(
        crops=np.concatenate(crops),
        outlets=np.full(n_cells, outlet, np.int64),
        donors=np.full(n_cells, donor.code),
        wells=np.full(n_cells, well, np.int64),
        diameters_um=np.concatenate(diameters_um),
    )
