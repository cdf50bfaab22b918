"""From drawn patches to an outliner's file."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from app.domain.imaging.outliner import GRID_PX, KINDS
from app.domain.imaging.regions import ANGLES
from models.outliner import Outliner
from models.training.outliner.config import (
    FIRST_ROUND,
    SECOND_ROUND,
    OutlinerConfig,
    PatchConfig,
)
from models.training.outliner.export import describe, measure_parity, to_onnx
from models.training.outliner.fit import fit_outliner, measure_losses
from models.training.outliner.patches import Patches, draw_patch, mirrored
from models.training.outliner.targets import (
    ANY_CELL,
    HEAT,
    HEAT_WEIGHT,
    KIND,
    RADII,
    WEIGHT,
    PatchTruth,
    encode,
    radii_from,
)

SMALL = PatchConfig(side_px=96)


@pytest.fixture(scope="module")
def patches() -> Patches:
    drawn = [draw_patch(SMALL, 5, index) for index in range(24)]
    return Patches(np.array([sheet for sheet, _ in drawn]), np.array([t for _, t in drawn]))


def truth_of_discs(places: list[tuple[float, float]], radius: float, kind: int = 0) -> PatchTruth:
    n = len(places)
    return PatchTruth(
        row=np.array([row for row, _ in places]),
        column=np.array([column for _, column in places]),
        radii_px=np.full((n, 32), radius, np.float32),
        kind=np.full(n, kind, np.int64),
        complete=np.ones(n, bool),
        ignored=np.empty((0, 3)),
    )


@pytest.mark.parametrize("look", ["relief", "halo", "stained", "no_such_look"])
def test_a_look_that_is_held_out_cannot_be_trained_on(look: str) -> None:
    with pytest.raises(ValueError, match=look):
        PatchConfig(looks={"shaded": 1.0, look: 0.1})


def test_every_centre_lies_in_one_square_and_radii_reach_the_outline() -> None:
    target = encode(truth_of_discs([(20.0, 41.0), (70.0, 30.0)], 9.0), side_px=96)
    centres = np.argwhere(target[..., HEAT] > 0.999)

    assert sorted(map(tuple, centres)) == [(5, 10), (17, 7)]
    rows, columns = np.nonzero(target[..., WEIGHT])
    assert len(rows) > 4
    for row, column in zip(rows, columns, strict=True):
        radii = target[row, column, RADII:].astype(float)
        there = row * GRID_PX + 1.5 + radii * np.sin(ANGLES)
        here = column * GRID_PX + 1.5 + radii * np.cos(ANGLES)
        centre = (20.0, 41.0) if row < 12 else (70.0, 30.0)
        np.testing.assert_allclose(np.hypot(there - centre[0], here - centre[1]), 9.0, atol=0.15)


def test_radii_from_elsewhere_describe_the_same_outline() -> None:
    radii = radii_from(np.full(32, 10.0), np.array([3.0]), np.array([-2.0]))[0]

    rows, columns = 3 + radii * np.sin(ANGLES), -2 + radii * np.cos(ANGLES)
    np.testing.assert_allclose(np.hypot(rows, columns), 10, atol=0.05)


def test_what_nobody_can_say_weighs_nothing() -> None:
    truth = truth_of_discs([(20.0, 20.0)], 9.0)
    truth = replace(truth, ignored=np.array([[60.0, 60.0, 8.0]]))
    target = encode(truth, side_px=96)

    assert target[15, 15, HEAT_WEIGHT] == 0
    assert target[5, 5, HEAT_WEIGHT] == 1


def test_the_same_key_draws_the_same_patch(patches: Patches) -> None:
    sheet, target = draw_patch(SMALL, 5, 3)

    np.testing.assert_array_equal(sheet, patches.sheets[3])
    np.testing.assert_array_equal(target, patches.targets[3])
    assert np.abs(patches.sheets).max() <= 1
    assert np.isfinite(patches.targets).all()


@pytest.mark.parametrize(("rows", "transposed"), [(True, False), (False, True), (True, True)])
def test_a_mirrored_patch_has_mirrored_outlines(rows: bool, transposed: bool) -> None:  # noqa: FBT001  parametrised
    radii = (8 + 2 * np.cos(ANGLES) + np.sin(2 * ANGLES)).astype(np.float32)
    truth = replace(truth_of_discs([(30.0, 52.0)], 9.0), radii_px=radii[np.newaxis])
    target = encode(truth, side_px=96)
    sheet = np.arange(96 * 96, dtype=np.float16).reshape(96, 96) / np.float16(9216)
    turned = mirrored(
        Patches(sheet[np.newaxis], target[np.newaxis]), rows=rows, transposed=transposed
    )
    row, column = (95 - 30.0 if rows else 30.0), 52.0
    sine, cosine = (-np.sin(ANGLES) if rows else np.sin(ANGLES)), np.cos(ANGLES)
    if transposed:
        row, column, sine, cosine = column, row, cosine, sine
    order = np.argsort(np.arctan2(sine, cosine) % (2 * np.pi) % 6.2831)
    expected = encode(
        PatchTruth(
            row=np.array([row]),
            column=np.array([column]),
            radii_px=radii[order][np.newaxis],
            kind=truth.kind,
            complete=truth.complete,
            ignored=truth.ignored,
        ),
        side_px=96,
    )

    got = turned.targets[0].astype(np.float32)
    np.testing.assert_allclose(got[..., HEAT], expected[..., HEAT].astype(np.float32), atol=0.01)
    inside = expected[..., WEIGHT] > 0
    np.testing.assert_allclose(
        got[inside][:, RADII:], expected[inside][:, RADII:].astype(np.float32), atol=0.2
    )


def outputs_for(target: np.ndarray, sure: float) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    centre = np.where(target[..., HEAT] > 0.999, sure, -sure)[..., np.newaxis]
    kinds = np.eye(len(KINDS))[np.maximum(target[..., KIND], 0).astype(int)] * sure
    parts = (centre, target[..., RADII:], kinds)
    centre_, radii, kinds_ = (tf.constant(part.astype(np.float32)) for part in parts)
    return centre_, radii, kinds_


def test_the_truth_itself_loses_least() -> None:
    target = encode(truth_of_discs([(20.0, 41.0), (70.0, 30.0)], 9.0), side_px=96)[np.newaxis]
    target = target.astype(np.float32)
    right = [float(part) for part in measure_losses(outputs_for(target, 8.0), tf.constant(target))]
    centre, radii, kinds = outputs_for(target, 8.0)
    wrong = [
        float(part) for part in measure_losses((-centre, radii + 1.0, -kinds), tf.constant(target))
    ]

    assert max(right) < 0.01
    assert wrong[0] > 1
    assert wrong[1] == pytest.approx(1.0, rel=0.2)
    assert wrong[2] > 1


def test_where_only_some_cell_is_known_any_cell_is_right() -> None:
    target = encode(truth_of_discs([(40.0, 40.0)], 9.0, kind=ANY_CELL), side_px=96)[np.newaxis]
    target = target.astype(np.float32)
    centre, radii, _ = outputs_for(target, 8.0)
    losses = []
    for kind in range(len(KINDS)):
        logits = np.zeros((*target.shape[:3], len(KINDS)), np.float32)
        logits[..., kind] = 8.0
        parts = (centre, radii, tf.constant(logits))
        losses.append(float(measure_losses(parts, tf.constant(target))[2]))

    assert max(losses[:3]) < 0.01
    assert losses[KINDS.index("debris")] > 1


def test_a_few_steps_teach_something_and_the_file_answers_like_the_network(
    patches: Patches,
) -> None:
    lines: list[str] = []
    rounds = (replace(FIRST_ROUND, n_steps=90), replace(SECOND_ROUND, n_steps=30))
    config = OutlinerConfig(patches=SMALL, n_patches=24, rounds=rounds, batch_size=4)
    model = fit_outliner(config, patches, on_step=lines.append)
    data = to_onnx(model)
    description = describe(data, config.to_json(), {})
    outliner = Outliner.load(data, sha256=description["sha256"])

    first, last = (float(line.split("centre ")[1].split(",")[0]) for line in lines)
    assert last < first
    assert measure_parity(model, outliner, patches.sheets[0].astype(np.float32)) < 0.02
    assert len(data) < 300_000
    assert description["training"]["seed"] == config.seed
