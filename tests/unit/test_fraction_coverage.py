"""How often the adjusted count's interval holds a drawn truth; the whole grid takes minutes."""

import numpy as np
import pytest

from bench.statistics.fractions import Situation, told_by_outlet, try_out

SAMPLES = 500


def outcome(seed: int, **changes: float | str) -> tuple[float, float, float]:
    usual: dict[str, float | str] = {
        "rigid": 0.5, "accuracy": 0.82, "wells": 4, "donor_sd": 0.03, "calibration_donors": 10,
        "mix": "usual",
    }  # fmt: skip
    situation = Situation(**{**usual, **changes})  # type: ignore[arg-type]  # fields by their names
    found = try_out(situation, np.random.default_rng(seed), samples=SAMPLES)
    return found.coverage, found.bias, found.counted_bias


def test_19_of_20_intervals_hold_the_truth() -> None:
    coverages = [outcome(1)[0], outcome(2, rigid=0.3)[0], outcome(3, rigid=0.7, donor_sd=0.06)[0]]
    assert 0.93 <= np.mean(coverages) <= 0.975


@pytest.mark.parametrize("rigid", [0.1, 0.9])
def test_with_donors_alike_the_correction_has_no_bias_and_counting_much(rigid: float) -> None:
    _, bias, counted = outcome(4, rigid=rigid, donor_sd=0.0, calibration_donors=30, wells=8)
    assert abs(bias) <= 0.01
    assert abs(counted) > 0.1


def test_a_mix_unlike_the_usual_is_held_by_its_own_term() -> None:
    coverage, bias, _ = outcome(5, rigid=0.1, donor_sd=0.0, calibration_donors=30, mix="unlike")
    assert abs(bias) > 0.02
    assert coverage >= 0.90


def test_the_outermost_cells_are_told_more_easily() -> None:
    outer, inner = told_by_outlet(0.82)
    assert outer > inner
    assert 0.14 * outer + 0.86 * inner == pytest.approx(0.82)
