"""Which of the cells offered are used, and whether they are enough to hold anything out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from app.domain.errors import InvalidInput
from app.domain.outlets import IMAGED_OUTLETS, LAST_DEFORMABLE_OUTLET
from app.domain.partitions import Split
from app.domain.training_config import RunConfig
from models.training.config import TrainingConfig
from models.training.dataset import LabelledCells, limit_cells_per_class

SEARCH: Final = ((1 / 3, 1.0), (3.0, 1.0), (1.0, 2.0))
"""Factors on learning rate and epochs that a search tries beside those asked for."""


@dataclass(frozen=True)
class LeftOut:
    """Cells that were offered and are not used.

    Attributes
    ----------
    by_outlet
        Cells of outlets that do not train.
    by_limit
        Cells beyond the limit per class.
    """

    by_outlet: dict[int, int]
    by_limit: int

    def to_json(self) -> dict[str, Any]:
        by_outlet = {str(outlet): count for outlet, count in self.by_outlet.items()}
        return {"by_outlet": by_outlet, "by_limit": self.by_limit}


def choose_cells(cells: LabelledCells, config: RunConfig) -> tuple[LabelledCells, LeftOut]:
    """Cells of outlets 2 to 5, up to the limit per class.

    Raises
    ------
    InvalidInput
        ``cells_not_unique``, ``class_without_cells`` or ``outlet_without_cells``.
    """
    _refuse_repeated_ids(cells)
    trains = np.isin(cells.outlets, IMAGED_OUTLETS)
    others, counts = np.unique(cells.outlets[~trains], return_counts=True)
    kept = cells.select(trains)
    _refuse_gaps(kept)
    used = limit_cells_per_class(kept, config.cells_per_class, np.random.default_rng(config.seed))
    by_outlet = {int(outlet): int(n) for outlet, n in zip(others, counts, strict=True)}
    return used, LeftOut(by_outlet, len(kept) - len(used))


def outlets_of(cells: LabelledCells) -> tuple[int, ...]:
    return tuple(int(outlet) for outlet in np.unique(cells.outlets))


def _refuse_repeated_ids(cells: LabelledCells) -> None:
    names, counts = np.unique(cells.cell_ids, return_counts=True)
    if (counts > 1).any():
        raise InvalidInput(
            "cells_not_unique",
            f"Cell {names[counts > 1][0]} is there more than once; offer each cell once.",
        )


def _refuse_gaps(cells: LabelledCells) -> None:
    outlets = outlets_of(cells)
    has_both = outlets and outlets[0] <= LAST_DEFORMABLE_OUTLET < outlets[-1]
    if not has_both:
        raise InvalidInput(
            "class_without_cells",
            "A network needs deformable cells, of outlet 2 or 3, and rigid ones, of outlet 4 or 5; "
            "add sorted wells of the class that is missing.",
        )
    for outlet in range(outlets[0], outlets[-1]):
        if outlet not in outlets:
            raise InvalidInput(
                "outlet_without_cells",
                f"There are no cells of outlet {outlet}, between others that have some; add wells "
                "of it.",
            )


def refuse_incomplete_folds(cells: LabelledCells, splits: Sequence[Split]) -> None:
    """Every fold must leave cells of every outlet to fit and to choose.

    Raises
    ------
    InvalidInput
        ``outlet_in_too_few_folds``.
    """
    outlets = set(outlets_of(cells))
    for number, split in enumerate(splits, start=1):
        missing = outlets - set(cells.outlets[split.fit].tolist())
        if missing:
            raise InvalidInput(
                "outlet_in_too_few_folds",
                f"Fold {number} leaves no cells of outlet {min(missing)} to fit; add donors or "
                "wells with that outlet, or leave the outlet out.",
            )


def candidates_of(config: TrainingConfig, *, search: bool) -> tuple[TrainingConfig, ...]:
    """What each fold tries: the settings asked for, and their neighbours in a search."""
    if not search:
        return (config,)
    return (config, *(config.scaled(*factors) for factors in SEARCH))
