"""Westgard's rules against a second reading of them, run by run, over random series (M5).

Written from the rules' text alone: for each run it looks back and counts, where the program
slides windows along chains.
"""

import random
from dataclasses import dataclass
from typing import Final

import pytest

from app.domain.assessment import NotAssessable
from app.domain.control_charts import ControlRun, Rule, WestgardOptions, judge_runs

N_SERIES: Final = 500
STEPS: Final = (-3.2, -3.0, -2.4, -2.0, -1.3, -1.0, -0.4, 0.0, 0.3, 1.0, 1.2, 2.0, 2.6, 3.0, 3.3)
"""Values on the limits and between them: strict inequalities are half of the rules."""


@dataclass
class Past:
    """What one material's measurements looked like so far, newest first."""

    z: list[float]

    def same_side(self, n: int, beyond: float) -> bool:
        if len(self.z) < n:
            return False
        newest = self.z[:n]
        above = sum(1 for value in newest if value > beyond)
        below = sum(1 for value in newest if value < -beyond)
        return n in (above, below)

    def rising_or_falling(self, n: int) -> bool:
        newest = self.z[:n]
        if len(newest) < n:
            return False
        backwards = newest[::-1]
        return backwards == sorted(set(backwards)) or newest == sorted(set(newest))


def second_reading(runs: list[ControlRun], *, across: bool) -> set[tuple[str, int]]:
    """Rule and place of every violation."""
    found: set[tuple[str, int]] = set()
    pasts: dict[str, Past] = {}
    for place, run in enumerate(runs):
        past = pasts.setdefault("" if across else run.material, Past([]))
        past.z.insert(0, run.deviate)
        if abs(run.deviate) > 2:
            found.add(("1-2s", place))
        if abs(run.deviate) > 3:
            found.add(("1-3s", place))
        for name, n, beyond in (("2-2s", 2, 2), ("3-1s", 3, 1), ("4-1s", 4, 1), ("10x", 10, 0)):
            if past.same_side(n, beyond):
                found.add((name, place))
        if past.rising_or_falling(7):
            found.add(("7T", place))
    for name in {run.run for run in runs}:
        together = [(place, run.deviate) for place, run in enumerate(runs) if run.run == name]
        high = [place for place, z in together if z > 2]
        low = [place for place, z in together if z < -2]
        if high and low:
            found.add(("R-4s", max(high + low)))
    return found


def random_series(seed: int) -> list[ControlRun]:
    """Drifting, jumping and quiet series of one or two materials, some values on a limit."""
    dice = random.Random(seed)
    materials = ["low", "high"][: dice.choice([1, 2])]
    level, trend = dice.gauss(0, 0.8), dice.choice([0, 0, 0.15, -0.25])
    series = []
    for number in range(dice.randint(1, 40)):
        for material in materials:
            z = dice.choice(STEPS) if dice.random() < 0.4 else dice.gauss(level, 1.1)
            series.append(ControlRun(f"run {number}", material, z))
        level += trend
    return series


@pytest.mark.parametrize("across", [False, True])
def test_both_readings_of_the_rules_agree_on_random_series(*, across: bool) -> None:
    met: set[str] = set()
    for seed in range(N_SERIES):
        series = random_series(seed)
        ours = judge_runs(series, WestgardOptions(frozenset(Rule), across_materials=across))
        assert not isinstance(ours, NotAssessable)
        found = {(one.rule.value, one.place) for one in ours}
        assert found == second_reading(series, across=across), f"series {seed}"
        met |= {rule for rule, _ in found}
    assert met == {rule.value for rule in Rule}
