import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.adjusted_count import AdjustedCount, adjust_count
from app.domain.assessment import NotAssessable
from app.domain.error_rates import ErrorRates, Floats


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
    few = ErrorRates(unlike.sensitivity[:5], unlike.specificity[:5])
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


def test_four_donors_are_not_enough() -> None:
    refused = adjust_count(0.5, 1e-4, 100, rates(0.9, 0.9, n=4))
    assert isinstance(refused, NotAssessable)
    assert refused.code == "too_few_donors"
    assert "5 donors are needed and there are 4" in refused.because


def test_what_mixes_within_the_classes_add_is_a_term_of_its_own() -> None:
    known = rates(0.8, 0.8, n=30)
    mixed = ErrorRates(known.sensitivity, known.specificity, 0.03, 0.0)
    low, high = adjusted(0.5, mixed, variance=1e-8).interval
    # At a share of one half, half of the sensitivity's doubt reaches the count.
    assert high - low == pytest.approx(2 * 1.96 * 0.03 * 0.5 / 0.6, rel=0.1)


def test_a_count_beyond_the_line_still_leaves_a_doubt() -> None:
    found = adjusted(0.0, rates(0.9, 0.9), variance=1e-4)
    low, high = found.interval
    assert (found.share, low) == (0, 0)
    assert high == pytest.approx(1.962 * 0.01 / 0.8, abs=2e-3)


@settings(deadline=None)
@given(
    called=st.floats(0, 1),
    se=st.floats(0.62, 1),
    sp=st.floats(0.62, 1),
    variance=st.sampled_from([0.0, 1e-12, 1e-6, 0.01, 1.0]),
    sd=st.sampled_from([0.0, 0.05, 0.4]),
    n=st.integers(1, 8),
)
def test_any_count_is_refused_or_lies_in_its_interval(
    called: float, se: float, sp: float, variance: float, sd: float, n: int
) -> None:
    known = rates(se, sp, sd=sd, n=n)
    found = adjust_count(called, variance, 1, known)
    if isinstance(found, NotAssessable):
        assert n < 5 or known.separation < 0.2
    else:
        assert 0 <= found.interval[0] <= found.share <= found.interval[1] <= 1
        assert found.is_clipped == (found.unclipped != found.share)


@pytest.mark.parametrize("end", [0.0, 1.0])
def test_a_perfect_classifier_that_sees_one_class_says_so(end: float) -> None:
    perfect = ErrorRates(np.ones(5), np.ones(5))
    found = adjusted(end, perfect, variance=0.0)
    assert found.share == end
    assert not found.is_clipped
    assert found.interval == (end, end)
