"""Convolutions that answer a turned or mirrored sheet with their turned or mirrored answer.

The eight turns and mirrors permute a kernel's places and, as laid down here, the channels before
and after it. Weights that one of them takes into another are one weight: exact at whole squares,
with an eighth of the parameters and nothing to learn eight times.

References
----------
Cohen, Welling, Group Equivariant Convolutional Networks, ICML 2016.
"""

from typing import Any, Final, NamedTuple

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from app.domain.imaging.regions import N_ANGLES

Indices = NDArray[np.intp]

N_SYMMETRIES: Final = 8
_TURN: Final = np.array([[0, 1], [-1, 0]])
_MIRROR: Final = np.array([[1, 0], [0, -1]])


def _matrices() -> NDArray[np.int64]:
    """The symmetries of a square, shape (8, 2, 2), acting on (row, column) from its middle."""
    turns = [np.linalg.matrix_power(_TURN, n) for n in range(4)]
    return np.array([*turns, *(turn @ _MIRROR for turn in turns)])


MATRICES: Final = _matrices()


class Channels(NamedTuple):
    """Channels and, shape (8, n), where each symmetry takes them."""

    taken_to: Indices

    @property
    def number(self) -> int:
        return int(self.taken_to.shape[1])


def scalars(number: int) -> Channels:
    """Channels that no symmetry changes: grey values, probabilities."""
    return Channels(np.tile(np.arange(number), (N_SYMMETRIES, 1)))


def oriented(number: int) -> Channels:
    """Features in all eight positions; position s of feature f is channel ``s * n / 8 + f``."""
    n_features = number // N_SYMMETRIES
    flat = [m.tobytes() for m in MATRICES]
    product = np.array([[flat.index((a @ b).tobytes()) for b in MATRICES] for a in MATRICES])
    places = product[:, :, np.newaxis] * n_features + np.arange(n_features)
    return Channels(places.reshape(N_SYMMETRIES, -1))


def rays() -> Channels:
    """Radii at `regions.ANGLES`."""
    angle = np.arange(N_ANGLES) * (2 * np.pi / N_ANGLES)
    row, column = (MATRICES @ np.stack([np.sin(angle), np.cos(angle)])).swapaxes(0, 1)
    turned = np.rint(np.arctan2(row, column) * (N_ANGLES / (2 * np.pi)))
    return Channels(turned.astype(np.intp) % N_ANGLES)


def tie_kernel(side: int, before: Channels, after: Channels) -> tuple[Indices, int]:
    """Number the weights of a kernel; weights of one number are one.

    Returns
    -------
    numbers
        Shape (side, side, before, after).
    count
        How many different ones there are.
    """
    shape = (side, side, before.number, after.number)
    own = np.arange(np.prod(shape)).reshape(shape)
    least = own.copy()
    middle = (side - 1) / 2
    places = np.stack(np.meshgrid(*2 * (np.arange(side) - middle,), indexing="ij"), axis=-1)
    for matrix, from_to, to in zip(MATRICES, before.taken_to, after.taken_to, strict=True):
        moved = np.rint(places @ matrix.T + middle).astype(np.intp)
        rows, columns = moved[..., 0], moved[..., 1]
        seen = own[rows[..., None, None], columns[..., None, None], from_to[:, None], to]
        least = np.minimum(least, seen)
    numbers, tied = np.unique(least, return_inverse=True)
    return tied.reshape(shape).astype(np.intp), len(numbers)


def tie_biases(after: Channels) -> tuple[Indices, int]:
    """Number the biases likewise, shape (after,)."""
    numbers, tied = np.unique(after.taken_to.min(axis=0), return_inverse=True)
    return tied.astype(np.intp), len(numbers)


class TiedConvolution(keras.layers.Layer):  # type: ignore[misc]  # Keras carries no types
    """A convolution with tied weights; sides are even where the stride is 2, else odd."""

    def __init__(
        self,
        before: Channels,
        after: Channels,
        side: int,
        *,
        stride: int = 1,
        first_bias: float | None = None,
        **kwargs: Any,  # noqa: ANN401  Keras carries no types
    ) -> None:
        super().__init__(**kwargs)
        self.stride, self.first_bias = stride, first_bias
        self._fan_in = side * side * before.number
        self._numbers, self._count = tie_kernel(side, before, after)
        self._bias_numbers, self._n_biases = tie_biases(after)

    def build(self, _: Any) -> None:  # noqa: ANN401  Keras carries no types
        spread = keras.initializers.RandomNormal(stddev=float(np.sqrt(2 / self._fan_in)))
        self.values = self.add_weight(shape=(self._count,), initializer=spread, name="values")
        if self.first_bias is not None:
            first = keras.initializers.Constant(self.first_bias)
            self.biases = self.add_weight(shape=(self._n_biases,), initializer=first, name="biases")

    def call(self, x: Any) -> Any:  # noqa: ANN401  Keras carries no types
        kernel = ops.take(self.values, self._numbers)
        x = ops.conv(x, kernel, strides=self.stride, padding="same")
        return x if self.first_bias is None else x + ops.take(self.biases, self._bias_numbers)

    def untied_weights(self) -> list[NDArray[np.float32]]:
        """The weights of the ordinary convolution that gives the same answers."""
        values = [np.asarray(self.values)[self._numbers]]
        if self.first_bias is not None:
            values.append(np.asarray(self.biases)[self._bias_numbers])
        return values


class TiedNormalisation(keras.layers.Layer):  # type: ignore[misc]  # Keras carries no types
    """Batch normalisation that treats a feature's eight positions alike."""

    def __init__(self, *, momentum: float, **kwargs: Any) -> None:  # noqa: ANN401  Keras carries no types
        super().__init__(**kwargs)
        self._inner = keras.layers.BatchNormalization(momentum=momentum)

    def build(self, shape: tuple[int | None, ...]) -> None:
        self._n_channels = shape[-1] or 0
        self._inner.build((None, None, None, self._n_channels // N_SYMMETRIES))

    def call(self, x: Any, *, training: bool = False) -> Any:  # noqa: ANN401  Keras carries no types
        batch, height, width = ops.shape(x)[:3]
        features = self._n_channels // N_SYMMETRIES
        apart = ops.reshape(x, (batch, height, width * N_SYMMETRIES, features))
        apart = self._inner(apart, training=training)
        return ops.reshape(apart, (batch, height, width, self._n_channels))

    def untied_weights(self) -> list[NDArray[np.float32]]:
        """The weights of the ordinary normalisation that gives the same answers."""
        return [np.tile(np.asarray(weight), N_SYMMETRIES) for weight in self._inner.weights]
