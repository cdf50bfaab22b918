import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.adjusted_count import AdjustedCount, ErrorRates, Floats, adjust_count
from app.domain.assessment import NotAssessable


def rates(se: float, sp: float, *, sd: float = 0.0, n: int = 10, seed: int = 1) -> ErrorRates:
    rng = np.random.default_rng(seed)

    def drawn(mean: float) -> Floats:
        return np.clip(mean + sd * rng.standard_normal(n), 0, 1)

    return ErrorRates(drawn(se), drawn(sp))


def adjusted(called: float, known: ErrorRates, *, variance: float = 1e-4) -> AdjustedCount:
    found = adjust_count(called, variance, 1000, known)
    assert isinstance(found, AdjustedCount)
    return found


@pytest.mark.parametrize(
    ("called", "se", "sp", "share"),
    [(0.4, 0.81, 0.81, 0.338710), (0.65, 0.90, 0.95, 0.705882), (0.252, 0.81, 0.81, 0.1)],
)
def test_the_estimate_is_rogan_and_gladens(
    called: float, se: float, sp: float, share: float
) -> None:
    assert adjusted(called, rates(se, sp)).share == pytest.approx(share, abs=1e-6)


def test_without_spread_over_donors_the_interval_is_the_counts_own() -> None:
    found = adjusted(0.4, rates(0.81, 0.81), variance=0.01**2)
    half = 1.962 * 0.01 / 0.62
    assert found.interval == pytest.approx((found.share - half, found.share + half), abs=2e-3)


def test_donors_who_differ_widen_the_interval_and_fewer_widen_it_more() -> None:
    def width(known: ErrorRates) -> float:
        low, high = adjusted(0.4, known).interval
        return high - low

    alike, unlike = rates(0.8, 0.8, n=30), rates(0.8, 0.8, sd=0.05, n=30)
    few = ErrorRates(unlike.sensitivity[:4], unlike.specificity[:4])
    assert width(alike) < width(unlike) < width(few)


def test_a_share_beyond_the_line_is_clipped_and_said_so() -> None:
    found = adjusted(0.05, rates(0.9, 0.9))
    assert (found.share, found.is_clipped) == (0, True)
    assert found.unclipped < 0
    assert found.interval[0] == 0


def test_a_classifier_that_cannot_tell_gives_no_number() -> None:
    refused = adjust_count(0.5, 1e-4, 100, rates(0.59, 0.6))
    assert isinstance(refused, NotAssessable)
    assert refused.code == "classes_not_told_apart"


def test_one_donor_is_not_enough() -> None:
    refused = adjust_count(0.5, 1e-4, 100, rates(0.9, 0.9, n=1))
    assert isinstance(refused, NotAssessable)
    assert refused.code == "too_few_donors"


@given(st.floats(0, 1), st.floats(0.62, 1), st.floats(0.62, 1), st.floats(0, 0.05))
def test_the_share_always_lies_in_its_interval(
    called: float, se: float, sp: float, variance: float
) -> None:
    found = adjusted(called, rates(se, sp), variance=variance)
    assert 0 <= found.interval[0] <= found.share <= found.interval[1] <= 1
