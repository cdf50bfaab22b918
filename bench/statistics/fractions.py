"""Coverage and bias of the adjusted count over a grid of situations.

Synthetic. Every cell of the grid: so many samples, each with new calibration donors, a new history
of wells and a new donor. Cells of the outermost outlets are told more easily, as by a threshold on
one noisy cue: if cells next to the border are told with Phi(h), those beyond are with Phi(3 h).
Calibrating cells come half from each outlet of a class, as images of sorted wells do. Those of a
sample are 11 % outermost among the deformable and 16 % among the rigid, more or less by 7 % as over
the published donors, or 30 % in both, more unlike than any of those.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from app.domain.adjusted_count import AdjustedCount, adjust_count
from app.domain.error_rates import ErrorRates
from app.domain.outlets import IMAGED_OUTLETS

Floats = NDArray[np.float64]

SAMPLES: Final = 200
"""In each cell of the grid."""
HISTORY_DEGREES: Final = 30
WELL_SD: Final = 0.03
IMAGES: Final = 40
CELLS: Final = 35
IMAGE_SD: Final = 0.03
CALIBRATION_CELLS: Final = 500
"""Of each outlet, by donor."""
USUAL: Final = 0.14
"""Outermost cells of both classes, where `accuracy` holds."""
MIXES: Final = {"usual": (0.114, 0.161, 0.07), "unlike": (0.30, 0.30, 0.0)}
"""Share of the outermost outlet among deformable and among rigid cells, and its SD over samples."""
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
    clipped_bias: float
    counted_bias: float
    refused: float


def tell() -> None:
    rng = np.random.default_rng(SEED)
    outcomes = {situation: try_out(situation, rng) for situation in situations()}
    print("Coverage and largest biases of the adjusted count, synthetic\n")
    print("| grid | coverage | least in a cell | bias, unclipped | clipped | counted |")
    print("|---|--:|--:|--:|--:|--:|")
    for field in fields(Situation):
        tell_axis(field.name, outcomes)
    tell_all(outcomes)


def situations() -> list[Situation]:
    axes = (0.1, 0.3, 0.5, 0.7, 0.9), (0.7, 0.82, 0.95), (2, 4, 8), (0.0, 0.03, 0.06), (5, 10, 30)
    return [
        Situation(rigid, accuracy, wells, sd, donors, mix)
        for rigid, accuracy, wells, sd, donors, mix in product(*axes, MIXES)
    ]


def try_out(situation: Situation, rng: np.random.Generator, *, samples: int = SAMPLES) -> Outcome:
    share, held, errors, clipped, counted = 1 - situation.rigid, [], [], [], []
    for _ in range(samples):
        called = draw_called(situation, rng)
        variance = draw_history(rng) / situation.wells
        found = adjust_count(called, variance, HISTORY_DEGREES, draw_rates(situation, rng))
        counted.append(called - share)
        if isinstance(found, AdjustedCount):
            held.append(found.interval[0] <= share <= found.interval[1])
            errors.append(found.unclipped - share)
            clipped.append(found.share - share)
    return Outcome(
        coverage=float(np.mean(held)),
        bias=float(np.mean(errors)),
        clipped_bias=float(np.mean(clipped)),
        counted_bias=float(np.mean(counted)),
        refused=1 - len(held) / samples,
    )


@cache
def told_by_outlet(accuracy: float) -> tuple[float, float]:
    """Shares told correctly of outermost and of inner cells, at the usual mix `accuracy` in all."""

    def surplus(h: float) -> float:
        return float(USUAL * ndtr(3 * h) + (1 - USUAL) * ndtr(h) - accuracy)

    h = float(brentq(surplus, 0, 4))
    return float(ndtr(3 * h)), float(ndtr(h))


def donor_rates(situation: Situation, n: int, rng: np.random.Generator) -> Floats:
    """Shares told correctly of outlets 2, 3, 4, 5 in n donors, shape (n, 4)."""
    outer, inner = told_by_outlet(situation.accuracy)
    offsets = situation.donor_sd * rng.standard_normal((n, 2))
    rates = np.array([outer, inner, inner, outer]) + offsets[:, [0, 0, 1, 1]]
    return np.asarray(np.clip(rates, 0.02, 0.998))


def draw_rates(situation: Situation, rng: np.random.Generator) -> ErrorRates:
    told = donor_rates(situation, situation.calibration_donors, rng)
    p_deformable = np.where([True, True, False, False], told, 1 - told)
    called = rng.binomial(CALIBRATION_CELLS, p_deformable).astype(np.float64)
    return ErrorRates.of_outlets(np.full_like(called, CALIBRATION_CELLS), called, IMAGED_OUTLETS)


def draw_called(situation: Situation, rng: np.random.Generator) -> float:
    """Share called deformable in a sample of a new donor: wells, images, cells."""
    (second, third, fourth, fifth) = donor_rates(situation, 1, rng)[0]
    *means, sd = MIXES[situation.mix]
    in_second, in_fifth = np.clip(rng.normal(means, sd), 0, 1)
    sensitivity = in_second * second + (1 - in_second) * third
    specificity = in_fifth * fifth + (1 - in_fifth) * fourth
    rate = (1 - situation.rigid) * sensitivity + situation.rigid * (1 - specificity)
    wells = rate + rng.normal(0, WELL_SD, (situation.wells, 1))
    images = np.clip(wells + rng.normal(0, IMAGE_SD, (situation.wells, IMAGES)), 0, 1)
    return float(rng.binomial(CELLS, images).sum() / (CELLS * images.size))


def draw_history(rng: np.random.Generator) -> float:
    """Variance of a well's share as 30 degrees of freedom of earlier samples give it."""
    within = WELL_SD**2 + (IMAGE_SD**2 + 0.24 / CELLS) / IMAGES
    return float(within * rng.chisquare(HISTORY_DEGREES) / HISTORY_DEGREES)


def tell_axis(name: str, outcomes: dict[Situation, Outcome]) -> None:
    groups: dict[object, list[Outcome]] = defaultdict(list)
    for situation, outcome in outcomes.items():
        groups[getattr(situation, name)].append(outcome)
    for value, group in groups.items():
        print(f"| {name.replace('_', ' ')} {value} | {summary(group)} |")


def summary(group: Iterable[Outcome]) -> str:
    group = list(group)
    coverage = [outcome.coverage for outcome in group]
    biases = [
        max((getattr(outcome, name) for outcome in group), key=abs)
        for name in ("bias", "clipped_bias", "counted_bias")
    ]
    told = " | ".join(f"{bias:+.3f}" for bias in biases)
    return f"{np.mean(coverage):.3f} | {min(coverage):.3f} | {told}"


def tell_all(outcomes: dict[Situation, Outcome]) -> None:
    every = outcomes.values()
    alike = [o for s, o in outcomes.items() if s.donor_sd == 0 and s.mix == "usual"]
    print(f"| donors alike, usual mix | {summary(alike)} |\n| **all** | {summary(every)} |\n")
    low = [(o.coverage, s) for s, o in outcomes.items() if o.coverage < 0.90]
    refused = float(np.mean([outcome.refused for outcome in every]))
    print(f"{len(outcomes)} cells of {SAMPLES} samples; no number: {refused:.3f}")
    print(f"cells under 0.90: {len(low)}")
    for coverage, situation in sorted(low, key=lambda one: one[0])[:10]:
        print(f"- {coverage:.3f} {situation}")
