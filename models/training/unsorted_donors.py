"""Unsorted samples of drawn donors as the program sees them, to calibrate scores with."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from app.domain.cell_looks import measure_looks
from app.domain.donor_score import ModelFigures, Requirements, WellCells, score_donor
from app.domain.scoring import rigidity_score_of_fractions
from app.domain.synthetic.donors import Donor, draw_donor, draw_well_look
from app.domain.synthetic.images import draw_image
from app.domain.well_effects import EarlierWell
from models.calibration import Calibration, KnownSample, calibrate, describe_training_donors
from models.classifier import Classifier
from models.training.drawn_donors import find_crops

OnStep = Callable[[str], None]

NO_MINIMUM: Final = Requirements(min_wells=1, min_images_per_well=1, min_cells=1)


@dataclass(frozen=True)
class UnsortedConfig:
    """How unsorted samples are drawn; saved in the manifest.

    Attributes
    ----------
    prefix, seed, n_donors
        Donors are called by the prefix and a number from 0.
    """

    prefix: str = "LOOK"
    seed: int = 9101
    n_donors: int = 480
    wells: int = 2
    images_per_well: int = 3
    image_px: int = 2424

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def donors(self) -> Iterator[Donor]:
        return (draw_donor(f"{self.prefix}{n:03d}", self.seed) for n in range(self.n_donors))


def calibrate_network(
    classifier: Classifier, config: UnsortedConfig, *, on_step: OnStep
) -> Calibration:
    """Draw the donors, score their samples, and compare with what was drawn."""
    samples = see_samples(config.donors(), classifier, config, on_step=on_step)
    return calibrate(samples, {"kind": "drawn", "configuration": config.to_json()})


def see_training_donors(
    classifier: Classifier,
    donors: Sequence[Donor],
    config: UnsortedConfig,
    *,
    on_step: OnStep,
) -> dict[str, Any]:
    """The manifest's member ``training_donors``: the fitting donors' unsorted cells' looks."""
    samples = see_samples(donors, classifier, config, on_step=on_step)
    looks = np.stack([sample.mean_looks for sample in samples])
    return describe_training_donors([sample.code for sample in samples], looks).to_json()


def see_samples(
    donors: Sequence[Donor] | Iterator[Donor],
    classifier: Classifier,
    config: UnsortedConfig,
    *,
    on_step: OnStep,
) -> list[KnownSample]:
    figures = ModelFigures.from_manifest(classifier.manifest.to_json())
    samples = []
    for donor in donors:
        samples.append(see_sample(donor, classifier, figures, config))
        on_step(f"donor {donor.code}: RS {samples[-1].rigidity_score:.2f}")
    return samples


def see_sample(
    donor: Donor, classifier: Classifier, figures: ModelFigures, config: UnsortedConfig
) -> KnownSample:
    """Draw a donor's unsorted wells, find and classify the cells, and score them."""
    wells, drawn = [], []
    for number in range(1, config.wells + 1):
        well, outlets = _see_well(donor, number, classifier, config)
        wells.append(well)
        drawn.append(outlets)
    score = score_donor(tuple(wells), figures, NO_MINIMUM)
    weights = [len(well.p_outlet) for well in wells]
    true_scores = {
        well.name: _score_of(outlets) for well, outlets in zip(wells, drawn, strict=True)
    }
    return KnownSample(
        code=donor.code,
        mean_looks=np.average([well.mean_looks for well in wells], axis=0, weights=weights),
        rigidity_score=score.rigidity_score,
        true_score=_score_of(np.concatenate(drawn)),
        n_cells=score.n_cells,
        wells=tuple(
            EarlierWell(well.rigidity_score, well.standard_error or 0.0) for well in score.wells
        ),
        well_errors=tuple(well.rigidity_score - true_scores[well.name] for well in score.wells),
    )


def _score_of(outlets: NDArray[np.int64]) -> float:
    counts = np.bincount(outlets, minlength=13)
    return rigidity_score_of_fractions({n: float(c) for n, c in enumerate(counts) if n})


def _see_well(
    donor: Donor, number: int, classifier: Classifier, config: UnsortedConfig
) -> tuple[WellCells, NDArray[np.int64]]:
    look = draw_well_look(donor, outlet=None, well=number)
    crops, outlets = [], []
    for place in range(config.images_per_well):
        image = draw_image(
            donor,
            look,
            outlet=None,
            number=place,
            seed=config.seed * 10 + number,
            height=config.image_px,
            width=config.image_px,
        )
        crops.append(find_crops(image.pixels)[0])
        outlets += [cell.outlet for cell in image.cells_inside]
    sizes = [len(found) for found in crops]
    together = np.concatenate(crops)
    return (
        WellCells(
            name=str(number),
            p_outlet=classifier.predict(together),
            image_index=np.repeat(np.arange(len(sizes), dtype=np.intp), sizes),
            n_images=len(sizes),
            mean_looks=measure_looks(together).mean(axis=0, dtype=np.float64),
        ),
        np.asarray(outlets, dtype=np.int64),
    )
