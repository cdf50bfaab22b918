"""A whole simulated sample: its wells and images, and the three kinds of truth about it.

``drawn`` is the outlet mix of the cells drawn in its usable images, what an image score should
find; ``population`` is the donor's mix; ``ratchet`` is one simulated run of the device. Only
unsorted wells count for ``drawn``: how many images were taken of an outlet says nothing of the
donor.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np

from app.domain.outlets import IMAGED_OUTLETS
from app.domain.quality import Verdict
from app.domain.scoring import rigidity_score_of_fractions
from app.domain.synthetic.donors import (
    Donor,
    draw_ratchet_counts,
    draw_well_look,
    generator,
    mix_by_outlet,
)
from app.domain.synthetic.faults import REASONS, Fault
from app.domain.synthetic.images import SIDE_PX, TrueImage, draw_image

FAULT_SHARE: Final = 0.06
"""Share of a well's images with a fault; at most a fifth of a well's images get one."""
UNSORTED: Final = "unsorted"


class TruthKind(StrEnum):
    DRAWN = "drawn"
    POPULATION = "population"
    RATCHET = "ratchet"


@dataclass(frozen=True, kw_only=True)
class OutletTruth:
    """Shares over outlets and their rigidity score, with the cells they count, if any."""

    fractions: Mapping[int, float]
    rigidity_score: float
    counts: Mapping[int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        truth: dict[str, Any] = {
            "fractions": {str(outlet): share for outlet, share in self.fractions.items()},
            "rigidity_score": self.rigidity_score,
        }
        if self.counts is not None:
            truth["counts"] = {str(outlet): n for outlet, n in self.counts.items()}
        return truth


@dataclass(frozen=True, kw_only=True)
class PlannedImage:
    """One image before it is drawn; drawing it needs nothing but this and the plan."""

    outlet: int | None
    well: int
    number: int
    fault: Fault | None

    @property
    def name(self) -> str:
        """File name without its suffix, unlike any other in the sample."""
        return f"{outlet_name(self.outlet)}_w{self.well}_{self.number:03d}"


@dataclass(frozen=True, kw_only=True)
class SamplePlan:
    """A donor's sample from one outlet, or unsorted, decided but not drawn."""

    donor: Donor
    outlet: int | None
    seed: int
    planned: tuple[PlannedImage, ...]
    side_px: int

    def draw(self, image: PlannedImage) -> TrueImage:
        """Draw one planned image; any order, any process, the same bytes."""
        return draw_image(
            self.donor,
            draw_well_look(self.donor, outlet=image.outlet, well=image.well),
            outlet=image.outlet,
            number=image.number,
            seed=self.seed * 1000 + image.well,
            fault=image.fault,
            height=self.side_px,
            width=self.side_px,
        )

    def images(self) -> Iterator[tuple[int, str, TrueImage]]:
        """Well number, file name without suffix, and the drawn image, well by well."""
        for image in self.planned:
            yield image.well, image.name, self.draw(image)


def plan_sample(
    donor: Donor,
    *,
    wells: int,
    images_per_well: int,
    outlet: int | None = None,
    seed: int = 0,
    fault_share: float = FAULT_SHARE,
    side_px: int = SIDE_PX,
) -> SamplePlan:
    """Decide the images of a sample.

    Parameters
    ----------
    wells, images_per_well
        Both counted from 1.
    outlet
        2 to 5 for sorted cells, None for unsorted.
    fault_share
        Chance of each image to be spoilt; never more than a fifth of a well.
    side_px
        Height and width of every image.
    """
    planned = []
    for well in range(1, wells + 1):
        rng = generator("faults", donor.code, donor.seed, outlet or 0, well, seed)
        for number, fault in enumerate(_faults(images_per_well, fault_share, rng), start=1):
            planned.append(PlannedImage(outlet=outlet, well=well, number=number, fault=fault))
    return SamplePlan(
        donor=donor, outlet=outlet, seed=seed, planned=tuple(planned), side_px=side_px
    )


def outlet_name(outlet: int | None) -> str:
    return UNSORTED if outlet is None else f"outlet_{outlet}"


def count_outlets(image: TrueImage) -> Counter[int]:
    """Cells by outlet that an image adds to ``drawn``: none if it is rejected."""
    if image.verdict is Verdict.REJECTED:
        return Counter()
    return Counter(cell.outlet for cell in image.cells_inside)


def drawn_truth(counts: Mapping[int, int]) -> OutletTruth:
    """Truth kind ``drawn`` from the cells counted over all images of the unsorted wells."""
    return _counted({outlet: counts.get(outlet, 0) for outlet in IMAGED_OUTLETS})


def population_truth(donor: Donor) -> OutletTruth:
    """Truth kind ``population``."""
    return OutletTruth(
        fractions=mix_by_outlet(donor.outlet_mix), rigidity_score=donor.rigidity_score
    )


def ratchet_truth(donor: Donor, *, run: int = 1) -> OutletTruth:
    """Truth kind ``ratchet``: one run of the device, with its counting noise and run error."""
    return _counted(
        draw_ratchet_counts(donor, rng=generator("ratchet", donor.code, donor.seed, run))
    )


def _counted(counts: Mapping[int, int]) -> OutletTruth:
    total = sum(counts.values())
    return OutletTruth(
        fractions={outlet: n / total for outlet, n in counts.items()},
        rigidity_score=rigidity_score_of_fractions(counts),
        counts=counts,
    )


def _faults(images: int, share: float, rng: np.random.Generator) -> list[Fault | None]:
    kinds: tuple[Fault, ...] = tuple(REASONS)
    faults: list[Fault | None] = [
        kinds[int(rng.integers(len(kinds)))] if rng.random() < share else None
        for _ in range(images)
    ]
    spoilt = [place for place, fault in enumerate(faults) if fault is not None]
    for place in spoilt[images // 5 :]:
        faults[place] = None
    return faults
