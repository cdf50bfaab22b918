"""Labelled crops of drawn donors, cut by the same segmentation that cuts them in service."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.domain.imaging import ImagingParameters, cut_crops, inspect_and_segment
from app.domain.outlets import IMAGED_OUTLETS
from app.domain.partitions import Holdout, Split, refuse_leaks
from app.domain.quality import Verdict
from app.domain.synthetic.donors import Donor, draw_donor, draw_well_look
from app.domain.synthetic.images import draw_image
from models.bundled import load_outliner
from models.outliner import Outliner
from models.training.config import DrawnDonorsConfig
from models.training.dataset import N_OUTLINE_RADII, LabelledCells, join_cells

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


class FoundCells(NamedTuple):
    """The n accepted cells of an image.

    Attributes
    ----------
    crops
        uint8, shape (n, 60, 60).
    diameters_um
        float32, shape (n,).
    outlines
        float32, shape (n, 32): radii, pixels.
    """

    crops: NDArray[np.uint8]
    diameters_um: NDArray[np.float32]
    outlines: NDArray[np.float32]


def draw_three_sets(config: DrawnDonorsConfig, *, on_step: OnStep) -> tuple[LabelledCells, Split]:
    """Draw the fitting, choosing and reporting donors; no donor is in two sets."""
    sets = (
        draw_sorted("FIT", config.n_fit_donors, config, on_step),
        draw_sorted("CHOOSE", config.n_choose_donors, config, on_step),
        draw_sorted("REPORT", config.n_report_donors, config, on_step),
    )
    edges = np.cumsum([len(cells) for cells in sets])
    split = Split(*np.split(np.arange(edges[-1], dtype=np.int64), edges[:-1]))
    cells = join_cells(sets)
    parts = {name: cells.keys.select(part) for name, part in split.parts().items()}
    refuse_leaks(parts, Holdout.DONOR)
    return cells, split


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
    """The donors of the reporting set, as `draw_three_sets` draws them."""
    return _donors("REPORT", config.n_report_donors, config)


def fit_donors(config: DrawnDonorsConfig) -> list[Donor]:
    """The donors of the fitting set, as `draw_three_sets` draws them."""
    return _donors("FIT", config.n_fit_donors, config)


def find_crops(image: NDArray[np.uint8]) -> FoundCells:
    """Cut the accepted cells of an image; none if the image is rejected."""
    height_px, width_px = image.shape
    parameters = ImagingParameters(height_px=height_px, width_px=width_px)
    inspection = inspect_and_segment(image, parameters, _outliner())
    if inspection.image.verdict is Verdict.REJECTED:
        return FoundCells(
            np.empty((0, 60, 60), np.uint8),
            np.empty(0, np.float32),
            np.empty((0, N_OUTLINE_RADII), np.float32),
        )
    cells, accepted = inspection.regions, inspection.accepted
    crops = cut_crops(image, cells.row[accepted], cells.column[accepted])
    radii_px = cells.radii[accepted].astype(np.float32) / np.float32(4)
    return FoundCells(crops, cells.diameter_um[accepted], radii_px)


@cache
def _outliner() -> Outliner:
    return load_outliner()


def _donors(prefix: str, count: int, config: DrawnDonorsConfig) -> list[Donor]:
    return [draw_donor(f"{prefix}{number:03d}", config.seed) for number in range(1, count + 1)]


def draw_sorted(
    prefix: str, count: int, config: DrawnDonorsConfig, on_step: OnStep
) -> LabelledCells:
    """Draw the sorted wells of donors named by the prefix and a number from 1."""
    parts = []
    for donor in _donors(prefix, count, config):
        parts += [
            _draw_well(donor, outlet, well, config)
            for outlet in IMAGED_OUTLETS
            for well in range(1, config.wells_per_outlet + 1)
        ]
        on_step(f"drew donor {donor.code}")
    return join_cells(parts)


def _draw_well(donor: Donor, outlet: int, well: int, config: DrawnDonorsConfig) -> LabelledCells:
    look = draw_well_look(donor, outlet=outlet, well=well)
    found = []
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
        found.append(find_crops(image.pixels))
    return label_cells(
        FoundCells(*(np.concatenate(arrays) for arrays in zip(*found, strict=True))),
        donor=donor.code,
        outlet=outlet,
        well=well,
    )


def label_cells(found: FoundCells, *, donor: str, outlet: int, well: int) -> LabelledCells:
    """Cells of one drawn well; their ids are places in it."""
    n_cells, name = len(found.crops), f"{donor}/outlet {outlet}/well {well}"
    return LabelledCells(
        crops=found.crops,
        outlets=np.full(n_cells, outlet, np.int64),
        donors=np.full(n_cells, donor),
        wells=np.full(n_cells, name),
        well_numbers=np.full(n_cells, well, np.int64),
        cell_ids=np.array([f"{name}/cell {place}" for place in range(n_cells)], dtype=np.str_),
        diameters_um=found.diameters_um,
        outlines=found.outlines,
    )
