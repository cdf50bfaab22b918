"""How often the score's 95 % interval holds the truth, for models of outlets.

Synthetic. Samples are drawn as posteriors, not as pictures: each cell has an outlet from its
donor's mix and a cue, the network reads the cue as if every donor looked alike, and donor, well and
image shift it. The model's error is measured on a few donors, the spread of wells on earlier
samples of the same laboratory, both drawn from the same population. The interval must hold the
score of the donor's whole population; the model's error is measured as in a manifest: against the
cells drawn, less what wells and images added to it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.domain.donor_score import ModelFigures, Requirements, WellCells, score_donor
from app.domain.outlets import IMAGED_OUTLETS
from app.domain.scoring import Mixing, rigidity_score_of_fractions
from app.domain.synthetic.donors import generator, outlet_mix
from app.domain.well_effects import EarlierWell, WellSpread, pool_wells

SAMPLES: Final = 150
"""In each row of the table."""
WELLS: Final = (2, 8)
DONORS: Final = (5, 10, 30)
"""Behind the model's error."""
POOL: Final = 60
"""Donors that calibrations and histories are drawn from, in each row."""
HISTORY_SAMPLES: Final = 32
IMAGES: Final = 20
CELLS: Final = 35
CUE_SD: Final = 0.9
IMAGE_SD: Final = 0.10
SEED: Final = 4242
NEEDS: Final = Requirements(min_wells=2, min_images_per_well=1, min_cells=1)
MIXING: Final = Mixing.usual(IMAGED_OUTLETS, [0.25] * 4)


@dataclass(frozen=True)
class Situation:
    """SDs are of the cue, in outlets."""

    wells: int
    donor_sd: float
    well_sd: float
    calibration_donors: int


@dataclass(frozen=True)
class Sample:
    """Wells, the scores of the cells drawn in each and in all, and of all the donor's cells."""

    wells: tuple[WellCells, ...]
    well_scores: tuple[float, ...]
    drawn_score: float
    true_score: float


@dataclass(frozen=True)
class Scored:
    error: float
    well_errors: tuple[float, ...]
    wells: tuple[EarlierWell, ...]


def tell() -> None:
    print("Coverage of the score's interval, synthetic posteriors\n")
    print("| wells | donor SD | well SD | calibration donors | with history | without | width |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    every = np.array([tell_row(situation) for situation in situations()])
    held, bound = every.mean(axis=0)
    print(f"\n{len(every) * SAMPLES} samples: {held:.3f} with history, {bound:.3f} without it")


def situations() -> Iterator[Situation]:
    for wells, donor_sd, well_sd, donors in product(WELLS, (0.0, 0.12), (0.0, 0.08), DONORS):
        yield Situation(wells, donor_sd, well_sd, donors)


def tell_row(situation: Situation) -> tuple[float, float]:
    """Print a row; coverage with the laboratory's history and without."""
    rng = generator("intervals", SEED, repr(situation))
    known = [score(draw_sample(situation, rng)) for _ in range(POOL)]
    held, bound, widths = [], [], []
    for _ in range(SAMPLES):
        sample = draw_sample(situation, rng)
        model, history = draw_figures(known, situation, rng), draw_history(known, rng)
        low, high = score_donor(sample.wells, model, NEEDS, history).rigidity_interval
        held.append(low <= sample.true_score <= high)
        widths.append(high - low)
        low, high = score_donor(sample.wells, model, NEEDS).rigidity_interval
        bound.append(low <= sample.true_score <= high)
    print(
        f"| {situation.wells} | {situation.donor_sd:.2f} | {situation.well_sd:.2f} "
        f"| {situation.calibration_donors} | {np.mean(held):.3f} | {np.mean(bound):.3f} "
        f"| {np.mean(widths):.2f} |",
        flush=True,
    )
    return float(np.mean(held)), float(np.mean(bound))


def draw_sample(situation: Situation, rng: np.random.Generator) -> Sample:
    """A donor's wells as the network sees them."""
    mix = outlet_mix(float(rng.normal(0, 0.35)), 0.84)
    donor = rng.normal(0, situation.donor_sd)
    wells, counts = [], []
    for number in range(situation.wells):
        image_index = np.repeat(np.arange(IMAGES, dtype=np.intp), CELLS)
        outlet = rng.choice(len(mix), image_index.size, p=np.array(mix) / sum(mix))
        shift = donor + rng.normal(0, situation.well_sd)
        shifts = shift + rng.normal(0, IMAGE_SD, IMAGES)[image_index]
        posteriors = read_cues(rng.normal(outlet + shifts, CUE_SD))
        wells.append(WellCells(str(number), posteriors, image_index, IMAGES))
        counts.append(np.bincount(outlet, minlength=len(mix)))
    by_well = tuple(score_of(one.tolist()) for one in counts)
    return Sample(tuple(wells), by_well, score_of(np.sum(counts, axis=0).tolist()), score_of(mix))


def score_of(shares: Sequence[float]) -> float:
    return rigidity_score_of_fractions(dict(zip(IMAGED_OUTLETS, shares, strict=True)))


def read_cues(cues: NDArray[np.float64]) -> NDArray[np.float32]:
    """Posteriors for a flat prior of a network that knows the cue of the usual donor."""
    likelihood = np.exp(-0.5 * ((cues[:, np.newaxis] - np.arange(4)) / CUE_SD) ** 2)
    return np.asarray(likelihood / likelihood.sum(axis=1, keepdims=True), np.float32)


def score(sample: Sample) -> Scored:
    found = score_donor(sample.wells, ModelFigures(IMAGED_OUTLETS, MIXING, None, 0), NEEDS)
    wells = tuple(
        EarlierWell(well.rigidity_score, well.standard_error or 0.0) for well in found.wells
    )
    well_errors = tuple(
        well.figure - true for well, true in zip(wells, sample.well_scores, strict=True)
    )
    return Scored(found.rigidity_score - sample.drawn_score, well_errors, wells)


def draw_figures(
    known: list[Scored], situation: Situation, rng: np.random.Generator
) -> ModelFigures:
    """The model's error as a few donors give it."""
    chosen = rng.choice(len(known), situation.calibration_donors, replace=False)
    errors = np.array([known[i].error for i in chosen])
    by_well = np.array([known[i].well_errors for i in chosen])
    from_wells = float(by_well.var(axis=1, ddof=1).mean()) / by_well.shape[1]
    alone = np.sqrt(max(float(errors.var(ddof=1)) - from_wells, 0.0))
    return ModelFigures(IMAGED_OUTLETS, MIXING, float(np.hypot(alone, errors.mean())), len(errors))


def draw_history(known: list[Scored], rng: np.random.Generator) -> WellSpread | None:
    chosen = rng.choice(len(known), HISTORY_SAMPLES, replace=False)
    return pool_wells([known[i].wells for i in chosen])
