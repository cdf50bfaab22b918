"""Fit one split of labelled cells and let its held-out cells answer."""

import hashlib
import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from app.domain.partitions import Split
from models.evaluation import HeldOut, class_accuracy, p_rigid
from models.training.checkpoints import Checkpoints, Epoch, FitCheckpoint
from models.training.compiled import CompiledNetworks
from models.training.config import TrainingConfig
from models.training.dataset import LabelledCells, training_prior
from models.training.fit import answer, best_epoch, choose_temperature, fit_network
from models.training.shortcut_probe import ProbedCells

DOWN_SAMPLING: Final = (2, 3, 4)
"""Factors by which a crop's side is reduced, to see how much detail the network needs."""


@dataclass(frozen=True)
class Progress:
    """Where a run is, after an epoch.

    Attributes
    ----------
    stage
        ``search``, ``fold``, ``final``, ``learning_curve``, ``well_transfer`` or ``evaluation``.
    fold, folds
        Which fit of the stage, from 1, and how many it has.
    fit, fits
        Which fit of the run, from 1, and how many it has.
    """

    stage: str
    fold: int
    folds: int
    fit: int
    fits: int
    epoch: int
    epochs: int
    loss: float
    accuracy: float

    @property
    def share_done(self) -> float:
        return (self.fit - 1 + self.epoch / self.epochs) / self.fits


OnProgress = Callable[[Progress], None]


@dataclass
class Fits:
    """The fits of one run: told of, kept, and counted.

    Attributes
    ----------
    fits
        How many the run will have.
    done
        How many were begun so far.
    """

    on_progress: OnProgress
    checkpoints: Checkpoints
    fits: int
    done: int = field(default=0)
    networks: CompiledNetworks = field(default_factory=CompiledNetworks)

    def fit(
        self,
        fit: LabelledCells,
        choose: LabelledCells | None,
        config: TrainingConfig,
        *,
        stage: str,
        fold: int = 1,
        folds: int = 1,
    ) -> tuple[keras.Model, list[Epoch]]:
        """Fit under a name of its own; a fit that is finished is not repeated."""
        self.done += 1
        place = self.done

        def tell(epoch: Epoch) -> None:
            self.on_progress(
                Progress(
                    stage=stage,
                    fold=fold,
                    folds=folds,
                    fit=place,
                    fits=self.fits,
                    epoch=epoch.number,
                    epochs=epoch.of,
                    loss=epoch.loss,
                    accuracy=epoch.accuracy,
                )
            )

        checkpoint = FitCheckpoint(
            self.checkpoints, f"fit-{place:03d}", _fingerprint(fit, choose, config)
        )
        return fit_network(
            fit, choose, config, on_epoch=tell, checkpoint=checkpoint, networks=self.networks
        )


def _fingerprint(fit: LabelledCells, choose: LabelledCells | None, config: TrainingConfig) -> str:
    parts = (fit.sha256, "" if choose is None else choose.sha256, json.dumps(config.to_json()))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dataclass(frozen=True)
class FittedFold:
    """One split's network and what it says of cells it has not seen.

    Attributes
    ----------
    held
        Answers for the reporting cells, in their order.
    probed
        Reporting and choosing cells with their last hidden layer.
    down_sampled
        Accuracy by factor of reduction.
    """

    model: keras.Model
    split: Split
    config: TrainingConfig
    epochs: tuple[Epoch, ...]
    temperature: float
    prior: tuple[float, ...]
    held: HeldOut
    probed: ProbedCells
    down_sampled: dict[int, float]

    @property
    def accuracy(self) -> float:
        return class_accuracy(p_rigid(self.held.p_outlet, self.held.columns), self.held.outlets)


def fit_fold(
    cells: LabelledCells,
    split: Split,
    candidates: Sequence[TrainingConfig],
    fits: Fits,
    *,
    fold: int = 1,
    folds: int = 1,
) -> FittedFold:
    """Fit to one split; where there are several candidates, its choosing cells choose.

    The reporting cells are looked at afterwards, once.
    """
    fit, choose = cells.select(split.fit), cells.select(split.choose)
    stage = "fold" if len(candidates) == 1 else "search"
    tried = [
        (config, *fits.fit(fit, choose, config, stage=stage, fold=fold, folds=folds))
        for config in candidates
    ]
    config, model, epochs = min(tried, key=lambda one: _choose_loss(one[2], one[0]))
    temperature = choose_temperature(model, choose, config)
    return _look(cells, split, config, model, epochs, temperature)


def _choose_loss(epochs: Sequence[Epoch], config: TrainingConfig) -> float:
    loss = epochs[kept_epochs(epochs, config) - 1].choose_loss
    assert loss is not None
    return loss


def kept_epochs(epochs: Sequence[Epoch], config: TrainingConfig) -> int:
    """Epochs behind the weights that are kept: to the best one with patience, else all."""
    return len(epochs) if config.patience_epochs is None else best_epoch(epochs)


def _look(
    cells: LabelledCells,
    split: Split,
    config: TrainingConfig,
    model: keras.Model,
    epochs: Sequence[Epoch],
    temperature: float,
) -> FittedFold:
    report = cells.select(split.report)
    unseen = cells.select(np.concatenate([split.report, split.choose]))
    answers = answer(model, unseen.crops, config)
    return FittedFold(
        model=model,
        split=split,
        config=config,
        epochs=tuple(epochs),
        temperature=temperature,
        prior=training_prior(cells.select(split.fit), config.outlets),
        held=hold_out(report, answers.p_outlet[: len(report)], config.outlets),
        probed=ProbedCells(unseen, answers.features),
        down_sampled={
            factor: _accuracy(model, replace(report, crops=blur_by(report.crops, factor)), config)
            for factor in DOWN_SAMPLING
        },
    )


def hold_out(
    cells: LabelledCells, p_outlet: NDArray[np.float32], columns: tuple[int, ...]
) -> HeldOut:
    return HeldOut(p_outlet, cells.outlets, cells.donors, cells.wells, columns)


def _accuracy(model: keras.Model, cells: LabelledCells, config: TrainingConfig) -> float:
    p_outlet = answer(model, cells.crops, config).p_outlet
    return class_accuracy(p_rigid(p_outlet, config.outlets), cells.outlets)


def blur_by(crops: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Crops as a camera with `factor` times larger pixels would show them, at their own size."""
    side_px = crops.shape[1]
    small = (round(side_px / factor),) * 2
    return np.stack(
        [
            cv2.resize(
                cv2.resize(crop, small, interpolation=cv2.INTER_AREA),
                (side_px, side_px),
                interpolation=cv2.INTER_LINEAR,
            )
            for crop in crops
        ]
    ).astype(np.uint8)


def fit_pair(
    fit: LabelledCells,
    report: LabelledCells,
    config: TrainingConfig,
    fits: Fits,
    *,
    stage: str,
    fold: int = 1,
    folds: int = 1,
) -> float:
    """Accuracy on `report` of a network fitted to `fit`; nothing is chosen on the way."""
    still = replace(config, patience_epochs=None)
    model, _ = fits.fit(fit, None, still, stage=stage, fold=fold, folds=folds)
    return _accuracy(model, report, still)


def usual_epochs(folds: Sequence[FittedFold]) -> int:
    """Epochs for a network that no held-out cells can stop: the folds' median."""
    return round(statistics.median(kept_epochs(fold.epochs, fold.config) for fold in folds))
