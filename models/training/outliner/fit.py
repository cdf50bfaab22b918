"""Fitting the outliner to patches."""

from collections.abc import Callable
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf

from app.domain.imaging.outliner import KINDS
from app.domain.imaging.regions import ANGLES
from models.training.outliner.architecture import build_outliner
from models.training.outliner.config import OutlinerConfig, Round
from models.training.outliner.patches import Patches, mirrored
from models.training.outliner.targets import HEAT, HEAT_WEIGHT, KIND, RADII, WEIGHT

Losses = tuple[float, float, float]
_REPORT_EVERY: Final = 100
_LEAST: Final = 1e-4
OFF_CENTRE: Final = 0.1
"""Weight of outline and kind where no centre is near."""
_GAIN: Final = (0.75, 1.3)


def fit_outliner(
    config: OutlinerConfig,
    patches: Patches,
    *,
    on_step: Callable[[str], None] = lambda _: None,
) -> keras.Model:
    """Fit a fresh network; seed and patches decide it as far as TensorFlow's kernels allow."""
    keras.utils.set_random_seed(config.seed)
    model = build_outliner()
    for one in config.rounds:
        _fit_round(model, config, one, patches, on_step)
    return model


def _fit_round(
    model: keras.Model,
    config: OutlinerConfig,
    one: Round,
    patches: Patches,
    on_step: Callable[[str], None],
) -> None:
    optimizer = keras.optimizers.AdamW(
        _schedule(one), weight_decay=config.weight_decay, clipnorm=5.0
    )
    step = _make_step(model, optimizer, one)
    rng = np.random.default_rng(one.seed)
    recent = np.zeros(3)
    for number in range(1, one.n_steps + 1):
        sheets, targets = _draw_batch(patches, config.batch_size, rng)
        recent += np.array([float(part) for part in step(sheets, targets)])
        if number % _REPORT_EVERY == 0 or number == one.n_steps:
            centre, radii, kinds = recent / ((number - 1) % _REPORT_EVERY + 1)
            on_step(f"step {number}: centre {centre:.3f}, radii {radii:.4f}, kinds {kinds:.3f}")
            recent[:] = 0


def _schedule(one: Round) -> Any:  # noqa: ANN401  Keras carries no types
    warm_up = max(1, round(one.n_steps * one.warm_up_share))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=one.learning_rate / 20,
        decay_steps=max(1, one.n_steps - warm_up),
        alpha=0.01,
        warmup_target=one.learning_rate,
        warmup_steps=warm_up,
    )


def _draw_batch(
    patches: Patches, size: int, rng: np.random.Generator
) -> tuple[tf.Tensor, tf.Tensor]:
    """Patches at random, mirrored and turned alike, each with its own contrast."""
    chosen = rng.integers(len(patches.sheets), size=size)
    batch = Patches(patches.sheets[chosen], patches.targets[chosen])
    batch = mirrored(batch, rows=rng.random() < 0.5, transposed=rng.random() < 0.5)
    if rng.random() < 0.5:  # a half turn makes all eight positions
        batch = mirrored(batch, rows=True, transposed=False)
        batch = mirrored(batch, rows=False, transposed=True)
    gain = rng.uniform(*_GAIN, (size, 1, 1)).astype(np.float32)
    sheets = np.clip(batch.sheets.astype(np.float32) * gain, -1, 1)[..., np.newaxis]
    return tf.constant(sheets), tf.constant(batch.targets.astype(np.float32))


def _make_step(
    model: keras.Model,
    optimizer: Any,  # noqa: ANN401  Keras carries no types
    one: Round,
) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
    @tf.function(jit_compile=False)  # type: ignore[untyped-decorator]  # TensorFlow carries no types
    def step(sheets: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            outputs = model(sheets, training=True)
            centre, radii, kinds = measure_losses(
                outputs,
                targets,
                place_weight=one.place_weight,
                blurred_weight=one.blurred_weight,
            )
            total = centre + one.radii_weight * radii + one.kinds_weight * kinds
        gradients = tape.gradient(total, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return centre, radii, kinds

    return step  # type: ignore[no-any-return]  # TensorFlow carries no types


def measure_losses(
    outputs: tuple[tf.Tensor, tf.Tensor, tf.Tensor],
    targets: tf.Tensor,
    *,
    place_weight: float = 0.0,
    blurred_weight: float = 1.0,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Losses of centres (per centre), outlines and places (relative to the radius), and kinds."""
    # The square with the centre is the one that will be read.
    weight = targets[..., WEIGHT] * (OFF_CENTRE + (1 - OFF_CENTRE) * targets[..., HEAT])
    covered = tf.reduce_sum(weight) + 1.0
    centre, radii, kinds = outputs
    truth = targets[..., RADII:]
    scale = tf.reduce_mean(truth, axis=-1) + 1.0
    wrong = tf.reduce_mean(tf.abs(radii - truth), axis=-1)
    misplaced = tf.reduce_mean(tf.abs(_centroids(radii) - _centroids(truth)), axis=-1)
    wrong = (wrong + place_weight * misplaced) / scale
    return (
        _centre_loss(centre[..., 0], targets),
        10.0 * tf.reduce_sum(weight * wrong) / covered,
        tf.reduce_sum(weight * _kind_loss(kinds, targets[..., KIND], blurred_weight)) / covered,
    )


def _centroids(radii: tf.Tensor) -> tf.Tensor:
    """Rows and columns of the outlines' centroids from the squares' middles, working px."""
    directions = tf.constant(np.stack([np.sin(ANGLES), np.cos(ANGLES)], axis=1))
    area = tf.reduce_mean(radii**2, axis=-1, keepdims=True) / 2
    return radii**3 @ directions / (3 * len(ANGLES) * (area + 1.0))


def _centre_loss(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Penalty-reduced focal loss (Zhou et al. 2019), per centre."""
    heat, weight = targets[..., HEAT], targets[..., HEAT_WEIGHT]
    p = tf.clip_by_value(tf.sigmoid(logits), _LEAST, 1 - _LEAST)
    is_centre = tf.cast(heat > 0.999, tf.float32)
    found = is_centre * (1 - p) ** 2 * tf.math.log(p)
    free = (1 - is_centre) * (1 - heat) ** 4 * p**2 * tf.math.log(1 - p)
    n_centres = tf.reduce_sum(is_centre * weight) + 1.0
    return -tf.reduce_sum(weight * (found + free)) / n_centres


def _kind_loss(logits: tf.Tensor, kind: tf.Tensor, blurred_weight: float) -> tf.Tensor:
    """Cross entropy; where only "some cell" is known, of debris against the rest."""
    debris = KINDS.index("debris")
    known = tf.cast(tf.maximum(kind, 0), tf.int32)
    rare = tf.where(kind == KINDS.index("blurred"), blurred_weight, 1.0)
    usual = rare * tf.nn.sparse_softmax_cross_entropy_with_logits(labels=known, logits=logits)
    p_debris = tf.nn.softmax(logits)[..., debris]
    some_cell = -tf.math.log(tf.maximum(1 - p_debris, _LEAST))
    return tf.where(kind < 0, some_cell, usual)
