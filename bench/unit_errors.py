"""How much of an image score's error stays with the donor over storage; prints one table.

Drawn donors are seen through the whole program on several days: stiffer each day by the same step,
with new cells, wells and light, and with the donor's own look kept. What differs between donors in
the mean error of their days is the part that leaves a unit's slope as it is.
"""

import sys
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from app.domain.donor_score import ModelFigures
from app.domain.synthetic.donors import Donor, draw_donor, outlet_mix
from models.bundled import load_bundled
from models.classifier import Classifier
from models.training.unsorted_donors import UnsortedConfig, see_sample

DAYS: Final = (0, 21, 42)
STIFFER_PER_DAY: Final = 0.008
"""In the unit of stiffness; about 0.2 outlets over six weeks."""
CONFIG: Final = UnsortedConfig(prefix="UNIT", seed=4_211, n_donors=6)


def on_day(donor: Donor, day: int) -> Donor:
    """The same look on a later day: stiffer, and nothing else drawn alike."""
    mean = donor.mean_stiffness + STIFFER_PER_DAY * day
    return replace(
        donor, seed=donor.seed + 7_919 * (day + 1), mean_stiffness=mean,
        outlet_mix=outlet_mix(mean, donor.stiffness_sd),
    )  # fmt: skip


def errors_of(number: int, classifier: Classifier, figures: ModelFigures) -> list[float]:
    donor = draw_donor(f"{CONFIG.prefix}{number:03d}", CONFIG.seed)
    samples = [see_sample(on_day(donor, day), classifier, figures, CONFIG) for day in DAYS]
    errors = [sample.rigidity_score - sample.true_score for sample in samples]
    print(donor.code, " ".join(f"{error:+.3f}" for error in errors), flush=True)
    return errors


def main() -> None:
    n_donors = int(sys.argv[1]) if len(sys.argv) > 1 else CONFIG.n_donors
    cv2.setNumThreads(1)
    bundle = load_bundled()
    classifier = Classifier.load(bundle.onnx, bundle.manifest)
    figures = ModelFigures.from_manifest(bundle.manifest.to_json())
    errors = np.array([errors_of(number, classifier, figures) for number in range(n_donors)])
    within = float(np.sqrt(errors.var(axis=1, ddof=1).mean()))
    between = float(np.sqrt(max(errors.mean(axis=1).var(ddof=1) - within**2 / len(DAYS), 0)))
    days = np.array(DAYS) - np.mean(DAYS)
    slopes = errors @ days / (days @ days)
    print("| donors | days | SD between donors | SD within a donor | error of the slope per week |")
    print("|--:|--:|--:|--:|--:|")
    print(
        f"| {n_donors} | {len(DAYS)} | {between:.3f} | {within:.3f} | "
        f"{7 * slopes.mean():+.3f} ± {7 * slopes.std(ddof=1):.3f} |"
    )


if __name__ == "__main__":
    main()
