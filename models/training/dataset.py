"""Labelled crops in memory, who they come from, and how an epoch is drawn from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import InvalidInput
from app.domain.outlets import DeformabilityClass, class_of


@dataclass(frozen=True)
class CellSet:
    """Labelled crops.

    Attributes
    ----------
    crops
        uint8, shape (n, 60, 60), as cut from the image.
    outlets
        int64, shape (n,): the outlet each cell left the device through.
    donors
        str, shape (n,): donor codes.
    wells
        int64, shape (n,): the donor's well of that outlet.
    diameters_um
        float32, shape (n,): planar size as segmented.
    """

    crops: NDArray[np.uint8]
    outlets: NDArray[np.int64]
    donors: NDArray[np.str_]
    wells: NDArray[np.int64]
    diameters_um: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.crops)

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "CellSet":
        return CellSet(
            crops=self.crops[chosen],
            outlets=self.outlets[chosen],
            donors=self.donors[chosen],
            wells=self.wells[chosen],
            diameters_um=self.diameters_um[chosen],
        )

    @property
    def donor_codes(self) -> tuple[str, ...]:
        return tuple(str(code) for code in np.unique(self.donors))


def join_cells(sets: Sequence[CellSet]) -> CellSet:
    return CellSet(
        crops=np.concatenate([cells.crops for cells in sets]),
        outlets=np.concatenate([cells.outlets for cells in sets]),
        donors=np.concatenate([cells.donors for cells in sets]),
        wells=np.concatenate([cells.wells for cells in sets]),
        diameters_um=np.concatenate([cells.diameters_um for cells in sets]),
    )


@dataclass(frozen=True)
class Partition:
    """Three sets of cells that share no donor.

    Attributes
    ----------
    fit
        Fits the weights.
    choose
        Chooses the temperature (and, in a search, the configuration).
    report
        Looked at once, for the figures in the manifest.
    """

    fit: CellSet
    choose: CellSet
    report: CellSet

    def __post_init__(self) -> None:
        seen: dict[str, str] = {}
        for name in ("fit", "choose", "report"):
            for code in getattr(self, name).donor_codes:
                if code in seen:
                    raise InvalidInput(
                        "partition_leak",
                        f"Donor {code} is in the sets {seen[code]!r} and {name!r}; "
                        "keep each donor in one set.",
                    )
                seen[code] = name


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


def balanced_groups(cells: CellSet) -> list[NDArray[np.int64]]:
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


def training_prior(cells: CellSet, columns: tuple[int, ...]) -> tuple[float, ...]:
    """Share of each output column in an epoch drawn by `draw_epoch`."""
    first_of_group = np.array([group[0] for group in balanced_groups(cells)])
    labels = class_indices(cells.outlets[first_of_group], columns)
    shares = np.bincount(labels, minlength=len(columns)) / len(labels)
    return tuple(float(share) for share in shares)
