"""Whether a network knows which well or donor a cell comes from, which says nothing of the cell.

Light, focus and exposure are set well by well, so a network may learn them in place of the cell.
Three questions, within cells that did not fit the network: can the light alone tell the class;
can the well be told from the last hidden layer, among wells of one donor and outlet; can the donor
be told from it, among donors of one outlet, in other wells than those it was learnt from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from threadpoolctl import threadpool_limits

from app.domain.quality import Finding, Level
from models.evaluation import HeldOut
from models.training.dataset import LabelledCells

Floats = NDArray[np.float64]

FEWEST_CELLS: Final = 20
"""Of a well, to learn or to test its look."""
LIGHT_MARGIN: Final = 0.1
WELL_MARGIN: Final = 0.2
DONOR_MARGIN: Final = 0.5


@dataclass(frozen=True)
class ProbedCells:
    """Cells of one fold that did not fit its network.

    Attributes
    ----------
    features
        Shape (n, f): the last hidden layer.
    """

    cells: LabelledCells
    features: NDArray[np.float32]


def probe_shortcuts(folds: Sequence[ProbedCells], light_only: HeldOut, seed: int) -> dict[str, Any]:
    """Answer the three questions, as JSON values.

    Parameters
    ----------
    light_only
        Answers of the baseline that reads light alone.

    Returns
    -------
    ``light``, ``wells`` and ``donors``, each with what was reached, what chance gives and
    whether it is flagged, and ``findings``. Excess is the share of the way from chance to
    certainty.
    """
    light = _summary([_light_excess(light_only)], LIGHT_MARGIN)
    with threadpool_limits(limits=1):
        wells = _summary([_well_excess(fold, seed) for fold in folds], WELL_MARGIN)
        donors = _summary([_donor_excess(fold) for fold in folds], DONOR_MARGIN)
    return {
        "light": light,
        "wells": wells,
        "donors": donors,
        "findings": [finding.to_json() for finding in _findings(light, wells, donors)],
    }


def _light_excess(answers: HeldOut) -> list[float]:
    """One figure per well: its cells share their light and are right or wrong together."""
    is_right = (answers.p_deformable > 0.5) == answers.is_deformable
    wells, place = np.unique(answers.wells, return_inverse=True)
    shares = np.bincount(place, is_right) / np.bincount(place, minlength=len(wells))
    return [2 * float(share) - 1 for share in shares]


def _summary(folds: Sequence[Sequence[float]], margin: float) -> dict[str, Any]:
    """Mean excess and its one-sided 95 % bound over groups."""
    values = np.array([value for fold in folds for value in fold])
    if len(values) < 2:
        return {"excess": None, "least": None, "limit": margin, "n": len(values)} | {
            "is_flagged": False
        }
    half = student_t.ppf(0.95, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    least = float(values.mean() - half)
    return {
        "excess": float(values.mean()),
        "least": least,
        "limit": margin,
        "n": len(values),
        "is_flagged": least > margin,
    }


def _well_excess(fold: ProbedCells, seed: int) -> list[float]:
    """One figure per donor and outlet with two or more wells."""
    return [
        _told_apart(fold.features[here], fold.cells.wells[here], _halves(fold.cells, here, seed))
        for here in _groups_of(fold.cells)
        if len(_large(fold.cells.wells[here])) >= 2
    ]


def _groups_of(cells: LabelledCells) -> Iterator[NDArray[np.int64]]:
    for donor in np.unique(cells.donors):
        for outlet in np.unique(cells.outlets):
            own = (cells.donors == donor) & (cells.outlets == outlet)
            large = _large(cells.wells[own])
            yield np.flatnonzero(own & np.isin(cells.wells, large))


def _large(names: NDArray[np.str_]) -> NDArray[np.str_]:
    found, counts = np.unique(names, return_counts=True)
    return np.asarray(found[counts >= FEWEST_CELLS])


def _halves(cells: LabelledCells, here: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """Every other cell of each well, in random order."""
    rng = np.random.default_rng(seed)
    is_first = np.zeros(len(here), bool)
    for well in np.unique(cells.wells[here]):
        members = rng.permutation(np.flatnonzero(cells.wells[here] == well))
        is_first[members[::2]] = True
    return is_first


def _donor_excess(fold: ProbedCells) -> list[float]:
    """One figure per outlet, learnt from first wells and tried on the others."""
    cells, figures = fold.cells, []
    is_first = cells.well_numbers == 1
    for outlet in np.unique(cells.outlets):
        own = cells.outlets == outlet
        both = np.intersect1d(
            _large(cells.donors[own & is_first]), _large(cells.donors[own & ~is_first])
        )
        here = np.flatnonzero(own & np.isin(cells.donors, both))
        if len(both) >= 2:
            figures.append(_told_apart(fold.features[here], cells.donors[here], is_first[here]))
    return figures


def _told_apart(
    features: NDArray[np.float32], names: NDArray[np.str_], is_first: NDArray[np.bool_]
) -> float:
    """Excess over chance, learnt from one part and tried on the other, both ways."""
    return float(
        np.mean([_excess(features, names, learn) for learn in (is_first, ~is_first)]),
    )


def _excess(
    features: NDArray[np.float32], names: NDArray[np.str_], learn: NDArray[np.bool_]
) -> float:
    # Units that never fire are many; shrinkage keeps them harmless.
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    values = features.astype(np.float64) + 0.0
    told = model.fit(values[learn], names[learn]).predict(values[~learn])
    right = told == names[~learn]
    accuracy = np.mean([right[names[~learn] == name].mean() for name in np.unique(names)])
    chance = 1 / len(np.unique(names))
    return float((accuracy - chance) / (1 - chance))


def _findings(
    light: dict[str, Any], wells: dict[str, Any], donors: dict[str, Any]
) -> Iterator[Finding]:
    said = (
        (
            light,
            "light_tells_class",
            "Light alone tells the class of cells it was not fitted to: wells were imaged "
            "differently by outlet. Image all outlets with the same exposure, focus and order.",
        ),
        (
            wells,
            "wells_told_apart",
            "The network's last layer tells wells of one donor and outlet apart: it reads light "
            "or focus. Image more wells per outlet, or train with a normalisation of the light.",
        ),
        (
            donors,
            "donors_told_apart",
            "The network's last layer tells donors of one outlet apart in wells it has not seen: "
            "it may know donors rather than cells. Add donors.",
        ),
    )
    for figure, code, message in said:
        if figure["is_flagged"]:
            yield Finding(code, Level.WARNING, figure["excess"], figure["limit"], message)
