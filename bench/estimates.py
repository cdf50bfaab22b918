"""`python -m bench.estimates`: how far image scores lie from drawn truth, by way of estimating.

Forty drawn donors that no network of ours was fitted to or chosen on, 700 unsorted cells from each
of two wells, through the bundled network. Decision 0008 rests on this table.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.cell_looks import measure_looks
from app.domain.outlets import LAST_DEFORMABLE_OUTLET
from app.domain.scoring import (
    Floats,
    Mixing,
    estimate_outlet_fractions,
    published_rigidity_score,
    rigidity_score_of_fractions,
)
from app.domain.synthetic.crops import draw_crops
from app.domain.synthetic.donors import (
    Donor,
    draw_donor,
    draw_stiffness,
    draw_well_look,
    generator,
)
from models.bundled import load_bundled
from models.classifier import Classifier, p_deformable

DONORS: Final = 40
CELLS_PER_WELL: Final = 700
SEED: Final = 555
WEIGHTS: Final = (0.0, 0.05, 0.10, 0.15, 0.20, 0.30, 0.50)


@dataclass(frozen=True)
class SeenDonor:
    """A donor's unsorted cells: posteriors (n, k), true outlets (n,), mean looks (f,)."""

    p_outlet: NDArray[np.float32]
    outlets: NDArray[np.int64]
    mean_looks: Floats


def main() -> None:
    cv2.setNumThreads(1)
    bundle = load_bundled()
    classifier = Classifier.load(bundle.onnx, bundle.manifest)
    outlets = bundle.manifest.outlets
    seen = [see_donor(f"WEIGHT{number:02d}", classifier) for number in range(DONORS)]
    truth = np.array([true_score(donor, outlets) for donor in seen])
    correct = [
        np.mean(calls(donor.p_outlet, outlets) == (donor.outlets <= LAST_DEFORMABLE_OUTLET))
        for donor in seen
    ]
    print(f"two-class accuracy {np.mean(correct):.3f}; SD of the true scores {truth.std():.3f}\n")
    print("| estimate | mean of \\|ΔRS\\| | bias | SD | slope |\n|---|--:|--:|--:|--:|")
    published = [
        published_rigidity_score(float(np.mean(calls(donor.p_outlet, outlets)))) for donor in seen
    ]
    tell("published two-class score", np.array(published), truth)
    usual = Mixing.usual(outlets, bundle.manifest.training_prior)
    for weight in WEIGHTS:
        mixing = Mixing(usual.training_prior, usual.expected, weight)
        scores = [
            score_of(estimate_outlet_fractions(donor.p_outlet, mixing), outlets) for donor in seen
        ]
        tell(f"EM, weight {weight:.2f}", np.array(scores), truth)


def see_donor(code: str, classifier: Classifier, *, seed: int = SEED) -> SeenDonor:
    return see_cells(draw_donor(code, seed), classifier)


def see_cells(
    donor: Donor, classifier: Classifier, *, cells_per_well: int = CELLS_PER_WELL
) -> SeenDonor:
    posteriors, truth, looks = [], [], []
    for number in (1, 2):
        well = draw_well_look(donor, outlet=None, well=number)
        rng = generator("estimates", donor.code, number)
        _, cells = draw_stiffness(donor, outlet=None, count=cells_per_well, rng=rng)
        crops, _ = draw_crops(donor, well, cells, seed=donor.seed + number)
        posteriors.append(classifier.predict(crops))
        truth.append(np.asarray(cells, dtype=np.int64))
        looks.append(measure_looks(crops).mean(axis=0, dtype=np.float64))
    return SeenDonor(np.concatenate(posteriors), np.concatenate(truth), np.mean(looks, axis=0))


def true_score(donor: SeenDonor, outlets: tuple[int, ...]) -> float:
    return score_of(np.bincount(donor.outlets, minlength=13)[list(outlets)], outlets)


def score_of(shares: Floats | NDArray[np.int64], outlets: tuple[int, ...]) -> float:
    by_outlet = {outlet: float(share) for outlet, share in zip(outlets, shares, strict=True)}
    return rigidity_score_of_fractions(by_outlet)


def calls(p_outlet: NDArray[np.float32], outlets: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which cells are called deformable."""
    return np.asarray(p_deformable(p_outlet, outlets) >= 0.5)


def tell(name: str, scores: Floats, truth: Floats) -> None:
    errors = scores - truth
    slope = np.polyfit(truth, scores, 1)[0]
    mean = np.abs(errors).mean()
    print(
        f"| {name} | {mean:.3f} | {errors.mean():+.3f} | {errors.std(ddof=1):.3f} | {slope:.2f} |"
    )


if __name__ == "__main__":
    main()
