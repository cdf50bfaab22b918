"""Labelled crops in memory, who they come from, and how an epoch is drawn from them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import InvalidInput
from app.domain.outlets import LAST_DEFORMABLE_OUTLET, DeformabilityClass, class_of
from app.domain.partitions import CellKeys, identify_crops

N_OUTLINE_RADII: Final = 32


@dataclass(frozen=True)
class LabelledCells:
    """Cells of sorted wells, wherever they come from.

    Attributes
    ----------
    crops
        uint8, shape (n, 60, 60), as cut from the image.
    outlets
        int64, shape (n,): the outlet each cell left the device through.
    donors
        str, shape (n,): donor codes.
    wells
        str, shape (n,): names unique over all donors; a well holds cells of one outlet.
    well_numbers
        int64, shape (n,): the donor's first, second... well of that outlet, from 1.
    cell_ids
        str, shape (n,), unique.
    diameters_um
        float32, shape (n,): planar size as segmented.
    outlines
        float32, shape (n, 32): radii in pixels at equal angles from the crop's middle, the first
        along the columns; zeros where not known.
    """

    crops: NDArray[np.uint8]
    outlets: NDArray[np.int64]
    donors: NDArray[np.str_]
    wells: NDArray[np.str_]
    well_numbers: NDArray[np.int64]
    cell_ids: NDArray[np.str_]
    diameters_um: NDArray[np.float32]
    outlines: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.crops)

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "LabelledCells":
        return LabelledCells(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @property
    def donor_codes(self) -> tuple[str, ...]:
        return tuple(str(code) for code in np.unique(self.donors))

    @property
    def is_rigid(self) -> NDArray[np.bool_]:
        return self.outlets > LAST_DEFORMABLE_OUTLET

    @cached_property
    def keys(self) -> CellKeys:
        return CellKeys(
            cells=self.cell_ids,
            wells=self.wells,
            donors=self.donors,
            outlets=self.outlets,
            pictures=identify_crops(self.crops),
        )

    @cached_property
    def sha256(self) -> str:
        """Of ids, labels and pixels in the order of the ids: whether two runs had the same data."""
        order = np.argsort(self.cell_ids)
        digest = hashlib.sha256()
        for place in order:
            words = (self.cell_ids[place], self.outlets[place], self.donors[place])
            digest.update(f"{words}{self.wells[place]}".encode())
            digest.update(self.crops[place].tobytes())
        return digest.hexdigest()


def join_cells(sets: Sequence[LabelledCells]) -> LabelledCells:
    return LabelledCells(
        *(
            np.concatenate([getattr(cells, field.name) for cells in sets])
            for field in fields(LabelledCells)
        )
    )


def class_indices(outlets: NDArray[np.int64], columns: tuple[int, ...]) -> NDArray[np.int64]:
    """Return the network's output column of each cell.

    Parameters
    ----------
    outlets
        int64, shape (n,).
    columns
        The outlet of each output column. With two columns, the first stands for every deformable
        cell, the second for every rigid one.

    Returns
    -------
    int64, shape (n,).
    """
    if len(columns) == 2:
        is_rigid = [class_of(int(outlet)) is DeformabilityClass.RIGID for outlet in outlets]
        return np.asarray(is_rigid, np.int64)
    if not np.isin(outlets, columns).all():
        raise InvalidInput(
            "outlet_without_column",
            f"Cells of outlets other than {', '.join(map(str, columns))} cannot train this "
            "network; leave them out.",
        )
    return np.searchsorted(np.asarray(columns), outlets).astype(np.int64)


def balanced_groups(cells: LabelledCells) -> list[NDArray[np.int64]]:
    """Return the indices of each donor's cells of each outlet: the groups drawn equally often."""
    keys = np.char.add(np.char.add(cells.donors, "/"), cells.outlets.astype(np.str_))
    return [np.flatnonzero(keys == key) for key in np.unique(keys)]


def draw_epoch(
    groups: Sequence[NDArray[np.int64]], n_cells: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw about `n_cells` indices, as many from every group, in random order.

    A group gives each of its cells once before it gives one twice.
    """
    per_group = max(1, n_cells // len(groups))
    drawn = [np.resize(rng.permutation(group), per_group) for group in groups]
    return rng.permutation(np.concatenate(drawn))


def training_prior(cells: LabelledCells, columns: tuple[int, ...]) -> tuple[float, ...]:
    """Share of each output column in an epoch drawn by `draw_epoch`."""
    first_of_group = np.array([group[0] for group in balanced_groups(cells)])
    labels = class_indices(cells.outlets[first_of_group], columns)
    shares = np.bincount(labels, minlength=len(columns)) / len(labels)
    return tuple(float(share) for share in shares)


def limit_cells_per_class(
    cells: LabelledCells, at_most: int | None, rng: np.random.Generator
) -> LabelledCells:
    """Keep so many deformable and so many rigid cells, as evenly over wells as they allow."""
    if at_most is None:
        return cells
    rank = np.empty(len(cells), np.int64)
    for well in np.unique(cells.wells):
        here = np.flatnonzero(cells.wells == well)
        rank[here] = rng.permutation(len(here))
    kept = []
    for is_rigid in (False, True):
        members = rng.permutation(np.flatnonzero(cells.is_rigid == is_rigid))
        kept.append(members[np.argsort(rank[members], kind="stable")][:at_most])
    return cells.select(np.sort(np.concatenate(kept)))
