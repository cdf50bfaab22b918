"""One figure of one control over its runs: the limits in force, and what the newest run breaks."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import stats

from app.domain.assessment import NotAssessable
from app.domain.control_charts import (
    FEWEST_RUNS,
    USUAL_OPTIONS,
    ControlLimits,
    ControlRun,
    Violation,
    WestgardOptions,
    control_limits,
    judge_runs,
)

Limits = ControlLimits | NotAssessable
FURTHEST_SD: Final = 37.0
"""A probability of less is no number; the deviate stays one, so that its run is still judged."""


@dataclass(frozen=True)
class SeriesRun:
    """One value of a series.

    Attributes
    ----------
    run
        Name of the run.
    value
        In the figure's unit.
    day
        When it was made.
    is_left_out
        Whether a person left it out, with a cause: it makes no limits and breaks no rule.
    """

    run: str
    value: float
    day: dt.date
    is_left_out: bool = False


@dataclass(frozen=True)
class SeriesJudgement:
    """The limits the newest run was held against, and the rules it breaks.

    Attributes
    ----------
    violations
        Those that the newest run completes; their places are those of the runs given.
    """

    limits: Limits
    violations: tuple[Violation, ...]


def judge_newest(
    runs: Sequence[SeriesRun],
    *,
    frozen: ControlLimits | None,
    first_place: int = 0,
    options: WestgardOptions = USUAL_OPTIONS,
) -> SeriesJudgement:
    """Hold the newest run against the limits, and it with those before it against the rules.

    Parameters
    ----------
    runs
        In time order; the last is judged.
    frozen
        Final limits of the series; None while there are none, and earlier runs make them.
    first_place
        Of the runs that count for the rules: those since the last cause was found and mended.
    """
    limits = frozen or limits_before(runs)
    if not isinstance(limits, ControlLimits):
        return SeriesJudgement(limits, ())
    places = [
        place for place, run in enumerate(runs) if place >= first_place and not run.is_left_out
    ]
    found = judge_runs(
        [ControlRun(runs[p].run, "", deviate(runs[p].value, limits)) for p in places], options
    )
    if isinstance(found, NotAssessable):
        return SeriesJudgement(found, ())
    return SeriesJudgement(
        limits,
        tuple(
            Violation(
                one.rule, places[one.place], one.is_warning, tuple(places[p] for p in one.places)
            )
            for one in found
            if one.place == len(places) - 1
        ),
    )


def limits_before(runs: Sequence[SeriesRun]) -> Limits:
    """Limits from the runs before the newest, so that it cannot hide in its own spread.

    Where those all agree, as sealed images do on one machine, the newest counts too: then a
    first change shows, once there are enough runs to call it one.
    """
    limits = _limits_of(runs[:-1])
    if isinstance(limits, NotAssessable) and limits.code == "no_spread":
        return _limits_of(runs)
    return limits


def limits_to_freeze(runs: Sequence[SeriesRun]) -> ControlLimits | None:
    """Final limits, once there are runs on enough different days; None before."""
    kept = [run for run in runs if not run.is_left_out]
    days: set[dt.date] = set()
    for place, run in enumerate(kept, 1):
        days.add(run.day)
        if len(days) == FEWEST_RUNS:
            limits = _limits_of(kept[:place])
            return limits if isinstance(limits, ControlLimits) else None
    return None


def _limits_of(runs: Sequence[SeriesRun]) -> Limits:
    kept = [run for run in runs if not run.is_left_out]
    return control_limits([run.value for run in kept], [run.day for run in kept])


def deviate(value: float, limits: ControlLimits) -> float:
    """How far a run lies from the mean, in standard deviations.

    Under provisional limits the normal deviate that is as improbable as the run: from five runs a
    standard deviation is hardly known, and 3 of them are no rare event (Student's t with
    n - 1 degrees of freedom, wider by the root of 1 + 1/n).
    """
    if not limits.is_provisional:
        return limits.deviate(value)
    t = limits.deviate(value) / np.sqrt(1 + 1 / limits.n_runs)
    z = min(stats.norm.isf(stats.t.sf(abs(t), limits.n_runs - 1)), FURTHEST_SD)
    return float(np.copysign(z, t))


def level(n_sd: float, limits: ControlLimits) -> float:
    """The value at so many standard deviations, as `deviate` counts them: a line of the chart."""
    if not limits.is_provisional:
        return limits.at(n_sd)
    t = np.copysign(stats.t.isf(stats.norm.sf(abs(n_sd)), limits.n_runs - 1), n_sd)
    return float(limits.at(t * np.sqrt(1 + 1 / limits.n_runs)))
