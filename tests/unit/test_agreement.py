import numpy as np
import pytest

from app.domain.agreement import compare_with_references, score_reference
from app.domain.scoring import shares_of


def test_counts_over_outlets_give_score_interval_and_share() -> None:
    shares = shares_of({2: 100, 3: 500, 4: 350, 5: 50})
    reference = score_reference(shares, 1000, None, 0.17)
    assert reference.rigidity_score == pytest.approx(2.8)
    assert reference.deformable_fraction == pytest.approx(0.6)
    half = (reference.interval[1] - reference.interval[0]) / 2
    assert half > 1.96 * 0.17
    assert half == pytest.approx(1.96 * np.hypot(0.17, 0.5 / np.sqrt(1000) / 0.5), rel=1e-6)


def test_an_entered_score_has_the_run_error_alone_and_no_share() -> None:
    reference = score_reference(None, None, 3.1, 0.17)
    assert reference.interval == pytest.approx((3.1 - 1.96 * 0.17, 3.1 + 1.96 * 0.17))
    assert reference.deformable_fraction is None


def test_all_cells_in_one_outlet_cross_in_its_middle() -> None:
    assert score_reference(shares_of({12: 7}), 7, None, 0.17).rigidity_score == pytest.approx(11.5)


def test_a_crossing_at_the_end_of_an_outlet_takes_that_outlets_share() -> None:
    # Rounding puts this score a hair above 4, and outlet 5 is empty.
    reference = score_reference(shares_of({2: 27, 3: 10, 4: 1, 6: 38}), 76, None, 0.17)
    assert reference.rigidity_score == pytest.approx(4)
    half = (reference.interval[1] - reference.interval[0]) / 2
    assert half == pytest.approx(1.96 * np.hypot(0.17, 0.5 / np.sqrt(76) / (1 / 76)), rel=1e-6)


def test_more_runs_narrow_the_reference() -> None:
    run = score_reference(None, None, 3.0, 0.17)
    one = compare_with_references(3.1, (run,))
    four = compare_with_references(3.1, (run,) * 4)
    assert one is not None
    assert four is not None
    assert np.diff(four.interval) == pytest.approx(np.diff(one.interval) / 2)
    assert four.n_runs == 4
    assert four.delta == pytest.approx(0.1)
    assert four.percent_deviation == pytest.approx(10)


def test_without_a_reference_there_is_nothing_to_compare() -> None:
    assert compare_with_references(3.1, ()) is None
