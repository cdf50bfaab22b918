"""The outliner: a small U at a quarter and an eighth of the sheet's resolution.

References
----------
Zhou, Wang, Krähenbühl, Objects as Points (2019): centres as peaks of a map.
Schmidt et al., Cell Detection with Star-Convex Polygons, MICCAI 2018: radii at equal angles.
"""

from typing import Final

import keras
from keras import layers, ops

from app.domain.imaging.outliner import KINDS
from app.domain.imaging.regions import N_ANGLES
from models.outliner import INPUT_NAME, OUTPUT_NAMES

STEM: Final = 16
FINE: Final = 32
COARSE: Final = 48
COARSE_BLOCKS: Final = 3
HEAD: Final = 48
HEAD_BLOCKS: Final = 2
FAINT: Final = 0.06
"""Deviation that is compressed to a half: faint cells fill the first layer's range too."""
RADIUS_UNIT_PX: Final = 4.0
RARE_CENTRE: Final = -4.0
"""Bias of the centre map before training: most squares hold no centre."""
BATCH_MOMENTUM: Final = 0.97
_ACROSS: Final = (3, 1, 2)


def build_outliner() -> keras.Model:
    """Build the network with fresh weights from the global seed.

    Input (batch, h, w, 1); outputs at a quarter of both sides: the logit of a centre, 32 radii in
    working px, the logits of the kinds.
    """
    sheet = keras.Input((None, None, 1), name=INPUT_NAME)
    x = layers.Activation("softsign")(sheet * (1 / FAINT))
    x = _convolve(x, STEM, 5, stride=2)
    x = _convolve(x, FINE, 3, stride=2)
    fine = _convolve(x, FINE, 3)
    x = _convolve(fine, COARSE, 3, stride=2)
    for _ in range(COARSE_BLOCKS):
        x = layers.Add()([x, _convolve(x, COARSE, 3)])
    x = layers.Conv2DTranspose(FINE, 2, strides=2)(x)
    x = layers.Add()([fine, x])
    for _ in range(HEAD_BLOCKS):
        x = _convolve(x, HEAD, 3)
    centre = layers.Conv2D(1, 1, bias_initializer=keras.initializers.Constant(RARE_CENTRE))(x)
    radii = layers.Conv2D(
        N_ANGLES, 1, activation="relu", bias_initializer=keras.initializers.Constant(2.0)
    )(x)
    kinds = layers.Conv2D(len(KINDS), 1)(x)
    return keras.Model(sheet, [centre, RADIUS_UNIT_PX * radii, kinds], name="outliner")


def with_answers(model: keras.Model) -> keras.Model:
    """The network with the outputs of the ONNX file: probabilities, maps before squares."""
    centre, radii, kinds = model.output
    answers = (ops.sigmoid(centre), radii, ops.softmax(kinds))
    named = [
        layers.Permute(_ACROSS, name=name)(answer)
        for name, answer in zip(OUTPUT_NAMES, answers, strict=True)
    ]
    return keras.Model(model.input, named, name="outliner")


def _convolve(
    x: keras.KerasTensor, filters: int, side: int, *, stride: int = 1
) -> keras.KerasTensor:
    x = layers.Conv2D(filters, side, strides=stride, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=BATCH_MOMENTUM)(x))
