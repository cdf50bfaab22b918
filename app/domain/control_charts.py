"""Control charts: limits from a control's first runs, and the Westgard rules on later ones.

References
----------
Levey and Jennings, American Journal of Clinical Pathology 20 (1950) 1059-1066.
Westgard, Barry, Hunt and Groth, Clinical Chemistry 27 (1981) 493-501.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from app.domain.assessment import NotAssessable

LIMITS_METHOD: Final = "levey-jennings/1"
RULES_METHOD: Final = "westgard/1"
FEWEST_RUNS: Final = 20
"""Runs on different days behind final limits; fewer give provisional ones."""
FEWEST_PROVISIONAL: Final = 3
LARGEST: Final = 1e30
"""Far beyond it squares overflow; no quantity of ours comes near."""


@dataclass(frozen=True)
class ControlLimits:
    """Mean and spread of one control lot, frozen once they are final.

    Attributes
    ----------
    mean, sd
        In the control's own unit; n - 1 in the denominator.
    sd_interval
        95 % interval of the standard deviation for normal runs: 0.76 to 1.46 times it at 20 runs.
    n_runs, n_days
        Runs, and different days they were made on.
    is_provisional
        Whether there are fewer than 20 days.
    """

    method: str
    mean: float
    sd: float
    sd_interval: tuple[float, float]
    n_runs: int
    n_days: int
    is_provisional: bool

    def at(self, n_sd: float) -> float:
        """The line so many standard deviations above the mean; negative for below."""
        return self.mean + n_sd * self.sd

    def deviate(self, value: float) -> float:
        """How many standard deviations a run lies from the mean."""
        return (value - self.mean) / self.sd


def control_limits(
    values: Sequence[float], days: Sequence[dt.date]
) -> ControlLimits | NotAssessable:
    """Limits from the first runs of a control lot.

    Parameters
    ----------
    values
        One figure of each run, in the control's unit.
    days
        The day of each run, as many as values.

    Raises
    ------
    ValueError
        The sequences differ in length, which is the caller's mistake.
    """
    if len(values) != len(days):
        raise ValueError("each run has one day")
    runs = np.asarray(values, dtype=np.float64)
    if len(runs) < FEWEST_PROVISIONAL:
        return NotAssessable(
            LIMITS_METHOD,
            "too_few_runs",
            f"limits need {FEWEST_PROVISIONAL} runs or more and there are {len(runs)}",
        )
    if not np.all(np.abs(runs) <= LARGEST):
        return NotAssessable(LIMITS_METHOD, "not_finite", "a run's value is missing or no number")
    mean, sd = float(runs.mean()), float(runs.std(ddof=1))
    if sd <= 1e-12 * max(1.0, abs(mean)):
        return NotAssessable(
            LIMITS_METHOD, "no_spread", "all runs agree, so there is no spread to make limits from"
        )
    n_days = len(set(days))
    return ControlLimits(
        method=LIMITS_METHOD,
        mean=mean,
        sd=sd,
        sd_interval=_sd_interval(sd, len(runs)),
        n_runs=len(runs),
        n_days=n_days,
        is_provisional=n_days < FEWEST_RUNS,
    )


def _sd_interval(sd: float, n: int) -> tuple[float, float]:
    high, low = stats.chi2.ppf([0.025, 0.975], n - 1)
    return sd * float(np.sqrt((n - 1) / low)), sd * float(np.sqrt((n - 1) / high))


class Rule(StrEnum):
    """A Westgard rule; the number of runs, and how far out they are."""

    ONE_2S = "1-2s"
    ONE_3S = "1-3s"
    TWO_2S = "2-2s"
    R_4S = "R-4s"
    FOUR_1S = "4-1s"
    TEN_X = "10x"
    THREE_1S = "3-1s"
    SEVEN_T = "7T"


WARNINGS: Final = frozenset({Rule.ONE_2S})
"""Rules that ask for a look and stop nothing: alone, 1-2s meets 4.6 % of good single results."""
USUAL_RULES: Final = frozenset(Rule) - {Rule.THREE_1S, Rule.SEVEN_T}


@dataclass(frozen=True)
class ControlRun:
    """One control measurement, standardised.

    Attributes
    ----------
    run
        Name of the run; measurements of one run share it.
    material
        The control material.
    deviate
        Standard deviations from the material's mean.
    """

    run: str
    material: str
    deviate: float


@dataclass(frozen=True)
class WestgardOptions:
    """Which rules are in force, and what consecutive means; kept with every judgement.

    Attributes
    ----------
    across_materials
        False: consecutive within one material, across runs. True: across materials in time order.
    """

    rules: frozenset[Rule] = USUAL_RULES
    across_materials: bool = False


@dataclass(frozen=True)
class Violation:
    """A rule that a measurement breaks.

    Attributes
    ----------
    place
        Place of the measurement that completes it, counted from 0.
    is_warning
        Whether it asks for a look only; every other violation rejects the run.
    places
        Every measurement that takes part, in time order.
    """

    rule: Rule
    place: int
    is_warning: bool
    places: tuple[int, ...]


USUAL_OPTIONS: Final = WestgardOptions()


def judge_runs(
    runs: Sequence[ControlRun], options: WestgardOptions = USUAL_OPTIONS
) -> tuple[Violation, ...] | NotAssessable:
    """Every violation among measurements, in time order.

    Parameters
    ----------
    runs
        In time order, measurements of one run next to each other.
    """
    if not all(np.isfinite(run.deviate) for run in runs):
        return NotAssessable(
            RULES_METHOD, "not_finite", "a control's value is missing or no number"
        )
    found = [
        violation
        for chain in _chains(runs, across_materials=options.across_materials)
        for violation in _violations_in_chain(runs, chain)
    ]
    found += _opposed_within_a_run(runs)
    in_force = [violation for violation in found if violation.rule in options.rules]
    return tuple(sorted(in_force, key=lambda one: (one.place, list(Rule).index(one.rule))))


def is_rejected(violations: Sequence[Violation]) -> bool:
    return any(not violation.is_warning for violation in violations)


def deviates_of(
    values: Sequence[tuple[str, str, float]], limits: Mapping[str, ControlLimits]
) -> tuple[ControlRun, ...]:
    """Standardise measurements given as run, material and value by their material's limits."""
    return tuple(
        ControlRun(run, material, limits[material].deviate(value))
        for run, material, value in values
    )


def _chains(runs: Sequence[ControlRun], *, across_materials: bool) -> list[list[int]]:
    """Places of the measurements among which consecutive ones are looked for."""
    if across_materials:
        return [list(range(len(runs)))]
    chains: dict[str, list[int]] = defaultdict(list)
    for place, run in enumerate(runs):
        chains[run.material].append(place)
    return list(chains.values())


Deviates = NDArray[np.float64]


def _beyond(n_sd: float) -> Callable[[Deviates], bool]:
    """All further out than so many standard deviations, on the same side."""
    return lambda z: bool(np.all(z > n_sd) or np.all(z < -n_sd))


def _is_trend(z: Deviates) -> bool:
    steps = np.diff(z)
    return bool(np.all(steps > 0) or np.all(steps < 0))


_CONSECUTIVE: Final[Mapping[Rule, tuple[int, Callable[[Deviates], bool]]]] = {
    Rule.ONE_2S: (1, _beyond(2)),
    Rule.ONE_3S: (1, _beyond(3)),
    Rule.TWO_2S: (2, _beyond(2)),
    Rule.THREE_1S: (3, _beyond(1)),
    Rule.FOUR_1S: (4, _beyond(1)),
    Rule.TEN_X: (10, _beyond(0)),
    Rule.SEVEN_T: (7, _is_trend),
}
"""How many consecutive measurements, and what must hold of them; all inequalities are strict."""


def _violations_in_chain(runs: Sequence[ControlRun], chain: Sequence[int]) -> list[Violation]:
    z = np.array([runs[place].deviate for place in chain])
    return [
        Violation(rule, chain[end - 1], rule in WARNINGS, tuple(chain[end - length : end]))
        for rule, (length, holds) in _CONSECUTIVE.items()
        for end in range(length, len(chain) + 1)
        if holds(z[end - length : end])
    ]


def _opposed_within_a_run(runs: Sequence[ControlRun]) -> list[Violation]:
    """R-4s: one measurement above +2 and one below -2 in the same run."""
    by_run: dict[str, list[int]] = defaultdict(list)
    for place, run in enumerate(runs):
        by_run[run.run].append(place)
    found = []
    for places in by_run.values():
        far = tuple(place for place in places if abs(runs[place].deviate) > 2)
        if len({runs[place].deviate > 0 for place in far}) == 2:
            found.append(Violation(Rule.R_4S, far[-1], is_warning=False, places=far))
    return found
