"""Labelled crops straight from the painter, with the cues they were painted from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from app.domain.outlets import IMAGED_OUTLETS
from app.domain.scoring import Floats
from app.domain.synthetic.crops import draw_crops
from app.domain.synthetic.donors import WellLook, draw_donor, draw_well_look
from models.training.dataset import LabelledCells, join_cells
from models.training.drawn_donors import FoundCells, label_cells

UM_PER_PX = 0.1825
Change = Callable[[WellLook], WellLook]


@dataclass(frozen=True)
class DrawnCells:
    """Cells and the cues behind each, shape (n, len(CUES))."""

    cells: LabelledCells
    cues: Floats


def draw_cells(
    codes: Sequence[str],
    *,
    n_per_well: int,
    seed: int,
    wells: int = 2,
    change: Change = lambda look: look,
) -> DrawnCells:
    """Sorted wells of drawn donors; `change` alters the light and focus of every well."""
    cells, cues = [], []
    for code in codes:
        donor = draw_donor(code, seed)
        for outlet in IMAGED_OUTLETS:
            for well in range(1, wells + 1):
                look = change(draw_well_look(donor, outlet=outlet, well=well))
                crops, truth = draw_crops(
                    donor, look, [outlet] * n_per_well, seed=seed + 10 * well + 100 * outlet
                )
                radii_px = np.repeat(truth.diameter_px[:, np.newaxis] / 2, 32, axis=1)
                sizes_um = (truth.diameter_px * UM_PER_PX).astype(np.float32)
                found = FoundCells(crops, sizes_um, radii_px.astype(np.float32))
                cells.append(label_cells(found, donor=code, outlet=outlet, well=well))
                cues.append(truth.cues)
    return DrawnCells(join_cells(cells), np.concatenate(cues))


def name_donors(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number:03d}" for number in range(1, count + 1)]
