"""`python -m bench.simulated_samples`: whole simulated samples scored, against their truth.

Six donors that no network of ours was fitted to, each a sample of 2 wells of 25 images with the
usual share of faults, through inspection, segmentation, classification and scoring. Truth is (a),
the outlets of the cells drawn in the sample's usable images.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from app.domain.donor_score import ModelFigures, Requirements, WellCells, score_donor
from app.domain.imaging import ImagingParameters
from app.domain.outlets import LAST_DEFORMABLE_OUTLET
from app.domain.quality import Verdict
from app.domain.synthetic.donors import Donor, draw_donor
from app.domain.synthetic.images import TrueImage
from app.domain.synthetic.samples import count_outlets, drawn_truth, plan_sample
from models.bundled import load_bundled, load_outliner
from models.classifier import Classifier
from models.outliner import Outliner
from worker import pipeline

DONORS: Final = 6
WELLS: Final = 2
IMAGES_PER_WELL: Final = 25
SEED: Final = 77
SAME_CELL_PX: Final = 6.0
NEEDS: Final = Requirements(min_wells=2, min_images_per_well=20, min_cells=1000)


@dataclass(frozen=True)
class Seen:
    """The accepted cells of one image: probabilities, and the true outlet or 0 where none is."""

    p_outlet: NDArray[np.float32]
    truth: NDArray[np.int64]


def main() -> None:
    cv2.setNumThreads(1)
    bundle = load_bundled()
    classifier = Classifier.load(bundle.onnx, bundle.manifest)
    figures = ModelFigures.from_manifest(bundle.manifest.to_json())
    print("| donor | cells | two classes | outlets | drawn RS | image RS | interval | ΔRS |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    outliner = load_outliner()
    errors = [
        tell(draw_donor(f"BENCH{n}", SEED), classifier, outliner, figures) for n in range(DONORS)
    ]
    print(f"\nmean |ΔRS| {np.mean(np.abs(errors)):.3f}")


def tell(donor: Donor, classifier: Classifier, outliner: Outliner, figures: ModelFigures) -> float:
    """Score one donor's sample and print its row; the error of its score."""
    plan = plan_sample(donor, wells=WELLS, images_per_well=IMAGES_PER_WELL, seed=SEED)
    drawn: Counter[int] = Counter()
    wells: dict[int, list[Seen]] = {number: [] for number in range(1, WELLS + 1)}
    for number, _, image in plan.images():
        drawn.update(count_outlets(image))
        seen = see(image, classifier, outliner)
        if seen is not None:
            wells[number].append(seen)
    score = score_donor(
        tuple(well_cells(f"well {number}", seen) for number, seen in wells.items()), figures, NEEDS
    )
    truth = drawn_truth(drawn).rigidity_score
    error = score.rigidity_score - truth
    p = np.concatenate([seen.p_outlet for images in wells.values() for seen in images])
    outlet = np.concatenate([seen.truth for images in wells.values() for seen in images])
    called = np.asarray(figures.outlets)[p.argmax(axis=1)][outlet > 0]
    deformable = p[:, np.asarray(figures.outlets) <= LAST_DEFORMABLE_OUTLET].sum(axis=1) >= 0.5
    known = outlet[outlet > 0]
    two = np.mean(deformable[outlet > 0] == (known <= LAST_DEFORMABLE_OUTLET))
    low, high = score.rigidity_interval
    print(
        f"| {donor.code} | {score.n_cells} | {two:.3f} | {np.mean(called == known):.3f} "
        f"| {truth:.2f} | {score.rigidity_score:.2f} | {low:.2f} to {high:.2f} | {error:+.3f} |"
    )
    return error


def see(image: TrueImage, classifier: Classifier, outliner: Outliner) -> Seen | None:
    inspection = pipeline.inspect(image.pixels, ImagingParameters(), outliner)
    if inspection.image.verdict is Verdict.REJECTED:
        return None
    kept = inspection.regions.select(inspection.accepted)
    cells = pipeline.classify(image.pixels, kept.row, kept.column, classifier)
    places = np.array([(cell.row, cell.column) for cell in image.cells]).reshape(-1, 2)
    outlets = np.array([cell.outlet for cell in image.cells], dtype=np.int64)
    distance, nearest = cKDTree(places).query(np.stack([kept.row, kept.column], axis=1))
    truth = np.where(distance <= SAME_CELL_PX, outlets[nearest.clip(max=len(outlets) - 1)], 0)
    return Seen(cells.p_outlet, truth)


def well_cells(name: str, seen: list[Seen]) -> WellCells:
    sizes = [len(image.truth) for image in seen]
    return WellCells(
        name=name,
        p_outlet=np.concatenate([image.p_outlet for image in seen]),
        image_index=np.repeat(np.arange(len(seen), dtype=np.intp), sizes),
        n_images=len(seen),
    )


if __name__ == "__main__":
    main()
