"""How often tests speak up without cause, and find what is there: linearity, outliers, Westgard."""

from typing import Final

import numpy as np

from app.domain.assessment import NotAssessable
from app.domain.control_charts import ControlRun, is_rejected, judge_runs
from app.domain.method_comparison import Linearity, Outliers, Pairs, find_outliers, passing_bablok
from app.domain.method_comparison.passing_bablok import cusum_linearity
from bench.statistics.coverage import SEED, SITUATIONS, Floats

TIMES: Final = 1000
SIZES: Final = (10, 20, 40, 100)
BEND: Final = 0.5
"""Outlets by which the ends of a range of two outlets leave the line."""
RUNS: Final = 30


def tell() -> None:
    print(f"False alarms and power, per cent of {TIMES} simulated comparisons\n")
    print("| test | " + " | ".join(f"n = {n}" for n in SIZES) + " |\n|---|" + "--:|" * len(SIZES))
    rows = {
        "CUSUM, straight line": [rejected(n, bend=0.0) for n in SIZES],
        f"CUSUM, ends bent by {BEND}": [rejected(n, bend=BEND) for n in SIZES],
        "outliers, normal differences": [flagged(n, shift=0.0) for n in SIZES],
        "outliers, one pair 5 SD away": [flagged(n, shift=5.0) for n in SIZES],
    }
    for name, shares in rows.items():
        print(f"| {name} | " + " | ".join(f"{100 * share:.1f}" for share in shares) + " |")
    moved = {f"mean moved by {sd:g} SD": 100 * rejected_series(sd) for sd in (0.0, 1.0, 3.0)}
    told = ", ".join(f"{name} {share:.1f}" for name, share in moved.items())
    print(f"\nWestgard, series of {RUNS} runs of one control rejected, per cent: {told}")


def rejected(n: int, *, bend: float) -> float:
    """The CUSUM test without its floor of 20 pairs."""
    rng = np.random.default_rng(SEED)
    x = np.linspace(2, 4, n)
    curve = x + bend * (x - 3) ** 3
    return float(np.mean([_is_rejected(x, curve + rng.normal(0, 0.1, n)) for _ in range(TIMES)]))


def _is_rejected(x: Floats, y: Floats) -> bool:
    pairs = Pairs.of(x, y)
    line = passing_bablok(pairs)
    if isinstance(line, NotAssessable):
        return False
    answer = cusum_linearity(pairs, line.slope.value, line.intercept.value)
    return isinstance(answer, Linearity) and answer.is_rejected


def flagged(n: int, *, shift: float) -> float:
    rng = np.random.default_rng(SEED)
    found = 0
    for _ in range(TIMES):
        pairs = SITUATIONS[0].draw(rng, n)
        pairs.image[0] += shift * SITUATIONS[0].difference_sd
        answer = find_outliers(pairs)
        found += isinstance(answer, Outliers) and bool(answer.places)
    return found / TIMES


def rejected_series(moved_by: float) -> float:
    rng = np.random.default_rng(SEED)
    found = 0
    for _ in range(TIMES):
        deviates = rng.normal(moved_by, 1, RUNS)
        answer = judge_runs(
            [ControlRun(str(n), "control", float(z)) for n, z in enumerate(deviates)]
        )
        found += not isinstance(answer, NotAssessable) and is_rejected(answer)
    return found / TIMES
