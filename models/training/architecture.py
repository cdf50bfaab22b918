"""The two networks, each on half a page.

References
----------
Lamoureux et al., Lab on a Chip 22 (2022) 26-39, and Data in Brief 47 (2023) 108928: `published`.
McCullagh, Journal of the Royal Statistical Society B 42 (1980) 109-142: ordered classes cut from
one latent scale, the head of `compact`.
"""

import math
from typing import Any, Final

import keras
from keras import layers, ops

from models.artefact import INPUT_NAME, OUTPUT_NAME
from models.training.config import TrainingConfig

CROP_PX: Final = 60
LEAST_PROBABILITY: Final = 1e-6
"""Keeps the logarithm of a probability finite in float32."""

PENULTIMATE: Final = "penultimate"
"""The last hidden layer, by name: what a probe reads."""

COMPACT_STAGES: Final = ((16, 5, 2), (32, 3, 2), (48, 3, 1), (64, 3, 2), (64, 3, 1))
"""Filters, kernel side and stride of each convolution of the compact network."""
COMPACT_DENSE: Final = 64
COMPACT_DROPOUT: Final = 0.2
BATCH_MOMENTUM: Final = 0.95
"""Keeps up with the weights within a few dozen batches, so that short runs can be judged."""
CUT_GAP: Final = 1.5
"""Distance of neighbouring cuts before training, in units of the logistic scale."""


def build_network(config: TrainingConfig) -> keras.Model:
    """Build the network a configuration names, with fresh weights from the global seed."""
    n_classes = len(config.outlets)
    if config.architecture == "published":
        return build_published(n_classes)
    return build_compact(n_classes)


def build_published(n_classes: int = 2) -> keras.Model:
    """The published network: 1,053,570 parameters with two classes, 478 M multiply-adds.

    Valid padding, stride 1, ReLU then batch normalisation, as in the authors' scripts.
    """
    crops = keras.Input((CROP_PX, CROP_PX, 1), name=INPUT_NAME)  # (batch, 60, 60, 1)
    x = layers.Conv2D(256, 7, activation="relu")(crops)
    x = layers.MaxPooling2D(2)(layers.BatchNormalization()(x))  # (batch, 27, 27, 256)
    x = layers.Conv2D(128, 5, activation="relu")(x)
    x = layers.MaxPooling2D(2)(layers.BatchNormalization()(x))  # (batch, 11, 11, 128)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = layers.MaxPooling2D(2)(layers.BatchNormalization()(x))  # (batch, 3, 3, 64)
    x = layers.Flatten()(x)
    for name in (None, None, PENULTIMATE):
        x = layers.Dense(128, activation="relu", name=name)(x)
        x = layers.Dropout(0.2)(layers.BatchNormalization()(x))
    probabilities = layers.Dense(n_classes, activation="softmax", name=OUTPUT_NAME)(x)
    return keras.Model(crops, probabilities, name="published")


def build_compact(n_classes: int = 4) -> keras.Model:
    """Our network: about 9 M multiply-adds, global averaging, ordered classes."""
    crops = keras.Input((CROP_PX, CROP_PX, 1), name=INPUT_NAME)  # (batch, 60, 60, 1)
    x = crops
    for filters, kernel_px, stride in COMPACT_STAGES:
        x = layers.Conv2D(filters, kernel_px, strides=stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=BATCH_MOMENTUM)(x))
    x = layers.GlobalAveragePooling2D()(x)  # (batch, 64)
    x = layers.Dense(COMPACT_DENSE, activation="relu", name=PENULTIMATE)(x)
    x = layers.Dropout(COMPACT_DROPOUT)(x)
    place_and_steepness = layers.Dense(2, name="place_and_steepness")(x)
    probabilities = OrderedClasses(n_classes, name=OUTPUT_NAME)(place_and_steepness)
    return keras.Model(crops, probabilities, name="compact")


@keras.saving.register_keras_serializable(package="pliant")
class OrderedClasses(layers.Layer):  # type: ignore[misc]  # Keras carries no types
    """Probabilities of ordered classes from a place on one scale and a steepness.

    ``P(class > k) = sigmoid((place - cut_k) * exp(steepness))`` with rising cuts, so the classes
    keep their order and a doubtful cell spreads over neighbours, which is how outlets err.
    """

    def __init__(self, n_classes: int, **options: Any) -> None:  # noqa: ANN401  Keras' own options
        super().__init__(**options)
        self.n_classes = n_classes

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        del input_shape
        self.first_cut = self.add_weight(
            shape=(1,),
            initializer=keras.initializers.Constant(-CUT_GAP * (self.n_classes - 2) / 2),
            name="first_cut",
        )
        self.gaps = self.add_weight(
            shape=(self.n_classes - 2,),
            initializer=keras.initializers.Constant(math.log(math.expm1(CUT_GAP))),
            name="gaps",
        )

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        cuts = ops.concatenate(
            [self.first_cut, self.first_cut + ops.cumsum(ops.softplus(self.gaps))]
        )
        place, steepness = inputs[:, :1], ops.exp(inputs[:, 1:])
        beyond = ops.sigmoid((place - cuts) * steepness)  # (batch, classes - 1), falling
        parts = [1.0 - beyond[:, :1], beyond[:, :-1] - beyond[:, 1:], beyond[:, -1:]]
        if self.n_classes == 2:
            del parts[1]  # no class lies between two; ONNX has no use for an empty part
        shares = ops.concatenate(parts, axis=1)
        shares = ops.maximum(shares, LEAST_PROBABILITY)
        return shares / ops.sum(shares, axis=1, keepdims=True)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n_classes": self.n_classes}


def soften(model: keras.Model, temperature: float) -> None:
    """Divide the network's logits by a temperature, inside its last weights."""
    head = model.get_layer(OUTPUT_NAME)
    if isinstance(head, OrderedClasses):
        kernel, bias = model.get_layer("place_and_steepness").get_weights()
        bias[1] -= math.log(temperature)
        model.get_layer("place_and_steepness").set_weights([kernel, bias])
    else:
        head.set_weights([weight / temperature for weight in head.get_weights()])


def multiply_adds(model: keras.Model) -> int:
    """Multiplications of weights with activations for one crop: convolutions and dense layers."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            rows, columns = layer.output.shape[1:3]
            total += rows * columns * math.prod(layer.kernel.shape)
        elif isinstance(layer, layers.Dense):
            total += math.prod(layer.kernel.shape)
    return total
