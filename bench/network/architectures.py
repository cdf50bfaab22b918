"""Both architectures fitted to the same drawn cells, and wells held against each other."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from app.domain.partitions import Split
from bench.network.drawn import draw_cells, name_donors
from models.evaluation import evaluate
from models.training.checkpoints import NoCheckpoints
from models.training.config import TrainingConfig, published_config
from models.training.extras import transfer_between_wells
from models.training.folds import Fits, Progress, fit_fold

Tell = Callable[[str], None]

SEED: Final = 517
FIT_DONORS: Final = 20
OTHER_DONORS: Final = 5
"""Of each of the choosing and the reporting set."""
CELLS_PER_WELL: Final = 25
"""Two wells of four outlets: 4,000 fitting crops."""


def compare(architecture: str, epochs: int, tell: Tell) -> dict[str, Any]:
    """One fold: 4,000 crops of twenty donors fit, five donors choose, five report."""
    usual = published_config() if architecture == "published" else TrainingConfig()
    config = replace(usual, epochs=epochs, patience_epochs=None, seed=SEED)
    cells, split = _fold()
    fits = Fits(lambda progress: tell(_line(architecture, progress)), NoCheckpoints(), 1)
    fold = fit_fold(cells, split, (config,), fits)
    found = evaluate(fold.held)
    return {
        "epochs": epochs,
        "n_fit": len(split.fit),
        "n_report": len(split.report),
        "accuracy": found["accuracy"],
        "interval": found["intervals"]["accuracy"],
        "roc_auc": found["roc_auc"],
    }


def _fold() -> tuple[Any, Split]:
    codes = name_donors("ARCH", FIT_DONORS + 2 * OTHER_DONORS)
    cells = draw_cells(codes, n_per_well=CELLS_PER_WELL, seed=SEED).cells
    place = np.searchsorted(np.array(codes), cells.donors)
    last_fit, last_choose = FIT_DONORS, FIT_DONORS + OTHER_DONORS
    return cells, Split(
        fit=np.flatnonzero(place < last_fit),
        choose=np.flatnonzero((place >= last_fit) & (place < last_choose)),
        report=np.flatnonzero(place >= last_choose),
    )


def compare_wells(n_donors: int, n_per_well: int, epochs: int, tell: Tell) -> dict[str, Any]:
    """The compact network fitted to first wells and reported on second ones."""
    cells = draw_cells(name_donors("WELL", n_donors), n_per_well=n_per_well, seed=SEED).cells
    config = replace(TrainingConfig(), epochs=epochs, seed=SEED)
    fits = Fits(lambda progress: tell(_line("compact", progress)), NoCheckpoints(), 2)
    figures = transfer_between_wells(cells, config, fits)
    return figures | {"n_donors": n_donors, "epochs": epochs}


def _line(name: str, progress: Progress) -> str:
    return (
        f"{name}, fit {progress.fit}/{progress.fits}, epoch {progress.epoch}/{progress.epochs}: "
        f"loss {progress.loss:.3f}, accuracy {progress.accuracy:.3f}"
    )
