"""How often the 95 % intervals of method comparison hold the truth, over simulated pairs.

True scores of donors are normal with mean 3.1 and SD 0.31, like the ten published ones; the image
score's truth is a line on the reference's; errors are added to both.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.domain.method_comparison import (
    BlandAltman,
    Deming,
    Estimate,
    MethodComparison,
    Pairs,
    PassingBablok,
    PercentDeviation,
    VarianceRatio,
    compare,
)
from app.domain.method_comparison.pairs import Z

TIMES: Final = 1000
SEED: Final = 31
SIZES: Final = (10, 20, 40, 100)
MEAN: Final = 3.1
SPREAD: Final = 0.31
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Situation:
    """How scores come about; `ratio` is what Deming is told of the errors."""

    name: str
    reference_sd: float = 0.10
    image_sd: float = 0.10
    slope: float = 1.0
    intercept: float = 0.0
    ratio: float = 1.0
    tails_df: float | None = None
    digits: int | None = None

    def errors(self, rng: np.random.Generator, sd: float, n: int) -> Floats:
        if self.tails_df is None:
            return rng.normal(0, sd, n)
        unit = np.sqrt(self.tails_df / (self.tails_df - 2))
        return np.asarray(sd * rng.standard_t(self.tails_df, n) / unit)

    def draw(self, rng: np.random.Generator, n: int) -> Pairs:
        true = rng.normal(MEAN, SPREAD, n)
        x = true + self.errors(rng, self.reference_sd, n)
        y = self.intercept + self.slope * true + self.errors(rng, self.image_sd, n)
        return Pairs.of(x, y) if self.digits is None else Pairs.of(
            x.round(self.digits), y.round(self.digits)
        )  # fmt: skip

    @property
    def bias(self) -> float:
        return self.intercept + (self.slope - 1) * MEAN

    @property
    def difference_sd(self) -> float:
        spread = (self.slope - 1) * SPREAD
        return float(np.sqrt(spread**2 + self.reference_sd**2 + self.image_sd**2))

    def mean_deviation(self) -> float:
        """Per cent, from a large draw: heavy tails have no simple formula."""
        pairs = self.draw(np.random.default_rng(SEED), 400_000)
        return float(100 * np.abs(pairs.differences).mean())


SITUATIONS: Final = (
    Situation("equal errors"),
    Situation("device 0.17, image 0.10, ratio known", reference_sd=0.17, ratio=2.89),
    Situation("device 0.17, image 0.10, ratio taken as 1", reference_sd=0.17),
    Situation("slope 0.74, intercept 0.77", slope=0.74, intercept=0.77),
    Situation("heavy tails (t, 3 df)", tails_df=3),
    Situation("scores with one decimal (ties)", digits=1),
)
FIGURES: Final = (
    "bias", "upper limit", "mean deviation", "Deming slope", "Deming intercept", "bias at 3.0",
    "P-B slope", "P-B intercept",
)  # fmt: skip


def tell() -> None:
    print(f"Coverage of the 95 % intervals, per cent of {TIMES} simulated comparisons\n")
    print(f"| situation | n | {' | '.join(FIGURES)} |\n|---|--:|{'--:|' * len(FIGURES)}")
    for situation in SITUATIONS:
        for n in SIZES:
            held = coverage(situation, n)
            told = " | ".join(f"{100 * held[figure]:.1f}" for figure in FIGURES)
            print(f"| {situation.name} | {n} | {told} |", flush=True)


def coverage(situation: Situation, n: int, *, times: int = TIMES) -> dict[str, float]:
    rng = np.random.default_rng(SEED)
    truth = truths(situation)
    held: dict[str, list[bool]] = defaultdict(list)
    for _ in range(times):
        answers = compare(situation.draw(rng, n), VarianceRatio(situation.ratio, "entered"))
        for figure, estimate in estimates(answers).items():
            held[figure].append(holds(estimate, truth[figure]))
    return {figure: float(np.mean(held[figure])) for figure in FIGURES}


def truths(situation: Situation) -> dict[str, float]:
    return {
        "bias": situation.bias,
        "upper limit": situation.bias + Z * situation.difference_sd,
        "mean deviation": situation.mean_deviation(),
        "Deming slope": situation.slope,
        "Deming intercept": situation.intercept,
        "bias at 3.0": situation.intercept + (situation.slope - 1) * 3.0,
        "P-B slope": situation.slope,
        "P-B intercept": situation.intercept,
    }


def estimates(answers: MethodComparison) -> dict[str, Estimate]:
    limits, line, median = answers.bland_altman, answers.deming, answers.passing_bablok
    found: dict[str, Estimate] = {}
    if isinstance(limits, BlandAltman):
        found |= {"bias": limits.bias, "upper limit": limits.upper_limit}
    if isinstance(answers.percent_deviation, PercentDeviation):
        found["mean deviation"] = answers.percent_deviation.mean
    if isinstance(line, Deming):
        at = {one.level: one.bias for one in line.bias_at}
        found |= {
            "Deming slope": line.slope, "Deming intercept": line.intercept, "bias at 3.0": at[3.0],
        }  # fmt: skip
    if isinstance(median, PassingBablok):
        found |= {"P-B slope": median.slope, "P-B intercept": median.intercept}
    return found


def holds(estimate: Estimate, truth: float) -> bool:
    """An open end holds everything on its side."""
    low = -np.inf if estimate.low is None else estimate.low
    high = np.inf if estimate.high is None else estimate.high
    return bool(low <= truth <= high)
