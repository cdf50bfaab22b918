"""Limits that freeze, limits that are provisional, and the newest run held against them."""

import datetime as dt
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.assessment import NotAssessable
from app.domain.control_charts import ControlLimits, Rule, control_limits
from app.domain.control_series import (
    SeriesRun,
    deviate,
    judge_newest,
    level,
    limits_to_freeze,
)

FROZEN = ControlLimits("levey-jennings/1", 3.0, 0.1, (0.08, 0.15), 20, 20, is_provisional=False)


def series(values: Sequence[float], *, per_day: int = 1) -> list[SeriesRun]:
    first = dt.date(2026, 1, 1)
    return [
        SeriesRun(f"run {n}", value, first + dt.timedelta(days=n // per_day))
        for n, value in enumerate(values)
    ]


def normal(n: int, seed: int = 1) -> list[float]:
    return [float(value) for value in np.random.default_rng(seed).normal(3.0, 0.1, n)]


def rules(values: Sequence[float], frozen: ControlLimits | None = FROZEN, first: int = 0) -> list[
    str
]:  # fmt: skip
    judged = judge_newest(series(values), frozen=frozen, first_place=first)
    return [one.rule.value for one in judged.violations if not one.is_warning]


def test_a_shift_of_three_standard_deviations_and_a_hair_breaks_its_rule() -> None:
    assert rules([3.0, 3.0, 3.3]) == []
    assert rules([3.0, 3.0, 3.301]) == ["1-3s"]
    assert rules([3.0, 2.699]) == ["1-3s"]


def test_a_rule_is_broken_by_the_run_that_completes_it_and_told_once() -> None:
    assert rules([3.21, 3.22]) == ["2-2s"]
    assert rules([3.21, 3.22, 3.05]) == []
    judged = judge_newest(series([3.0, 3.21, 3.22]), frozen=FROZEN)
    assert judged.violations[-1].places == (1, 2)


def test_rules_begin_anew_after_a_cause_was_mended() -> None:
    high = [3.05] * 10
    assert rules(high) == ["10x"]
    assert rules(high, first=4) == []


def test_a_run_left_out_neither_breaks_nor_completes_a_rule() -> None:
    runs = series([3.22, 9.0, 3.22])
    without = [runs[0], SeriesRun("typed wrongly", 9.0, runs[1].day, is_left_out=True), runs[2]]
    (warning, found) = judge_newest(without, frozen=FROZEN).violations
    assert (warning.is_warning, found.rule, found.places) == (True, Rule.TWO_2S, (0, 2))


def test_limits_freeze_on_the_twentieth_day_and_later_runs_leave_them() -> None:
    values = normal(30)
    assert limits_to_freeze(series(values[:19])) is None
    frozen = limits_to_freeze(series(values))
    assert frozen is not None
    assert frozen.mean == pytest.approx(np.mean(values[:20]))
    assert frozen.n_days == 20
    assert limits_to_freeze(series(normal(39), per_day=2)) == limits_to_freeze(
        series([*normal(39), 99.0], per_day=2)[:39]
    )


def test_a_typing_error_that_was_left_out_is_not_in_the_limits() -> None:
    values = normal(21)
    runs = series(values)
    wrong = SeriesRun("typed wrongly", 31.0, runs[3].day, is_left_out=True)
    frozen = limits_to_freeze([*runs[:3], wrong, *runs[4:]])
    assert frozen is not None
    assert frozen.sd < 0.2


def test_a_run_cannot_hide_in_the_spread_it_makes() -> None:
    """Held against limits with itself in them, no run of five could lie beyond 1.8 SD."""
    assert rules([3.0, 3.1, 2.9, 3.05, 9.0], frozen=None) == ["1-3s"]


def test_provisional_limits_refuse_good_runs_as_rarely_as_final_ones() -> None:
    """At five earlier runs 3 plain standard deviations would refuse one good run in nineteen."""
    rng = np.random.default_rng(4)
    n, refused, plain = 4000, 0, 0
    for _ in range(n):
        values = rng.normal(3, 0.1, 6).tolist()
        refused += "1-3s" in rules(values, frozen=None)
        limits = control_limits(values[:5], [one.day for one in series(values[:5])])
        assert isinstance(limits, ControlLimits)
        plain += abs(limits.deviate(values[-1])) > 3
    assert refused / n == pytest.approx(0.0027, abs=0.0025)
    assert plain / n > 0.03


@given(st.floats(-6, 6), st.integers(3, 19))
def test_a_line_of_the_chart_lies_where_its_deviate_is(z: float, n: int) -> None:
    limits = ControlLimits("m", 3.0, 0.1, (0.05, 0.3), n, n, is_provisional=True)
    assert deviate(level(z, limits), limits) == pytest.approx(z, abs=1e-6)
    assert abs(level(3, limits) - 3.0) > 0.3
    assert level(2, FROZEN) == FROZEN.at(2)


def test_an_absurd_value_is_far_out_and_not_unassessable() -> None:
    assert rules([*normal(19), 1e9], frozen=None) == ["1-3s"]


def test_sealed_images_that_change_after_many_equal_runs_are_told() -> None:
    assert rules([0.4] * 25 + [0.400001], frozen=None) == ["1-3s"]
    judged = judge_newest(series([0.4] * 25), frozen=None)
    assert isinstance(judged.limits, NotAssessable)
    assert judged.limits.code == "no_spread"


def test_two_runs_give_no_limits_and_no_verdict() -> None:
    judged = judge_newest(series([3.0, 9.0]), frozen=None)
    assert isinstance(judged.limits, NotAssessable)
    assert judged.violations == ()
