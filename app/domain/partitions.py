"""Who fits, who chooses, who reports: cells are parted before anything else is done to them.

A cell, its well and its donor may lie on one side only, and so may a picture under another name
or turned: a network is judged on what it cannot remember. Cells are parted by donor unless a
coarser question is asked on purpose; parting by well or by cell flatters and says so.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from app.domain.errors import InvalidInput

Indices = NDArray[np.int64]
Names = NDArray[np.str_]

FEWEST_FOLDS: Final = 3
"""One reports, one chooses, and one must be left to fit."""


class Holdout(StrEnum):
    """What no two parts share; what is finer is not shared either."""

    DONOR = "donor"
    WELL = "well"
    CELL = "cell"


@dataclass(frozen=True)
class CellKeys:
    """Whose the cells are, each array of shape (n,).

    Attributes
    ----------
    cells
        Unique cell ids.
    wells
        Names unique over all donors.
    donors
        Donor codes.
    outlets
        int64.
    pictures
        As `identify_crops` names them: two cells of one name are one picture.
    """

    cells: Names
    wells: Names
    donors: Names
    outlets: Indices
    pictures: Names

    def __len__(self) -> int:
        return len(self.cells)

    def select(self, chosen: Indices) -> Self:
        return type(self)(
            cells=self.cells[chosen],
            wells=self.wells[chosen],
            donors=self.donors[chosen],
            outlets=self.outlets[chosen],
            pictures=self.pictures[chosen],
        )


@dataclass(frozen=True)
class Split:
    """Indices of the cells of three parts.

    Attributes
    ----------
    fit
        Fit the weights.
    choose
        Choose the temperature and, in a search, the configuration.
    report
        Looked at once, for the figures.
    """

    fit: Indices
    choose: Indices
    report: Indices

    def parts(self) -> dict[str, Indices]:
        return {"fit": self.fit, "choose": self.choose, "report": self.report}


def identify_crops(crops: NDArray[np.uint8]) -> Names:
    """Name each picture by its content, the same for all its quarter turns and mirror images.

    Parameters
    ----------
    crops
        uint8, shape (n, side, side).

    Returns
    -------
    str, shape (n,): 32 hexadecimal digits.
    """
    names = [_identify(crop) for crop in crops]
    return np.asarray(names, dtype="U32")


def _identify(crop: NDArray[np.uint8]) -> str:
    turns = (np.rot90(side, turn) for side in (crop, crop[::-1]) for turn in range(4))
    return hashlib.blake2b(min(turn.tobytes() for turn in turns), digest_size=16).hexdigest()


def split_folds(keys: CellKeys, holdout: Holdout, n_folds: int, seed: int) -> tuple[Split, ...]:
    """Deal donors, wells or cells into folds: each reports once and chooses once.

    Parameters
    ----------
    n_folds
        At most; there are never more than donors (or wells of the rarest outlet, or cells).
    seed
        The same seed, keys and number of folds give the same folds.

    Returns
    -------
    One split per fold; the fold after the reporting one chooses, the others fit.

    Raises
    ------
    InvalidInput
        ``too_few_to_hold_out``: fewer than three folds; ``partition_leak``.
    """
    rng = np.random.default_rng(seed)
    fold_of = _deal(keys, holdout, n_folds, rng)
    places = range(int(fold_of.max(initial=-1)) + 1)
    if len(places) < FEWEST_FOLDS:
        raise InvalidInput(
            "too_few_to_hold_out",
            f"Holding out by {holdout} needs {FEWEST_FOLDS} {holdout}s"
            f"{'' if holdout is Holdout.DONOR else ' of every outlet'}: one to fit, one to choose, "
            f"one to report; add more, or hold out otherwise.",
        )
    splits = tuple(_split_at(fold_of, place, len(places)) for place in places)
    for split in splits:
        refuse_leaks({name: keys.select(part) for name, part in split.parts().items()}, holdout)
    return splits


def leave_one_donor_out(keys: CellKeys, seed: int) -> tuple[Split, ...]:
    """As many folds as donors."""
    return split_folds(keys, Holdout.DONOR, len(np.unique(keys.donors)), seed)


def split_three_ways(
    keys: CellKeys, seed: int, *, choose_share: float = 0.1, report_share: float = 0.15
) -> Split:
    """Three sets of donors; the shares are of donors, at least one each."""
    donors = np.random.default_rng(seed).permutation(np.unique(keys.donors))
    if len(donors) < FEWEST_FOLDS:
        raise InvalidInput(
            "too_few_to_hold_out", f"Three sets of donors need {FEWEST_FOLDS} donors; add more."
        )
    n_choose = max(1, round(choose_share * len(donors)))
    n_report = max(1, round(report_share * len(donors)))
    choose, report = donors[:n_choose], donors[n_choose : n_choose + n_report]
    fit = donors[n_choose + n_report :]
    return Split(*(np.flatnonzero(np.isin(keys.donors, part)) for part in (fit, choose, report)))


def _deal(
    keys: CellKeys, holdout: Holdout, n_folds: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """The fold of each cell, shape (n,)."""
    if holdout is Holdout.DONOR:
        return _deal_names(keys.donors, n_folds, rng)
    fold_of = np.zeros(len(keys), np.int64)
    if holdout is Holdout.WELL:
        rarest = min(len(np.unique(keys.wells[here])) for here in _by(keys.outlets))
        for here in _by(keys.outlets):
            fold_of[here] = _deal_names(keys.wells[here], min(n_folds, rarest), rng)
        return fold_of
    for here in _by(keys.outlets):
        # A picture that occurs twice stays in one fold.
        fold_of[here] = _deal_names(keys.pictures[here], n_folds, rng)
    return fold_of


def _by(values: Indices) -> list[Indices]:
    return [np.flatnonzero(values == value) for value in np.unique(values)]


def _deal_names(names: Names, n_folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Deal the distinct names out in random order, like cards."""
    distinct, place = np.unique(names, return_inverse=True)
    dealt = np.empty(len(distinct), np.int64)
    dealt[rng.permutation(len(distinct))] = np.arange(len(distinct)) % n_folds
    return dealt[place]


def _split_at(fold_of: NDArray[np.int64], place: int, n_folds: int) -> Split:
    report, choose = fold_of == place, fold_of == (place + 1) % n_folds
    return Split(
        fit=np.flatnonzero(~report & ~choose),
        choose=np.flatnonzero(choose),
        report=np.flatnonzero(report),
    )


def refuse_leaks(parts: Mapping[str, CellKeys], holdout: Holdout) -> None:
    """Refuse parts that share what they hold out.

    Parameters
    ----------
    parts
        By name, as a run or a saved manifest says.
    holdout
        What no two of them may share; wells and cells below it neither.

    Raises
    ------
    InvalidInput
        ``partition_leak``, naming the first shared donor, well, cell or picture.
    """
    if holdout is Holdout.DONOR:
        _refuse_shared({name: keys.donors for name, keys in parts.items()}, "Donor", "donor")
    if holdout is not Holdout.CELL:
        _refuse_shared({name: keys.wells for name, keys in parts.items()}, "Well", "well")
    _refuse_shared({name: keys.cells for name, keys in parts.items()}, "Cell", "cell")
    _refuse_same_pictures(parts)


def _refuse_shared(parts: Mapping[str, Names], word: str, noun: str) -> None:
    seen: dict[str, str] = {}
    for part, names in parts.items():
        for name in np.unique(names).tolist():
            if name in seen:
                raise _leak(
                    f"{word} {name} is in the sets {seen[name]!r} and {part!r}", f"each {noun}"
                )
            seen[name] = part


def _refuse_same_pictures(parts: Mapping[str, CellKeys]) -> None:
    seen: dict[str, tuple[str, str]] = {}
    for part, keys in parts.items():
        for picture, cell in zip(keys.pictures.tolist(), keys.cells.tolist(), strict=True):
            earlier_part, earlier_cell = seen.setdefault(picture, (part, cell))
            if earlier_part != part:
                raise _leak(
                    f"Cells {earlier_cell} and {cell} are one picture, perhaps turned, in the sets "
                    f"{earlier_part!r} and {part!r}",
                    "each picture",
                )


def _leak(cause: str, what: str) -> InvalidInput:
    return InvalidInput("partition_leak", f"{cause}; keep {what} in one set.")
