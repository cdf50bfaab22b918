from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.error_rates import MIX_SD, ErrorRates, Floats

OUTLETS = (2, 3, 4, 5)
USUAL_DEFORMABLE, USUAL_RIGID = 0.05 / 0.44, 0.09 / 0.56
"""Shares of the outermost outlets in their classes, over the ten published donors."""


def known(
    p_deformable: list[tuple[float, ...]], *, n_cells: int | list[tuple[int, ...]] = 1000
) -> ErrorRates:
    """Rates from donors of whose cells by outlet so many are called deformable."""
    called = np.array(p_deformable)
    counts = np.broadcast_to(np.array(n_cells, dtype=np.float64), called.shape)
    return ErrorRates.of_outlets(counts, counts * called, OUTLETS)


def member(confusion: list[list[int]], *, held_out: str = "donor") -> dict[str, Any]:
    donors = [{"donor": f"D{n}", "confusion": confusion} for n in range(5)]
    return {"held_out": held_out, "outlets": list(OUTLETS), "donors": donors}


def test_rates_are_weighed_to_the_usual_mix_however_many_cells_were_imaged() -> None:
    told = (1.0, 0.8, 0.3, 0.0)
    even = known([told], n_cells=500)
    uneven = known([told], n_cells=[(900, 100, 50, 950)])
    for rates in (even, uneven):
        assert rates.sensitivity[0] == pytest.approx(0.8 + 0.2 * USUAL_DEFORMABLE)
        assert rates.specificity[0] == pytest.approx(0.7 + 0.3 * USUAL_RIGID)


def test_the_spread_over_mixes_is_what_the_outlets_differ_by() -> None:
    rates = known([(1.0, 0.8, 0.3, 0.0)])
    assert rates.sensitivity_mix_sd == pytest.approx(0.2 * MIX_SD)
    assert rates.specificity_mix_sd == pytest.approx(0.3 * MIX_SD)
    share = np.array([0.0, 1.0])
    assert np.sqrt(rates.mix_variance(share)) == pytest.approx([0.3 * MIX_SD, 0.2 * MIX_SD])


def test_a_donor_who_lacks_an_outlet_lends_the_others_no_rate() -> None:
    whole = (1.0, 0.8, 0.3, 0.0)
    rates = known(
        [whole, whole, (0.0, 0.75, 0.3, 0.0)], n_cells=[(900,) * 4, (900,) * 4, (0, 900, 900, 900)]
    )
    assert rates.sensitivity[0] == pytest.approx(0.8 + 0.2 * USUAL_DEFORMABLE)
    assert rates.sensitivity[2] == pytest.approx(0.75 + 0.2 * USUAL_DEFORMABLE, abs=1e-3)
    assert rates.sensitivity_mix_sd == pytest.approx(0.2 * MIX_SD, rel=0.02)


def test_a_handful_of_cells_of_an_outlet_is_no_rate() -> None:
    few = known([(0.0, 0.8, 0.2, 0.0)] * 5, n_cells=[(3, 900, 900, 900)] * 5)
    assert few.sensitivity == pytest.approx(0.8)
    assert few.sensitivity_mix_sd == 0


def test_a_donor_of_one_class_says_nothing_of_error_rates() -> None:
    rates = known([(1.0, 0.8, 0.3, 0.0)] * 2, n_cells=[(900,) * 4, (900, 900, 0, 0)])
    assert rates.n_donors == 1


def test_the_manifests_member_is_read_for_two_columns_and_for_four() -> None:
    two = ErrorRates.from_json(member([[90, 10], [80, 20], [30, 70], [0, 100]]), (3, 4))
    four = ErrorRates.from_json(
        member([[80, 10, 10, 0], [20, 60, 20, 0], [0, 30, 60, 10], [0, 0, 10, 90]]), OUTLETS
    )
    assert two is not None
    assert four is not None
    assert two.n_donors == 5
    assert two.sensitivity == pytest.approx(four.sensitivity)
    assert two.specificity == pytest.approx(four.specificity)
    assert two.separation == pytest.approx(float(two.sensitivity[0] + two.specificity[0] - 1))


@pytest.mark.parametrize("held_out", ["well", "cell"])
def test_rates_on_donors_that_fitted_the_network_are_not_used(held_out: str) -> None:
    values = member([[90, 10], [80, 20], [30, 70], [0, 100]], held_out=held_out)
    assert ErrorRates.from_json(values, (3, 4)) is None
    assert ErrorRates.from_json(None, (3, 4)) is None


counts = st.lists(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=4, max_size=4), max_size=7
)


@settings(deadline=None)
@given(counts)
def test_any_counts_give_rates_between_0_and_1(cells: list[list[tuple[int, int]]]) -> None:
    pairs: Floats = np.array(cells, dtype=np.float64).reshape(-1, 4, 2)
    rates = ErrorRates.of_outlets(pairs.sum(axis=2), pairs[:, :, 0], OUTLETS)
    assert len(rates.specificity) == rates.n_donors <= len(cells)
    for values in (rates.sensitivity, rates.specificity):
        assert np.all((values >= 0) & (values <= 1))
    assert 0 <= rates.sensitivity_mix_sd <= MIX_SD
