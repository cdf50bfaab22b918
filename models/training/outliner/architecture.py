"""The outliner: a small U at a quarter and an eighth of the sheet's resolution.

References
----------
Zhou, Wang, Krähenbühl, Objects as Points (2019): centres as peaks of a map.
Schmidt et al., Cell Detection with Star-Convex Polygons, MICCAI 2018: radii at equal angles.
"""

from typing import Any, Final

import keras
import numpy as np
from keras import layers, ops

from app.domain.imaging.outliner import KINDS
from models.outliner import INPUT_NAME, OUTPUT_NAMES
from models.training.outliner.symmetry import (
    Channels,
    TiedConvolution,
    TiedNormalisation,
    oriented,
    rays,
    scalars,
)

STEM: Final = oriented(16)
FINE: Final = oriented(32)
COARSE: Final = oriented(48)
COARSE_BLOCKS: Final = 4
HEAD: Final = oriented(48)
FAINT: Final = 0.06
"""Deviation that is compressed to a half: faint cells fill the first layer's range too."""
RADIUS_UNIT_PX: Final = 4.0
RARE_CENTRE: Final = -4.0
"""Bias of the centre map before training: most squares hold no centre."""
BATCH_MOMENTUM: Final = 0.97
_LARGEST_LOGIT: Final = 30.0
_ACROSS: Final = (3, 1, 2)


def build_outliner(*, tied: bool = True) -> keras.Model:
    """Build the network with fresh weights from the global seed.

    Input (batch, h, w, 1); outputs at a quarter of both sides: the logit of a centre, 32 radii in
    working px, the logits of the kinds.

    Parameters
    ----------
    tied
        Whether weights are tied so that a turned sheet gives the turned answers, as in training;
        or all their own, in ordinary layers, as in the file.
    """
    make = _Maker(tied=tied)
    sheet = keras.Input((None, None, 1), name=INPUT_NAME)
    # A factor of full rank: ONNX Runtime multiplies by a bare number one pixel at a time.
    x = layers.Activation("softsign")(sheet * np.full((1, 1, 1, 1), 1 / FAINT, np.float32))
    x = make.layer("stem", x, scalars(1), STEM, 6, stride=2)
    x = make.layer("shrink_fine", x, STEM, FINE, 2, stride=2)
    fine = make.layer("fine", x, FINE, FINE, 3)
    x = make.layer("shrink_coarse", fine, FINE, COARSE, 2, stride=2)
    for number in range(COARSE_BLOCKS):
        x = layers.Add()([x, make.layer(f"coarse_{number}", x, COARSE, COARSE, 3)])
    x = layers.UpSampling2D(2)(make.convolution("spread", x, COARSE, FINE, 1))
    x = layers.Add()([fine, x])
    x = make.layer("head", x, FINE, HEAD, 3)
    x = make.layer("last", x, HEAD, HEAD, 1)
    centre = make.convolution("centre_map", x, HEAD, scalars(1), 1, first_bias=RARE_CENTRE)
    radii = layers.ReLU()(make.convolution("radii_map", x, HEAD, rays(), 1, first_bias=2.0))
    kinds = make.convolution("kinds_map", x, HEAD, scalars(len(KINDS)), 1, first_bias=0.0)
    return keras.Model(sheet, [centre, RADIUS_UNIT_PX * radii, kinds], name="outliner")


def untie(model: keras.Model) -> keras.Model:
    """The same network in ordinary layers."""
    plain = build_outliner(tied=False)
    for layer in plain.layers:
        if layer.weights:
            layer.set_weights(model.get_layer(layer.name).untied_weights())
    return plain


def with_answers(model: keras.Model) -> keras.Model:
    """The network with the outputs of the ONNX file: probabilities, maps before squares."""
    centre, radii, kinds = model.output
    odds = ops.exp(ops.clip(kinds, -_LARGEST_LOGIT, _LARGEST_LOGIT))
    answers = (ops.sigmoid(centre), radii, odds / ops.sum(odds, axis=-1, keepdims=True))
    named = [
        layers.Permute(_ACROSS, name=name)(answer)
        for name, answer in zip(OUTPUT_NAMES, answers, strict=True)
    ]
    return keras.Model(model.input, named, name="outliner")


class _Maker:
    """Makes layers of either sort by the same names."""

    def __init__(self, *, tied: bool) -> None:
        self._tied = tied

    def convolution(
        self,
        name: str,
        x: keras.KerasTensor,
        before: Channels,
        after: Channels,
        side: int,
        *,
        stride: int = 1,
        first_bias: float | None = None,
    ) -> keras.KerasTensor:
        if self._tied:
            return TiedConvolution(
                before, after, side, stride=stride, first_bias=first_bias, name=name
            )(x)
        return layers.Conv2D(
            after.number,
            side,
            strides=stride,
            padding="same",
            use_bias=first_bias is not None,
            name=name,
        )(x)

    def layer(
        self,
        name: str,
        x: keras.KerasTensor,
        before: Channels,
        after: Channels,
        side: int,
        *,
        stride: int = 1,
    ) -> keras.KerasTensor:
        x = self.convolution(name, x, before, after, side, stride=stride)
        norm: Any = TiedNormalisation if self._tied else layers.BatchNormalization
        return layers.ReLU()(norm(momentum=BATCH_MOMENTUM, name=f"{name}_norm")(x))
