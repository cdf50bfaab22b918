"""The slope of one unit over its storage days: known answers, and any days and scores."""

from math import isfinite, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import linregress
from scipy.stats import t as student_t

from app.domain.assessment import NotAssessable
from app.domain.method_comparison.pairs import Estimate
from app.domain.unit_history import METHOD, DayScore, Trend, fit_trend

BLOOD_BANK_DAYS = (0, 14, 28, 42)


def unit(
    *scores: float, days: tuple[int, ...] = BLOOD_BANK_DAYS, error: float | None = None
) -> list[DayScore]:
    return [DayScore(day, score, error) for day, score in zip(days, scores, strict=True)]


def trend_of(points: list[DayScore], *, repeat_degrees: float = float("inf")) -> Trend:
    found = fit_trend(points, repeat_degrees=repeat_degrees)
    assert isinstance(found, Trend)
    return found


def ends(estimate: Estimate) -> tuple[float, float]:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


def test_slope_and_interval_are_those_worked_out_by_hand() -> None:
    """Residuals -.01, .03, -.03, .01; sum of squares of the days 980; t of 2 degrees 4.302653."""
    trend = trend_of(unit(3.0, 3.1, 3.1, 3.2))
    half = 4.302653 * sqrt(0.001 / 980)
    assert trend.slope_per_day.value == pytest.approx(4.2 / 980)
    assert ends(trend.slope_per_day) == pytest.approx(
        (4.2 / 980 - half, 4.2 / 980 + half), abs=1e-8
    )
    assert trend.change.value == pytest.approx(0.18)
    assert (trend.first_score, trend.last_score) == pytest.approx((3.01, 3.19))
    assert trend.residual_sd == pytest.approx(sqrt(0.001))
    assert (trend.n, trend.n_days, trend.first_day, trend.last_day) == (4, 4, 0, 42)
    assert (trend.method, trend.rests_on) == (METHOD, "residuals")


def test_the_slope_and_its_error_are_scipy_s() -> None:
    rng = np.random.default_rng(3)
    days = (0, 3, 3, 9, 20, 35, 41)
    scores = tuple(rng.normal(3.0, 0.2, len(days)))
    trend, fitted = trend_of(unit(*scores, days=days)), linregress(days, scores)
    low, high = ends(trend.slope_per_day)
    assert trend.slope_per_day.value == pytest.approx(fitted.slope)
    assert (high - low) / 2 == pytest.approx(student_t.ppf(0.975, 5) * fitted.stderr)
    assert trend.n_days == 6


def test_a_donor_s_own_error_leaves_the_slope_as_it_is() -> None:
    as_scored, lifted = unit(3.0, 3.1, 3.05, 3.2), unit(3.3, 3.4, 3.35, 3.5)
    one, other = trend_of(as_scored), trend_of(lifted)
    assert one.slope_per_day.value == pytest.approx(other.slope_per_day.value)
    assert ends(one.slope_per_day) == pytest.approx(ends(other.slope_per_day))


def test_days_that_lie_on_a_line_by_chance_do_not_make_the_slope_certain() -> None:
    trend = trend_of(unit(3.0, 3.1, 3.2, 3.3, error=0.05), repeat_degrees=4)
    low, high = ends(trend.slope_per_day)
    assert trend.rests_on == "repeats"
    assert (high - low) / 2 == pytest.approx(student_t.ppf(0.975, 4) * 0.05 / sqrt(980))


def test_a_sampling_without_repeats_is_taken_to_repeat_like_the_others() -> None:
    known = unit(3.0, 3.1, 3.2, 3.3, error=0.05)
    partly = [*known[:3], DayScore(42, 3.3)]
    assert ends(trend_of(partly).change) == pytest.approx(ends(trend_of(known).change))


@pytest.mark.parametrize(
    ("points", "code", "words"),
    [
        ([], "too_few_days", "there are 0"),
        (unit(3.0, days=(5,)), "too_few_days", "there is one"),
        (unit(3.0, 3.4, 3.1, days=(5, 5, 5), error=0.1), "too_few_days", "there is one"),
        (unit(3.0, 3.4, 3.1, 3.0, days=(0, 5, 5, 0)), "too_few_days", "there are 2"),
        (unit(3.0, 3.1, 3.2, 3.3), "no_spread", "nothing was repeated"),
        (unit(3.0, 3.0, 3.0, 3.0), "no_spread", "all scores lie on one line"),
        (unit(3.0, float("nan"), 3.2, 3.3), "not_a_number", "finite"),
        (unit(3.0, float("inf"), 3.2, 3.3), "not_a_number", "finite"),
        (unit(3.0, 3.1, 3.2, 3.3, error=float("nan")), "not_a_number", "finite"),
    ],
)
def test_what_gives_no_slope_says_why(points: list[DayScore], code: str, words: str) -> None:
    refusal = fit_trend(points)
    assert isinstance(refusal, NotAssessable)
    assert (refusal.method, refusal.code) == (METHOD, code)
    assert words in refusal.because


SAMPLINGS = st.lists(
    st.builds(
        DayScore,
        st.integers(0, 10_000) | st.sampled_from([0, 14, 28]),
        st.floats(1, 12) | st.floats() | st.sampled_from([3.0, 3.1]),
        st.none() | st.floats(0, 1e12) | st.floats(),
    ),
    max_size=12,
)


@given(SAMPLINGS, st.floats(1, 100) | st.just(float("inf")))
def test_any_samplings_give_an_ordered_finite_slope_or_a_reason(
    points: list[DayScore], repeat_degrees: float
) -> None:
    found = fit_trend(points, repeat_degrees=repeat_degrees)
    if isinstance(found, NotAssessable):
        assert found.because
        return
    for figure in (found.slope_per_day, found.change):
        low, high = ends(figure)
        assert isfinite(low)
        assert isfinite(high)
        assert low <= figure.value <= high
        assert low < high or abs(figure.value) > 1e6


@given(st.lists(st.tuples(st.integers(0, 60), st.floats(1, 12)), min_size=3, max_size=8))
def test_the_order_of_samplings_does_not_matter(days: list[tuple[int, float]]) -> None:
    points = [DayScore(day, score, 0.05) for day, score in days]
    one, other = fit_trend(points), fit_trend(points[::-1])
    assert isinstance(one, Trend) == isinstance(other, Trend)
    if isinstance(one, Trend) and isinstance(other, Trend):
        assert one.change.value == pytest.approx(other.change.value, abs=1e-9)


def test_the_interval_holds_a_unit_s_slope_in_about_95_of_100() -> None:
    """Wells differ by 0.06, samplings by 0.05 more, and the donor's error is 0.15 on every day."""
    rng = np.random.default_rng(11)
    n_held = 0
    for _ in range(400):
        donor = rng.normal(3.0, 0.15)
        wells = rng.normal(0, 0.06, (4, 2))
        within = float(np.sqrt(wells.var(axis=1, ddof=1).mean()))
        scores = donor + 0.004 * np.array(BLOOD_BANK_DAYS) + rng.normal(0, 0.05, 4)
        scores += wells.mean(axis=1)
        points = unit(*scores, error=within / sqrt(2))
        low, high = ends(trend_of(points, repeat_degrees=4).slope_per_day)
        n_held += low <= 0.004 <= high
    assert 0.95 <= n_held / 400 <= 0.999
