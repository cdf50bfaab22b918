"""Fit a network to labelled crops, reproducibly, go on after an interruption, and calibrate it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from app.domain.imaging.normalisation import normalise_crops
from models.artefact import OUTPUT_NAME
from models.training.architecture import PENULTIMATE, OrderedClasses, build_network, soften
from models.training.augmentation import augment_crops
from models.training.checkpoints import Arrays, Epoch, FitCheckpoint, FitState, NoCheckpoints
from models.training.compiled import CompiledNetworks, copy_state
from models.training.config import TrainingConfig
from models.training.dataset import LabelledCells, balanced_groups, class_indices, draw_epoch
from models.training.schedule import learning_rate_at

PREDICT_BATCH = 512
LARGEST_LOG_TEMPERATURE = math.log(5.0)

OnEpoch = Callable[[Epoch], None]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """What a network says of n crops.

    Attributes
    ----------
    p_outlet
        float32, shape (n, k).
    features
        float32, shape (n, f): its last hidden layer.
    """

    p_outlet: NDArray[np.float32]
    features: NDArray[np.float32]


def fit_network(
    fit: LabelledCells,
    choose: LabelledCells | None,
    config: TrainingConfig,
    *,
    on_epoch: OnEpoch | None = None,
    checkpoint: FitCheckpoint | None = None,
    networks: CompiledNetworks | None = None,
) -> tuple[keras.Model, list[Epoch]]:
    """Build and fit a network, or go on with a fit that was interrupted.

    Parameters
    ----------
    fit, choose
        Cells that share no donor; `choose` is only watched, and stops the run where the
        configuration asks for patience.
    config
        Everything else; the same configuration, cells and machine give the same weights.
    on_epoch
        Told after each pass, when its state is saved; what it raises ends the run.
    checkpoint
        Where the state is kept.
    networks
        To fit with, shared by the fits of a run.
    """
    model = (networks or CompiledNetworks()).take_blank(config)
    batches = _Batches(fit, config)
    watch = _Watch(config, choose, on_epoch, checkpoint or FitCheckpoint(NoCheckpoints(), "", ""))
    watch.restore(model)
    batches.start_at(len(watch.epochs))
    if not watch.is_over:
        model.fit(
            batches,
            initial_epoch=len(watch.epochs),
            epochs=config.epochs,
            shuffle=False,  # drawn by seed and epoch; Keras' own order would follow the process
            callbacks=[_Pace(config, len(batches)), watch],
            verbose=0,
        )
    watch.take_best(model)
    fitted = build_network(config)
    copy_state(model, fitted)
    return fitted, watch.epochs


def answer(model: keras.Model, crops: NDArray[np.uint8], config: TrainingConfig) -> Answers:
    """Run a network over crops of shape (n, 60, 60)."""
    features = model.get_layer(PENULTIMATE).output
    both = keras.Model(model.input, [model.output, features])
    p_outlet, hidden = _run(both, crops, config)
    return Answers(p_outlet, hidden)


def _run(
    model: keras.Model, crops: NDArray[np.uint8], config: TrainingConfig
) -> list[NDArray[np.float32]]:
    """Every output for all crops. Called directly: Keras' `predict` would first trace a graph."""
    parts = []
    for start in range(0, len(crops), PREDICT_BATCH):
        batch = crops[start : start + PREDICT_BATCH]
        outputs = model(normalise_crops(batch, version=config.normalisation), training=False)
        listed = outputs if isinstance(outputs, list) else [outputs]
        parts.append([np.asarray(output) for output in listed])
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def choose_temperature(model: keras.Model, cells: LabelledCells, config: TrainingConfig) -> float:
    """Divide the network's logits by the temperature that makes `cells` most likely.

    The weights are changed in place. The cells must come from donors that did not fit them:
    a network is surer of donors it knows.
    """
    labels = class_indices(cells.outlets, config.outlets)
    probabilities_at = _reheatable(model, cells.crops, config)

    def loss(log_temperature: float) -> float:
        return log_loss(probabilities_at(math.exp(log_temperature)), labels)

    limits = (-LARGEST_LOG_TEMPERATURE, LARGEST_LOG_TEMPERATURE)
    temperature = math.exp(minimize_scalar(loss, bounds=limits, method="bounded").x)
    soften(model, temperature)
    return temperature


def log_loss(p: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """Mean negative logarithm of the probability of the truth; p of shape (n, k)."""
    return -float(np.log(np.maximum(p[np.arange(len(labels)), labels], 1e-12)).mean())


def _reheatable(
    model: keras.Model, crops: NDArray[np.uint8], config: TrainingConfig
) -> Callable[[float], Floats]:
    """Run the network once; return its probabilities as a function of temperature."""
    head = model.get_layer(OUTPUT_NAME)
    if isinstance(head, OrderedClasses):
        (raw,) = _run(keras.Model(model.input, head.input), crops, config)
        return lambda temperature: np.asarray(
            head(raw - np.array([0.0, math.log(temperature)], np.float32)), np.float64
        )
    logits = np.log(np.maximum(_run(model, crops, config)[0], 1e-12))

    def softmax_at(temperature: float) -> Floats:
        powers = np.exp(logits.astype(np.float64) / temperature)
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    return softmax_at


class _Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras carries no types
    """Augmented batches; what is in one depends on seed, epoch and place alone."""

    def __init__(self, cells: LabelledCells, config: TrainingConfig) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self._cells = cells
        self._config = config
        self._labels = class_indices(cells.outlets, config.outlets)
        self._groups = balanced_groups(cells)
        self.start_at(0)

    def start_at(self, epoch: int) -> None:
        self._epoch = epoch
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
        self.start_at(self._epoch + 1)


class _Pace(keras.callbacks.Callback):  # type: ignore[misc]  # Keras carries no types
    """Sets the learning rate of every step: a schedule in the graph would bind it to one fit."""

    def __init__(self, config: TrainingConfig, steps_per_epoch: int) -> None:
        super().__init__()
        self._config = config
        self._steps_per_epoch = steps_per_epoch
        self._step = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        del logs
        self._step = epoch * self._steps_per_epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        del logs
        rate = learning_rate_at(self._step + batch, self._steps_per_epoch, self._config)
        self.model.optimizer.learning_rate.assign(rate)


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]  # Keras carries no types
    """Keeps the state after every epoch, tells of it, and stops when nothing gets better."""

    def __init__(
        self,
        config: TrainingConfig,
        choose: LabelledCells | None,
        on_epoch: OnEpoch | None,
        checkpoint: FitCheckpoint,
    ) -> None:
        super().__init__()
        self.epochs: list[Epoch] = []
        self._config = config
        self._choose = choose
        self._on_epoch = on_epoch
        self._checkpoint = checkpoint
        self._best: Arrays = ()

    def restore(self, model: keras.Model) -> None:
        state = self._checkpoint.load()
        if state is None:
            return
        _assign(model.variables, state.variables)
        _assign(model.optimizer.variables, state.optimiser)
        self.epochs, self._best = list(state.epochs), state.best

    @property
    def is_over(self) -> bool:
        return len(self.epochs) >= self._config.epochs or self._waited_enough()

    def take_best(self, model: keras.Model) -> None:
        """With patience, the weights of the epoch that the choosing cells liked best."""
        if self._best:
            _assign(model.variables, self._best)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        choose_loss, choose_accuracy = self._judge()
        done = Epoch(
            number=epoch + 1,
            of=self._config.epochs,
            loss=float(logs["loss"]),
            accuracy=float(logs["accuracy"]),
            choose_loss=choose_loss,
            choose_accuracy=choose_accuracy,
        )
        self.epochs.append(done)
        if self._config.patience_epochs is not None and best_epoch(self.epochs) == done.number:
            self._best = _values(self.model.variables)
        self._checkpoint.save(self._state())
        if self._on_epoch is not None:
            self._on_epoch(done)
        self.model.stop_training = self._waited_enough()

    def _judge(self) -> tuple[float | None, float | None]:
        if self._choose is None:
            return None, None
        (p,) = _run(self.model, self._choose.crops, self._config)
        labels = class_indices(self._choose.outlets, self._config.outlets)
        return log_loss(p, labels), float((p.argmax(axis=1) == labels).mean())

    def _state(self) -> FitState:
        return FitState(
            fingerprint=self._checkpoint.fingerprint,
            epochs=tuple(self.epochs),
            variables=_values(self.model.variables),
            optimiser=_values(self.model.optimizer.variables),
            best=self._best,
        )

    def _waited_enough(self) -> bool:
        patience = self._config.patience_epochs
        return patience is not None and len(self.epochs) - best_epoch(self.epochs) >= patience


def best_epoch(epochs: Sequence[Epoch]) -> int:
    """Number of the epoch with the least loss on the choosing cells; the last without them."""
    losses = [one.choose_loss for one in epochs if one.choose_loss is not None]
    return int(np.argmin(losses)) + 1 if losses else len(epochs)


def _values(variables: Sequence[keras.Variable]) -> Arrays:
    return tuple(variable.numpy() for variable in variables)


def _assign(variables: Sequence[keras.Variable], values: Arrays) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
