"""`python -m bench.adjusted_count`: coverage and bias of the adjusted count over a grid.

Every cell of the grid: so many samples, each with new calibration donors, a new history of wells
and a new donor of its own sensitivity and specificity. `unlike` means that the extreme outlets make
up 30 % of each class in the sample and 12 % in the calibration; extreme cells are told more easily.
"""

from collections import defaultdict
from dataclasses import astuple, dataclass, fields
from itertools import product
from typing import Final

import numpy as np

from app.domain.adjusted_count import AdjustedCount, ErrorRates, Floats, adjust_count

SAMPLES: Final = 200
"""In each cell of the grid."""
HISTORY_DEGREES: Final = 30
WELL_SD: Final = 0.03
IMAGES: Final = 40
CELLS: Final = 35
IMAGE_SD: Final = 0.03
CALIBRATION_CELLS: Final = 1000
"""Of each class, by donor."""
EXTREMES: Final = {"like": 0.12, "unlike": 0.30}
EXTREME_GAIN: Final = 0.08
"""By how much extreme cells are told better than the others."""
SEED: Final = 99


@dataclass(frozen=True)
class Situation:
    rigid: float
    accuracy: float
    wells: int
    donor_sd: float
    calibration_donors: int
    mix: str


@dataclass(frozen=True)
class Outcome:
    coverage: float
    bias: float
    counted_bias: float
    refused: float


def main() -> None:
    rng = np.random.default_rng(SEED)
    outcomes = {situation: try_out(situation, rng) for situation in situations()}
    for field in fields(Situation):
        tell(field.name, outcomes)
    tell_all(outcomes)


def situations() -> list[Situation]:
    axes = (0.1, 0.3, 0.5, 0.7, 0.9), (0.7, 0.82, 0.95), (2, 4, 8), (0.0, 0.03, 0.06), (5, 10, 30)
    return [
        Situation(rigid, accuracy, wells, sd, donors, mix)
        for rigid, accuracy, wells, sd, donors, mix in product(*axes, EXTREMES)
    ]


def try_out(situation: Situation, rng: np.random.Generator) -> Outcome:
    share, held, errors, counted = 1 - situation.rigid, [], [], []
    for _ in range(SAMPLES):
        rates = draw_rates(situation, rng)
        called = draw_called(situation, rng)
        variance = draw_history(rng) / situation.wells
        found = adjust_count(called, variance, HISTORY_DEGREES, rates)
        counted.append(called - share)
        if isinstance(found, AdjustedCount):
            held.append(found.interval[0] <= share <= found.interval[1])
            errors.append(found.unclipped - share)
    return Outcome(
        coverage=float(np.mean(held)),
        bias=float(np.mean(errors)),
        counted_bias=float(np.mean(counted)),
        refused=1 - len(held) / SAMPLES,
    )


def rates_of(situation: Situation, extremes: float, n: int, rng: np.random.Generator) -> Floats:
    """Sensitivity and specificity of n donors, shape (2, n)."""
    usual = EXTREMES["like"]
    mean = situation.accuracy + EXTREME_GAIN * (extremes - usual)
    return np.asarray(np.clip(mean + situation.donor_sd * rng.standard_normal((2, n)), 0.02, 0.995))


def draw_rates(situation: Situation, rng: np.random.Generator) -> ErrorRates:
    true = rates_of(situation, EXTREMES["like"], situation.calibration_donors, rng)
    sensitivity, specificity = rng.binomial(CALIBRATION_CELLS, true) / CALIBRATION_CELLS
    return ErrorRates(sensitivity, specificity)


def draw_called(situation: Situation, rng: np.random.Generator) -> float:
    """Share called deformable in a sample of a new donor: wells, images, cells."""
    (sensitivity,), (specificity,) = rates_of(situation, EXTREMES[situation.mix], 1, rng)
    rate = (1 - situation.rigid) * sensitivity + situation.rigid * (1 - specificity)
    wells = rate + rng.normal(0, WELL_SD, (situation.wells, 1))
    images = np.clip(wells + rng.normal(0, IMAGE_SD, (situation.wells, IMAGES)), 0, 1)
    return float(rng.binomial(CELLS, images).sum() / (CELLS * images.size))


def draw_history(rng: np.random.Generator) -> float:
    """Variance of a well's share as 30 degrees of freedom of earlier samples give it."""
    within = WELL_SD**2 + (IMAGE_SD**2 + 0.24 / CELLS) / IMAGES
    return float(within * rng.chisquare(HISTORY_DEGREES) / HISTORY_DEGREES)


def tell(name: str, outcomes: dict[Situation, Outcome]) -> None:
    groups: dict[object, list[Outcome]] = defaultdict(list)
    for situation, outcome in outcomes.items():
        groups[getattr(situation, name)].append(outcome)
    print(f"| {name} | coverage | least in a cell | bias, unclipped | counted |")
    print("|---|--:|--:|--:|--:|")
    for value, group in groups.items():
        print(f"| {value} | {summary(group)} |")
    print()


def summary(group: list[Outcome]) -> str:
    coverage = [outcome.coverage for outcome in group]
    bias = max((outcome.bias for outcome in group), key=abs)
    counted = max((outcome.counted_bias for outcome in group), key=abs)
    return f"{np.mean(coverage):.3f} | {min(coverage):.3f} | {bias:+.3f} | {counted:+.3f}"


def tell_all(outcomes: dict[Situation, Outcome]) -> None:
    group = list(outcomes.values())
    print(f"all {len(group)} cells of {SAMPLES} samples: {summary(group)}")
    same = [o for s, o in outcomes.items() if s.donor_sd == 0 and s.mix == "like"]
    print(f"donors alike, mix as in calibration: {summary(same)}")
    print(f"no number: {np.mean([outcome.refused for outcome in group]):.3f}")
    worst = sorted(outcomes.items(), key=lambda item: item[1].coverage)[:5]
    for situation, outcome in worst:
        print(f"least: {astuple(situation)} {outcome.coverage:.3f}")


if __name__ == "__main__":
    main()
