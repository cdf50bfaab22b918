"""What can be told without a network, on the same folds: from size, from measures, from light.

A network that does not clearly beat size alone has learnt nothing but size. If light alone tells
the class, the wells were imaged differently by outlet, and any network may have learnt that.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from app.domain.cell_looks import measure_looks
from app.domain.imaging.normalisation import measure_crop_background
from app.domain.partitions import Split
from models.evaluation import HeldOut
from models.training.config import CLASS_OUTLETS
from models.training.dataset import LabelledCells

Floats = NDArray[np.float64]
Fitter = Callable[[], ClassifierMixin]
_SeededFitter = Callable[[int], ClassifierMixin]

BASELINES: Final = ("size_only", "handcrafted", "light_only")

USUAL_DIAMETER_UM: Final = 6.2
BORDER_PX: Final = 3
TREES: Final = 150
MOST_CELLS: Final = 20_000
"""More cells make boosting slower and no better."""


def answer_baselines(
    cells: LabelledCells, splits: Sequence[Split], seed: int, names: Sequence[str] = BASELINES
) -> dict[str, HeldOut]:
    """Answers of the baselines named, each cross-fitted on the folds given.

    They fit to what fits and what chooses, since they choose nothing.
    """
    answers = {}
    for name in names:
        measure, fitter = _METHODS[name]
        answers[name] = cross_fit(cells, measure(cells), partial(fitter, seed), splits, seed)
    return answers


def cross_fit(
    cells: LabelledCells, features: Floats, fitter: Fitter, splits: Sequence[Split], seed: int
) -> HeldOut:
    """Probabilities of the two classes for every reporting cell, in the order of the splits.

    Parameters
    ----------
    features
        Shape (n, f).
    """
    rng = np.random.default_rng(seed)
    p_rigid = []
    for split in splits:
        fit = rng.permutation(np.concatenate([split.fit, split.choose]))[:MOST_CELLS]
        # OpenMP's and BLAS' threads wait by spinning: on a busy machine one alone is faster.
        with threadpool_limits(limits=1):
            model = fitter().fit(features[fit], cells.is_rigid[fit])
            p_rigid.append(model.predict_proba(features[split.report])[:, 1])
    reported = np.concatenate([split.report for split in splits])
    p = np.concatenate(p_rigid)
    return HeldOut(
        p_outlet=np.column_stack([1 - p, p]).astype(np.float32),
        outlets=cells.outlets[reported],
        donors=cells.donors[reported],
        wells=cells.wells[reported],
        columns=CLASS_OUTLETS,
    )


def measure_size(cells: LabelledCells) -> Floats:
    """Planar size and its square; shape (n, 2)."""
    centred = cells.diameters_um.astype(np.float64) - USUAL_DIAMETER_UM
    return np.column_stack([centred, centred**2])


def measure_by_hand(cells: LabelledCells) -> Floats:
    """Looks of the crop (`app.domain.cell_looks`) and size; shape (n, 46)."""
    return np.column_stack([measure_looks(cells.crops), cells.diameters_um]).astype(np.float64)


def measure_light(crops: NDArray[np.uint8]) -> Floats:
    """What the crop's border says of the light, and nothing of the cell; shape (n, 4).

    Median grey, its slope along rows and columns, and the spread around that.
    """
    side_px = crops.shape[1]
    edge = np.ones((side_px, side_px), bool)
    edge[BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX] = False
    row, column = (place.astype(np.float64) - (side_px - 1) / 2 for place in np.nonzero(edge))
    level = measure_crop_background(crops).astype(np.float64)
    deviation = crops[:, edge] - level[:, np.newaxis]
    slopes = [deviation @ places / (places @ places) for places in (row, column)]
    return np.column_stack([level, *slopes, np.median(np.abs(deviation), axis=1)])


def _logistic(seed: int) -> ClassifierMixin:
    return LogisticRegression(random_state=seed)


def _boosting(seed: int) -> ClassifierMixin:
    return HistGradientBoostingClassifier(max_iter=TREES, random_state=seed)


def _light_of(cells: LabelledCells) -> Floats:
    return measure_light(cells.crops)


_METHODS: Final[Mapping[str, tuple[Callable[[LabelledCells], Floats], _SeededFitter]]] = {
    "size_only": (measure_size, _logistic),
    "handcrafted": (measure_by_hand, _boosting),
    "light_only": (_light_of, _boosting),
}
