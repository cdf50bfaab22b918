"""Small sets of labelled cells of drawn donors, and checkpoints in memory."""

from collections.abc import Sequence

import numpy as np

from app.domain.outlets import IMAGED_OUTLETS
from app.domain.synthetic.crops import draw_crops
from app.domain.synthetic.donors import draw_donor, draw_well_look
from models.training.dataset import LabelledCells, join_cells
from models.training.drawn_donors import FoundCells, label_cells

UM_PER_PX = 0.1825


class Kept:
    """Checkpoints in memory."""

    def __init__(self, data: dict[str, bytes] | None = None) -> None:
        self.data = {} if data is None else data

    def load(self, name: str) -> bytes | None:
        return self.data.get(name)

    def save(self, name: str, data: bytes) -> None:
        self.data[name] = data


def draw_well(code: str, outlet: int, well: int, n_cells: int, *, seed: int = 4) -> LabelledCells:
    donor = draw_donor(code, seed)
    look = draw_well_look(donor, outlet=outlet, well=well)
    crops, truth = draw_crops(donor, look, [outlet] * n_cells, seed=seed + 10 * well + 100 * outlet)
    radii_px = np.repeat(truth.diameter_px[:, np.newaxis] / 2, 32, axis=1).astype(np.float32)
    diameters_um = (truth.diameter_px * UM_PER_PX).astype(np.float32)
    return label_cells(
        FoundCells(crops, diameters_um, radii_px), donor=code, outlet=outlet, well=well
    )


def draw_cells(
    codes: Sequence[str],
    *,
    n_per_well: int,
    wells: int = 2,
    outlets: Sequence[int] = IMAGED_OUTLETS,
    seed: int = 4,
) -> LabelledCells:
    return join_cells(
        [
            draw_well(code, outlet, well, n_per_well, seed=seed)
            for code in codes
            for outlet in outlets
            for well in range(1, wells + 1)
        ]
    )
