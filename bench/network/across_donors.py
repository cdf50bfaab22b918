"""Three ideas for donors never seen, side by side: the light taken out, views averaged, measures.

Networks are small and fitted briefly, all to the same cells of the same donors, so that the rows
compare the ideas; none is the bundled network.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from app.domain.outlets import IMAGED_OUTLETS
from app.domain.partitions import Split
from bench.network.architectures import SEED, Tell
from bench.network.ceiling import CONDITIONS
from bench.network.drawn import draw_cells, name_donors
from models.evaluation import HeldOut, evaluate, sorted_score_errors
from models.training.baselines import TREES, measure_by_hand
from models.training.checkpoints import NoCheckpoints
from models.training.config import AugmentationConfig, TrainingConfig
from models.training.dataset import LabelledCells
from models.training.fit import answer
from models.training.folds import Fits, FittedFold, fit_fold, hold_out

FIT_DONORS: Final = 40
CHOOSE_DONORS: Final = 8
REPORT_DONORS: Final = 20
CELLS_PER_WELL: Final = 15

DARKER: Final = "exposure 130 (trained: 174 to 206)"
PLAIN: Final = AugmentationConfig(gain=(1.0, 1.0), contrast=(1.0, 1.0), light_slope=0.0)
"""Turned and mirrored, blurred and made noisy, but never shown in other light."""


Answers = NDArray[np.float32]
Method = Callable[[LabelledCells], Answers]
"""Cells to probabilities of their outlets, shape (n, k)."""


@dataclass(frozen=True)
class _Donors:
    """Cells to fit to, and those of the reporting donors in two lights."""

    cells: LabelledCells
    split: Split
    darker: LabelledCells


def measure_ideas(epochs: int, tell: Tell) -> dict[str, Any]:
    """Each idea on top of the one before; figures over the same held-out donors."""
    donors = _draw_donors()
    in_grey = replace(TrainingConfig(), normalisation="grey-255/1", augmentation=PLAIN)
    plain = _fit(donors, in_grey, epochs, tell)
    fold = _fit(donors, TrainingConfig(), epochs, tell)
    by_hand = _boost(donors)
    averaged = partial(_average, fold)
    methods: dict[str, Method] = {
        "grey as it is": partial(_say, plain),
        "the light taken out": partial(_say, fold),
        "and eight views averaged": averaged,
        "and handcrafted measures beside": lambda cells: _blend(averaged(cells), by_hand(cells)),
        "handcrafted measures alone": by_hand,
    }
    return {
        "epochs": epochs,
        "n_fit": len(donors.split.fit),
        "n_fit_donors": FIT_DONORS,
        "n_report": len(donors.split.report),
        "n_report_donors": REPORT_DONORS,
        "rows": {name: _figures(donors, method, fold.prior) for name, method in methods.items()},
    }


def _draw_donors() -> _Donors:
    codes = name_donors("IDEA", FIT_DONORS + CHOOSE_DONORS + REPORT_DONORS)
    cells = draw_cells(codes, n_per_well=CELLS_PER_WELL, seed=SEED).cells
    place = np.searchsorted(np.array(codes), cells.donors)
    parts = np.digitize(place, (FIT_DONORS, FIT_DONORS + CHOOSE_DONORS))
    fit, choose, report = (np.flatnonzero(parts == part) for part in range(3))
    darker = draw_cells(
        codes[-REPORT_DONORS:], n_per_well=CELLS_PER_WELL, seed=SEED, change=CONDITIONS[DARKER]
    )
    return _Donors(cells, Split(fit=fit, choose=choose, report=report), darker.cells)


def _say(fold: FittedFold, cells: LabelledCells) -> Answers:
    return answer(fold.model, cells.crops, fold.config).p_outlet


def _average(fold: FittedFold, cells: LabelledCells) -> Answers:
    """Mean of what the network says of a crop's eight turns and mirrors."""
    said = [_say(fold, replace(cells, crops=crops)) for crops in _views(cells.crops)]
    return np.asarray(np.mean(said, axis=0), np.float32)


def _views(crops: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for one in (crops, crops[:, :, ::-1]):
        for turns in range(4):
            yield np.ascontiguousarray(np.rot90(one, turns, axes=(1, 2)))


def _fit(donors: _Donors, config: TrainingConfig, epochs: int, tell: Tell) -> FittedFold:
    config = replace(config, epochs=epochs, seed=SEED)
    fits = Fits(
        lambda at: tell(f"{config.normalisation}, epoch {at.epoch}: {at.accuracy:.3f}"),
        NoCheckpoints(),
        1,
    )
    return fit_fold(donors.cells, donors.split, (config,), fits)


def _boost(donors: _Donors) -> Method:
    """Probabilities of the outlets from 46 measures, by gradient boosting."""
    fit = donors.cells.select(donors.split.fit)
    model = HistGradientBoostingClassifier(max_iter=TREES, random_state=SEED)
    with threadpool_limits(limits=1):
        model.fit(measure_by_hand(fit), fit.outlets)
    return lambda cells: np.asarray(model.predict_proba(measure_by_hand(cells)), np.float32)


def _blend(one: Answers, other: Answers) -> Answers:
    """Geometric mean of two answers: doubt of either stays."""
    product = np.sqrt(np.maximum(one, 1e-9) * np.maximum(other, 1e-9))
    return np.asarray(product / product.sum(axis=1, keepdims=True), np.float32)


def _figures(donors: _Donors, method: Method, prior: tuple[float, ...]) -> dict[str, Any]:
    held = _hold_out(donors.cells.select(donors.split.report), method)
    found = evaluate(held)
    return {
        "accuracy": found["accuracy"],
        "interval": found["intervals"]["accuracy"],
        "worst_donor": min(row["accuracy"] for row in found["by_donor"]),
        "calibration_error": found["calibration_error"],
        "score_error": float(np.abs(sorted_score_errors(held, prior)).mean()),
        "darker": evaluate(_hold_out(donors.darker, method))["accuracy"],
    }


def _hold_out(cells: LabelledCells, method: Method) -> HeldOut:
    return hold_out(cells, method(cells), IMAGED_OUTLETS)
