"""Networks ready to be fitted, kept between the fits of a run: tracing one takes seconds.

A network is taken from here blank: weights from the seed, the optimiser's moments at zero. Whether
it was fitted before cannot be told from its result.
"""

import keras
import numpy as np
import tensorflow as tf

from models.training.architecture import build_network
from models.training.config import TrainingConfig

PUBLISHED_MOMENTUM = 0.9


class CompiledNetworks:
    """One compiled network per architecture and set of outlets."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, tuple[int, ...], float], keras.Model] = {}

    def take_blank(self, config: TrainingConfig) -> keras.Model:
        """The network a configuration names, as new; whoever took it before must be done."""
        make_repeatable(config.seed)
        blank = build_network(config)
        key = (config.architecture, config.outlets, config.weight_decay)
        if key not in self._kept:
            self._kept[key] = _compile(build_network(config), config)
        model = self._kept[key]
        copy_state(blank, model)
        for variable in model.optimizer.variables:
            variable.assign(np.zeros_like(variable.numpy()))
        return model


def copy_state(source: keras.Model, target: keras.Model) -> None:
    """Weights, running means and the state of dropout's random numbers."""
    for variable, value in zip(target.variables, source.variables, strict=True):
        variable.assign(value.numpy())


def make_repeatable(seed: int) -> None:
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def _compile(model: keras.Model, config: TrainingConfig) -> keras.Model:
    model.compile(
        optimizer=_optimiser(config),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
        jit_compile=False,  # XLA's convolutions are several times slower on a CPU
    )
    model.optimizer.build(model.trainable_variables)
    return model


def _optimiser(config: TrainingConfig) -> keras.optimizers.Optimizer:
    """Its learning rate is set before every step (`models.training.schedule`)."""
    if config.architecture == "published":
        return keras.optimizers.SGD(0.0, momentum=PUBLISHED_MOMENTUM, nesterov=True)
    return keras.optimizers.AdamW(0.0, weight_decay=config.weight_decay)
