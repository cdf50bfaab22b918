"""`python -m bench.population_guard`: ordinary and strange donors against the bundled ones.

Donors that neither fitted nor calibrated anything, two wells of three images each through the whole
program. Strange donors look unlike those drawn for training: their cues are shifted by two or three
standard deviations in a random direction, or their cells are paler or larger. It also prints
whether the correction for looks helps on the ordinary ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from app.domain.donor_score import ModelFigures
from app.domain.population import Placement, Standing, TrainingDonors
from app.domain.scoring import Floats
from app.domain.synthetic.donors import Donor, draw_donor
from models.bundled import load_bundled
from models.calibration import KnownSample
from models.classifier import Classifier
from models.training.unsorted_donors import UnsortedConfig, see_sample

ORDINARY: Final = 60
SHIFTS: Final = (2.0, 3.0)
STRANGE_PER_SHIFT: Final = 10
CONFIG: Final = UnsortedConfig(prefix="GUARD", seed=7708)


@dataclass(frozen=True)
class Seen:
    kind: str
    sample: KnownSample
    placement: Placement

    @property
    def error(self) -> float:
        return abs(self.sample.rigidity_score - self.sample.true_score)

    @property
    def is_outside(self) -> bool:
        return self.placement.standing is Standing.OUTSIDE


def main() -> None:
    cv2.setNumThreads(1)
    bundle = load_bundled()
    classifier = Classifier.load(bundle.onnx, bundle.manifest)
    figures = ModelFigures.from_manifest(bundle.manifest.to_json())
    seen = [see(kind, donor, classifier, figures) for kind, donor in donors()]
    print("| donors | n | outside | edge | mean of \\|ΔRS\\| |\n|---|--:|--:|--:|--:|")
    for kind in dict.fromkeys(one.kind for one in seen):
        tell(kind, [one for one in seen if one.kind == kind])
    tell("all strange", [one for one in seen if one.kind != "ordinary"])
    tell("flagged outside", [one for one in seen if one.is_outside])
    tell("not flagged outside", [one for one in seen if not one.is_outside])
    tell_correction([one.sample for one in seen if one.kind == "ordinary"], figures)


def donors() -> Iterator[tuple[str, Donor]]:
    for number in range(ORDINARY):
        yield "ordinary", draw_donor(f"{CONFIG.prefix}{number:03d}", CONFIG.seed)
    for shift in SHIFTS:
        for number in range(STRANGE_PER_SHIFT):
            code = f"{CONFIG.prefix}-S{shift:.0f}-{number}"
            yield f"cues {shift:.0f} SD off", draw_donor(code, CONFIG.seed, appearance_shift=shift)
    for number in range(3):
        donor = draw_donor(f"{CONFIG.prefix}-X{number}", CONFIG.seed)
        yield "paler by 40 %", replace(donor, body_depth=0.6)
        yield "7.6 µm across", replace(donor, mean_diameter_um=7.6)


def see(kind: str, donor: Donor, classifier: Classifier, figures: ModelFigures) -> Seen:
    sample = see_sample(donor, classifier, figures, CONFIG)
    assert figures.training_donors is not None
    return Seen(kind, sample, place(sample, figures.training_donors))


def place(sample: KnownSample, donors: TrainingDonors) -> Placement:
    return donors.place(sample.mean_looks, n_cells=sample.n_cells, n_wells=len(sample.wells))


def tell(name: str, seen: list[Seen]) -> None:
    outside = np.mean([one.is_outside for one in seen])
    edge = np.mean([one.placement.standing is Standing.EDGE for one in seen])
    error = np.mean([one.error for one in seen])
    print(f"| {name} | {len(seen)} | {outside:.2f} | {edge:.2f} | {error:.3f} |")


def tell_correction(samples: list[KnownSample], figures: ModelFigures) -> None:
    correction = figures.correction
    assert correction is not None
    truth = np.array([sample.true_score for sample in samples])
    scores = np.array([sample.rigidity_score for sample in samples])
    shifts = np.array([correction.shift(sample.mean_looks) for sample in samples])
    print("\n| score | mean of \\|ΔRS\\| | SD | slope |\n|---|--:|--:|--:|")
    for name, values in (("as it is", scores), ("corrected for looks", scores + shifts)):
        error = values - truth
        print(
            f"| {name} | {np.abs(error).mean():.3f} | {error.std(ddof=1):.3f} "
            f"| {np.polyfit(truth, values, 1)[0]:.2f} |"
        )
    low, gain, high = gain_of(scores - truth, scores + shifts - truth)
    print(f"\ngain {gain:+.4f}, 95 % interval over donors {low:+.4f} to {high:+.4f}")


def gain_of(before: Floats, after: Floats) -> tuple[float, float, float]:
    """Mean fall of the absolute error over donors, with its interval."""
    gains = np.abs(before) - np.abs(after)
    half = 1.96 * float(gains.std(ddof=1)) / np.sqrt(len(gains))
    return float(gains.mean()) - half, float(gains.mean()), float(gains.mean()) + half


if __name__ == "__main__":
    main()
