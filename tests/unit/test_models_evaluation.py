"""Figures on held-out cells: right for the certain, wide for few donors, silent for fewer."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from models.evaluation import (
    HeldOut,
    calibration_error,
    cell_weights,
    class_accuracy,
    confusion_matrix,
    donor_error_rates,
    evaluate,
    mix_over,
    p_rigid,
    rigidity_score_error,
    sorted_score_errors,
    summarise_score_errors,
)

COLUMNS = (2, 3, 4, 5)
CERTAIN = np.eye(4, dtype=np.float32)
OUTLETS = np.array([2, 3, 4, 5])
EVEN = (0.25, 0.25, 0.25, 0.25)


def held_out(
    p_outlet: Any,  # noqa: ANN401  whatever array of floats a test makes
    outlets: Any,  # noqa: ANN401  see above
    *,
    donors: Any = "A",  # noqa: ANN401  see above
    columns: tuple[int, ...] = COLUMNS,
) -> HeldOut:
    truth = np.asarray(outlets, np.int64)
    codes = np.broadcast_to(np.asarray(donors, np.str_), truth.shape)
    wells = np.char.add(np.char.add(codes, "/"), truth.astype(np.str_))
    return HeldOut(np.asarray(p_outlet, np.float32), truth, codes, wells, columns)


def doubtful(n_donors: int, n_each: int = 60, *, seed: int = 3) -> HeldOut:
    """Donors whose cells are told rightly with a share of their own."""
    rng = np.random.default_rng(seed)
    parts = []
    for donor in range(n_donors):
        outlets = np.repeat(OUTLETS, n_each)
        shift = rng.normal(0, 0.4, len(outlets)) + rng.normal(0, 0.3)
        p_stiff = 1 / (1 + np.exp(-(outlets - 3.5 + shift)))
        p = np.column_stack([1 - p_stiff, 1 - p_stiff, p_stiff, p_stiff]) / 2
        parts.append((p, outlets, np.full(len(outlets), f"D{donor}")))
    p, outlets, donors = (np.concatenate([part[place] for part in parts]) for place in range(3))
    return held_out(p, outlets, donors=donors)


def test_a_network_that_is_always_right_is_reported_so() -> None:
    figures = evaluate(held_out(CERTAIN, OUTLETS, donors=["A", "A", "B", "B"]))
    names = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "roc_auc")
    assert [figures[name] for name in names] == [1] * 6
    assert figures["outlet_accuracy"] == 1
    assert figures["confusion"] == [[2, 0], [0, 2]]
    assert figures["outlet_confusion"] == np.eye(4, dtype=int).tolist()
    assert figures["calibration_error"] == 0
    assert [row["donor"] for row in figures["by_donor"]] == ["A", "B"]


def test_a_donor_of_one_class_has_an_accuracy_and_no_balanced_one() -> None:
    figures = evaluate(held_out(CERTAIN, OUTLETS, donors=["A", "A", "B", "B"]))
    assert figures["by_donor"][0]["accuracy"] == 1
    assert figures["by_donor"][0]["balanced_accuracy"] is None
    assert figures["by_donor"][0]["roc_auc"] is None


def test_a_neighbouring_outlet_is_a_lesser_error_than_a_far_one() -> None:
    near = evaluate(held_out(CERTAIN[[1, 0, 3, 2]], OUTLETS))
    far = evaluate(held_out(CERTAIN[[3, 3, 0, 0]], OUTLETS))
    assert near["within_one_outlet"] == near["accuracy"] == 1
    assert far["within_one_outlet"] == far["accuracy"] == 0


def test_a_two_class_network_has_no_outlet_figures() -> None:
    figures = evaluate(held_out(CERTAIN[:2, :2], [2, 5], donors=["A", "B"], columns=(3, 4)))
    assert figures["accuracy"] == 1
    assert "outlet_accuracy" not in figures


def test_precision_and_recall_are_of_deformable_cells() -> None:
    called = CERTAIN[[0, 0, 3, 0, 3, 3]]
    figures = evaluate(held_out(called, [2, 3, 3, 4, 4, 5]))
    assert figures["precision"] == figures["recall"] == pytest.approx(2 / 3)
    assert figures["confusion"] == [[2, 1], [1, 2]]


def test_the_area_under_the_curve_is_that_of_scikit_learn() -> None:
    held = doubtful(3)
    expected = roc_auc_score(held.is_deformable, held.p_deformable)
    assert evaluate(held)["roc_auc"] == pytest.approx(expected, abs=2e-3)


def test_under_five_donors_there_is_no_interval() -> None:
    assert evaluate(doubtful(4))["intervals"] is None
    assert evaluate(doubtful(5))["intervals"] is not None


def test_intervals_hold_the_accuracy_over_all_donors_about_as_often_as_they_say() -> None:
    truth = evaluate(doubtful(400, 20, seed=99))["accuracy"]
    held = 0
    for seed in range(60):
        low, high = evaluate(doubtful(8, 20, seed=seed))["intervals"]["accuracy"]
        held += low <= truth <= high
    assert 51 <= held <= 60


def test_more_cells_of_the_same_donors_hardly_narrow_the_interval() -> None:
    few, many = (evaluate(doubtful(6, n))["intervals"]["accuracy"] for n in (100, 1000))
    assert many[1] - many[0] > 0.5 * (few[1] - few[0])


def test_rows_of_the_confusion_matrix_are_the_truth() -> None:
    matrix = confusion_matrix(np.array([2, 2, 5]), np.array([3, 3, 4]), COLUMNS, (3, 4))
    assert matrix.tolist() == [[2, 0], [0, 0], [0, 0], [0, 1]]


def test_balanced_accuracy_is_not_flattered_by_the_larger_class() -> None:
    always_deformable = np.tile(CERTAIN[0], (10, 1))
    figures = evaluate(held_out(always_deformable, [3] * 9 + [4]))
    assert figures["accuracy"] == pytest.approx(0.9)
    assert figures["balanced_accuracy"] == 0.5


def test_calibration_error_is_the_gap_between_claim_and_frequency() -> None:
    is_true = np.array([True] * 6 + [False] * 4)
    assert calibration_error(np.full(10, 0.6), is_true) == pytest.approx(0.0)
    assert calibration_error(np.full(10, 0.9), is_true) == pytest.approx(0.3)


def test_rigid_is_outlet_four_and_above() -> None:
    p_outlet = np.array([[0.1, 0.2, 0.3, 0.4]], np.float32)
    assert p_rigid(p_outlet, COLUMNS) == pytest.approx([0.7])
    assert class_accuracy(np.array([0.7]), np.array([4])) == 1


def test_error_rates_count_every_outlet_by_donor_also_those_a_donor_lacks() -> None:
    called = CERTAIN[[0, 1, 2, 3]]
    one, two = donor_error_rates(held_out(called, [3, 4, 4, 5], donors=["A", "A", "B", "B"]))
    assert one["deformable"] == {"true": 1, "called": 1}
    assert one["rigid"] == {"true": 1, "called": 0}
    assert one["confusion"] == [[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
    assert two["rigid"] == {"true": 2, "called": 2}


def test_certain_posteriors_give_the_true_rigidity_score() -> None:
    outlets = np.repeat(COLUMNS, [50, 450, 400, 100])
    p_outlet = CERTAIN[outlets - 2] * np.float32(0.97) + np.float32(0.01)
    error = rigidity_score_error(p_outlet, outlets, COLUMNS, EVEN)
    assert abs(error) < 0.05


def test_sorted_cells_are_weighed_to_a_donors_mix() -> None:
    mix = mix_over([2, 3, 4, 5], 0.7)
    weights = cell_weights(np.array([2, 2, 3, 4, 5, 5, 5, 5]), mix)
    assert weights.sum() == pytest.approx(1)
    assert weights[4:].sum() == pytest.approx(mix[5])
    assert mix[5] > mix_over([2, 3, 4, 5])[5]


def test_certain_posteriors_of_sorted_cells_give_each_mix_its_score() -> None:
    outlets = np.repeat(COLUMNS, 40)
    p_outlet = CERTAIN[outlets - 2] * np.float32(0.97) + np.float32(0.0075)
    errors = sorted_score_errors(held_out(p_outlet, outlets), EVEN)
    assert errors.shape == (1, 3)
    assert np.abs(errors).max() < 0.06


def test_a_donor_who_looks_stiffer_is_scored_stiffer() -> None:
    outlets = np.repeat(COLUMNS, 40)
    stiffer = np.minimum(outlets + 1, 5)
    p_outlet = CERTAIN[stiffer - 2] * np.float32(0.6) + np.float32(0.1)
    assert (sorted_score_errors(held_out(p_outlet, outlets), EVEN) > 0.2).all()


def test_errors_of_donors_become_bias_and_spread() -> None:
    error = summarise_score_errors(np.array([0.1, 0.3]))
    assert error.bias == pytest.approx(0.2)
    assert error.sd == pytest.approx(np.sqrt(0.02))
    assert error.n_donors == 2


def test_errors_of_several_mixes_of_a_donor_are_one_donor() -> None:
    error = summarise_score_errors(np.array([[0.1, 0.1, 0.1], [0.3, 0.3, 0.3]]))
    assert error.sd == pytest.approx(np.sqrt(0.02))
    assert error.n_donors == 2
