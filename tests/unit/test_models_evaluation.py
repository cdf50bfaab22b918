import numpy as np
import pytest

from models.evaluation import (
    balanced_accuracy,
    calibration_error,
    class_accuracy,
    confusion_matrix,
    evaluate,
    p_rigid,
    rigidity_score_error,
    size_only_accuracy,
    summarise_score_errors,
)

COLUMNS = (2, 3, 4, 5)
CERTAIN = np.eye(4, dtype=np.float32)
OUTLETS = np.array([2, 3, 4, 5])


def test_a_network_that_is_always_right_is_reported_so() -> None:
    donors = np.array(["A", "A", "B", "B"])
    figures = evaluate(CERTAIN, OUTLETS, donors, COLUMNS)
    assert figures["accuracy"] == figures["outlet_accuracy"] == 1
    assert figures["confusion"] == np.eye(4, dtype=int).tolist()
    assert figures["calibration_error"] == 0
    assert [row["donor"] for row in figures["by_donor"]] == ["A", "B"]


def test_a_neighbouring_outlet_is_a_lesser_error_than_a_far_one() -> None:
    near = evaluate(CERTAIN[[1, 0, 3, 2]], OUTLETS, np.full(4, "A"), COLUMNS)
    far = evaluate(CERTAIN[[3, 3, 0, 0]], OUTLETS, np.full(4, "A"), COLUMNS)
    assert near["within_one_outlet"] == near["accuracy"] == 1
    assert far["within_one_outlet"] == far["accuracy"] == 0


def test_a_two_class_network_has_no_outlet_figures() -> None:
    figures = evaluate(CERTAIN[:2, :2], np.array([2, 5]), np.array(["A", "B"]), (3, 4))
    assert figures["accuracy"] == 1
    assert "outlet_accuracy" not in figures


def test_rows_of_the_confusion_matrix_are_the_truth() -> None:
    matrix = confusion_matrix(np.array([2, 2, 5]), np.array([3, 3, 5]), COLUMNS)
    assert matrix[0].tolist() == [0, 2, 0, 0]
    assert matrix.sum() == 3


def test_balanced_accuracy_is_not_flattered_by_the_larger_class() -> None:
    outlets = np.array([3] * 9 + [4])
    always_deformable = np.zeros(10)
    assert class_accuracy(always_deformable, outlets) == 0.9
    assert balanced_accuracy(always_deformable, outlets) == 0.5


def test_calibration_error_is_the_gap_between_claim_and_frequency() -> None:
    is_true = np.array([True] * 6 + [False] * 4)
    assert calibration_error(np.full(10, 0.6), is_true) == pytest.approx(0.0)
    assert calibration_error(np.full(10, 0.9), is_true) == pytest.approx(0.3)


def test_rigid_is_outlet_four_and_above() -> None:
    p_outlet = np.array([[0.1, 0.2, 0.3, 0.4]], np.float32)
    assert p_rigid(p_outlet, COLUMNS) == pytest.approx([0.7])


def test_size_alone_is_no_better_than_chance_where_sizes_do_not_differ() -> None:
    rng = np.random.default_rng(3)
    sizes_um = rng.normal(6.2, 0.3, 4000).astype(np.float32)
    outlets = np.tile(OUTLETS, 1000)
    accuracy = size_only_accuracy(sizes_um[:3000], outlets[:3000], sizes_um[3000:], outlets[3000:])
    assert accuracy == pytest.approx(0.5, abs=0.06)


def test_certain_posteriors_give_the_true_rigidity_score() -> None:
    outlets = np.repeat(COLUMNS, [50, 450, 400, 100])
    p_outlet = CERTAIN[outlets - 2] * np.float32(0.97) + np.float32(0.01)
    error = rigidity_score_error(p_outlet, outlets, COLUMNS, (0.25, 0.25, 0.25, 0.25))
    assert abs(error) < 0.05


def test_errors_of_donors_become_bias_and_spread() -> None:
    error = summarise_score_errors(np.array([0.1, 0.3]))
    assert error.bias == pytest.approx(0.2)
    assert error.sd == pytest.approx(np.sqrt(0.02))
    assert error.n_donors == 2
