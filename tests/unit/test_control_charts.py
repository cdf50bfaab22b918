"""Levey-Jennings limits and Westgard rules, on the textbook's series."""

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.assessment import NotAssessable
from app.domain.control_charts import (
    USUAL_OPTIONS,
    ControlLimits,
    ControlRun,
    Rule,
    Violation,
    WestgardOptions,
    control_limits,
    deviates_of,
    is_rejected,
    judge_runs,
)

EVERY_RULE = WestgardOptions(frozenset(Rule))


def days(n: int) -> list[dt.date]:
    return [dt.date(2026, 1, 1) + dt.timedelta(days=day) for day in range(n)]


def series(*deviates: float, run: str | None = None, material: str = "A") -> list[ControlRun]:
    return [ControlRun(run or f"run {n}", material, z) for n, z in enumerate(deviates)]


def judged(
    runs: Sequence[ControlRun], options: WestgardOptions = USUAL_OPTIONS
) -> tuple[Violation, ...]:
    answer = judge_runs(runs, options)
    assert not isinstance(answer, NotAssessable)
    return answer


def rejections(runs: Sequence[ControlRun]) -> list[tuple[str, int]]:
    """Rules that reject, with the place, counted from 1, of the measurement that completes them."""
    return [(one.rule.value, one.place + 1) for one in judged(runs) if not one.is_warning]


def warnings(runs: Sequence[ControlRun]) -> list[int]:
    return [one.place + 1 for one in judged(runs) if one.is_warning]


@pytest.mark.parametrize(
    ("runs", "rejecting"),
    [
        (series(3.0), []),
        (series(3.01), [("1-3s", 1)]),
        (series(-3.01), [("1-3s", 1)]),
        (series(2.1, 2.3), [("2-2s", 2)]),
        (series(2.1, -2.2), []),
        (series(2.1, -2.2, run="one"), [("R-4s", 2)]),
        (series(1.1, 1.2, 1.4, 1.1), [("4-1s", 4)]),
        (series(1.1, 1.2, -1.4, 1.1), []),
        (series(*[0.1] * 10), [("10x", 10)]),
        (series(*[0.1] * 9, 0.0, 0.1), []),
        (series(*[0.1] * 9, -0.1), []),
        (series(), []),
    ],
)
def test_the_textbook_series_break_exactly_the_listed_rules(
    runs: list[ControlRun], rejecting: list[tuple[str, int]]
) -> None:
    assert rejections(runs) == rejecting


def test_beyond_two_is_a_warning_and_never_a_rejection_alone() -> None:
    assert warnings(series(3.0)) == [1]
    assert warnings(series(2.0, -2.0)) == []
    assert not is_rejected(judged(series(2.5)))
    assert is_rejected(judged(series(2.5, 2.5)))


def test_opposed_means_two_materials_of_one_run_as_well() -> None:
    runs = [ControlRun("1", "A", 2.1), ControlRun("1", "B", -2.2), ControlRun("2", "A", -2.3)]
    assert rejections(runs) == [("R-4s", 2)]
    assert judged(runs)[1] == Violation(Rule.ONE_2S, 1, is_warning=True, places=(1,))


def test_consecutive_is_within_a_material_unless_told_otherwise() -> None:
    runs = [ControlRun("1", "A", 2.1), ControlRun("1", "B", 2.4), ControlRun("2", "A", 0.3)]
    within, across = judged(runs), judged(runs, WestgardOptions(across_materials=True))
    assert not is_rejected(within)
    assert [one.rule for one in across if not one.is_warning] == [Rule.TWO_2S]


def test_the_optional_rules_are_in_force_only_where_chosen() -> None:
    three, trend = series(1.1, 1.2, 1.3), series(-0.9, -0.6, -0.3, 0.0, 0.3, 0.6, 0.9)
    assert rejections(three) == rejections(trend) == []
    assert [one.rule for one in judged(three, EVERY_RULE)] == [Rule.THREE_1S]
    assert [one.rule for one in judged(trend, EVERY_RULE)] == [Rule.SEVEN_T]


def test_a_violation_names_every_run_that_takes_part() -> None:
    (found,) = judged(series(0.0, 1.1, 1.2, 1.4, 1.1, 0.2))
    assert found.places == (1, 2, 3, 4)


def test_one_beyond_two_meets_about_one_good_run_in_twenty_two() -> None:
    z = np.random.default_rng(1).normal(size=20_000)
    assert len(warnings(series(*z))) / 20_000 == pytest.approx(0.0455, abs=0.005)


def test_limits_are_final_from_twenty_days_on() -> None:
    values = np.random.default_rng(2).normal(3, 0.1, 20).tolist()
    final, early = control_limits(values, days(20)), control_limits(values[:19], days(19))
    assert isinstance(final, ControlLimits)
    assert isinstance(early, ControlLimits)
    assert (final.is_provisional, early.is_provisional) == (False, True)
    assert (final.mean, final.sd) == (np.mean(values), np.std(values, ddof=1))
    assert final.at(-3) == pytest.approx(final.mean - 3 * final.sd)
    factors = final.sd_interval[0] / final.sd, final.sd_interval[1] / final.sd
    assert factors == pytest.approx((0.76, 1.46), abs=0.005)


def test_twenty_runs_on_nineteen_days_are_provisional() -> None:
    values = np.random.default_rng(2).normal(3, 0.1, 20).tolist()
    limits = control_limits(values, [*days(19), days(1)[0]])
    assert isinstance(limits, ControlLimits)
    assert limits.is_provisional
    assert (limits.n_runs, limits.n_days) == (20, 19)


def test_runs_are_standardised_by_their_own_materials_limits() -> None:
    low = ControlLimits("", 2.0, 0.1, (0.07, 0.15), 20, 20, is_provisional=False)
    high = ControlLimits("", 4.0, 0.2, (0.15, 0.30), 20, 20, is_provisional=False)
    runs = deviates_of([("1", "low", 2.2), ("1", "high", 3.5)], {"low": low, "high": high})
    assert [run.deviate for run in runs] == pytest.approx([2.0, -2.5])


@pytest.mark.parametrize(
    ("values", "code"),
    [([], "too_few_runs"), ([3.0, 3.1], "too_few_runs"), ([3.0] * 20, "no_spread"),
     ([3.0, 3.1, float("nan")], "not_finite"), ([3.0, 3.1, float("inf")], "not_finite")],
)  # fmt: skip
def test_limits_that_cannot_be_made_say_why(values: list[float], code: str) -> None:
    answer = control_limits(values, days(len(values)))
    assert isinstance(answer, NotAssessable)
    assert answer.code == code


def test_a_missing_value_is_not_judged_as_in_control() -> None:
    answer = judge_runs(series(0.1, float("nan")))
    assert isinstance(answer, NotAssessable)


@given(st.lists(st.floats(-6, 6), max_size=30))
def test_turning_every_run_over_turns_nothing_else(deviates: list[float]) -> None:
    """No rule prefers a side."""
    upright = [(one.rule, one.places) for one in judged(series(*deviates), EVERY_RULE)]
    turned = [(o.rule, o.places) for o in judged(series(*(-z for z in deviates)), EVERY_RULE)]
    assert upright == turned


@given(st.lists(st.floats(allow_nan=True), max_size=30))
def test_any_values_get_limits_or_a_reason(values: list[float]) -> None:
    answer = control_limits(values, days(len(values)))
    assert isinstance(answer, NotAssessable) or answer.sd > 0
