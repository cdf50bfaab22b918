"""Fit a network to labelled crops, reproducibly, and choose its temperature."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from app.domain.imaging.normalisation import normalise_crops
from models.artefact import OUTPUT_NAME
from models.training.architecture import OrderedClasses, build_network, soften
from models.training.augmentation import augment_crops
from models.training.config import TrainingConfig
from models.training.dataset import CellSet, balanced_groups, class_indices, draw_epoch

PREDICT_BATCH = 512
LARGEST_LOG_TEMPERATURE = math.log(5.0)
SGD_DECAY = 1e-6
"""Per step, as published."""


@dataclass(frozen=True)
class Epoch:
    """Progress after one pass; `choose_*` on donors that do not fit the weights."""

    number: int
    of: int
    loss: float
    accuracy: float
    choose_loss: float
    choose_accuracy: float


OnEpoch = Callable[[Epoch], None]


def fit_network(
    fit: CellSet, choose: CellSet, config: TrainingConfig, *, on_epoch: OnEpoch | None = None
) -> tuple[keras.Model, list[Epoch]]:
    """Build and fit a network.

    Parameters
    ----------
    fit, choose
        Cells of disjoint donors; `choose` is only watched, and stops the run where the
        configuration asks for patience.
    config
        Everything else; the same configuration, cells and machine give the same weights.
    on_epoch
        Told after each pass; what it raises ends the run.
    """
    _make_repeatable(config.seed)
    model = build_network(config)
    batches = _Batches(fit, config)
    model.compile(
        optimizer=_optimiser(config, len(batches)),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
        jit_compile=False,  # XLA's convolutions are several times slower on a CPU
    )
    watch = _Watch(config.epochs, on_epoch)
    model.fit(
        batches,
        epochs=config.epochs,
        validation_data=_whole(choose, config),
        validation_batch_size=PREDICT_BATCH,
        callbacks=[watch, *_patience(config)],
        verbose=0,
    )
    return model, watch.epochs


def choose_temperature(model: keras.Model, cells: CellSet, config: TrainingConfig) -> float:
    """Divide the network's logits by the temperature that makes `cells` most likely.

    The weights are changed in place. The cells must come from donors that did not fit them:
    a network is surer of donors it knows.
    """
    tensor, labels = _whole(cells, config)
    probabilities_at = _reheatable(model, tensor)

    def loss(log_temperature: float) -> float:
        p = probabilities_at(math.exp(log_temperature))
        return -float(np.log(np.maximum(p[np.arange(len(labels)), labels], 1e-12)).mean())

    limits = (-LARGEST_LOG_TEMPERATURE, LARGEST_LOG_TEMPERATURE)
    temperature = math.exp(minimize_scalar(loss, bounds=limits, method="bounded").x)
    soften(model, temperature)
    return temperature


def _reheatable(
    model: keras.Model, tensor: NDArray[np.float32]
) -> Callable[[float], NDArray[np.float64]]:
    """Run the network once; return its probabilities as a function of temperature."""
    head = model.get_layer(OUTPUT_NAME)
    if isinstance(head, OrderedClasses):
        place_and_steepness = keras.Model(model.input, head.input)
        raw = place_and_steepness.predict(tensor, batch_size=PREDICT_BATCH, verbose=0)
        return lambda temperature: np.asarray(
            head(raw - np.array([0.0, math.log(temperature)], np.float32)), np.float64
        )
    logits = np.log(np.maximum(model.predict(tensor, batch_size=PREDICT_BATCH, verbose=0), 1e-12))

    def softmax_at(temperature: float) -> NDArray[np.float64]:
        powers = np.exp(logits.astype(np.float64) / temperature)
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    return softmax_at


def _make_repeatable(seed: int) -> None:
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def _optimiser(config: TrainingConfig, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    if config.architecture == "published":
        decaying = keras.optimizers.schedules.InverseTimeDecay(config.learning_rate, 1, SGD_DECAY)
        return keras.optimizers.SGD(decaying, momentum=0.9, nesterov=True)
    steps = config.epochs * steps_per_epoch
    warm_up_steps = max(1, round(config.warm_up_share * steps))
    cosine = keras.optimizers.schedules.CosineDecay(
        config.learning_rate / 100,
        decay_steps=max(1, steps - warm_up_steps),
        warmup_target=config.learning_rate,
        warmup_steps=warm_up_steps,
    )
    return keras.optimizers.AdamW(cosine, weight_decay=config.weight_decay)


def _patience(config: TrainingConfig) -> list[keras.callbacks.Callback]:
    if config.patience_epochs is None:
        return []
    return [
        keras.callbacks.EarlyStopping(
            "val_loss", patience=config.patience_epochs, restore_best_weights=True
        )
    ]


def _whole(cells: CellSet, config: TrainingConfig) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    tensor = normalise_crops(cells.crops, version=config.normalisation)
    return tensor, class_indices(cells.outlets, config.outlets)


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras carries no types
    """Augmented batches; what is in one depends on seed, epoch and place alone."""

    def __init__(self, cells: CellSet, config: TrainingConfig) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._cells = cells
        self._config = config
        self._labels = class_indices(cells.outlets, config.outlets)
        self._groups = balanced_groups(cells)
        self._epoch = 0
        self._draw()

    def _draw(self) -> None:
        rng = np.random.default_rng((self._config.seed, self._epoch))
        self._order = draw_epoch(self._groups, len(self._cells), rng)

    def __len__(self) -> int:
        return math.ceil(len(self._order) / self._config.batch_size)

    def __getitem__(self, place: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        start = place * self._config.batch_size
        chosen = self._order[start : start + self._config.batch_size]
        rng = np.random.default_rng((self._config.seed, self._epoch, place))
        crops = augment_crops(self._cells.crops[chosen], rng, self._config.augmentation)
        return normalise_crops(crops, version=self._config.normalisation), self._labels[chosen]

    def on_epoch_end(self) -> None:
        self._epoch += 1
        self._draw()


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]  # Keras carries no types
    def __init__(self, of: int, on_epoch: OnEpoch | None) -> None:
        super().__init__()
        self.epochs: list[Epoch] = []
        self._of = of
        self._on_epoch = on_epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        done = Epoch(
            number=epoch + 1,
            of=self._of,
            loss=logs["loss"],
            accuracy=logs["accuracy"],
            choose_loss=logs["val_loss"],
            choose_accuracy=logs["val_accuracy"],
        )
        self.epochs.append(done)
        if self._on_epoch is not None:
            self._on_epoch(done)
