"""Sorted wells with fabricated cells, for tests of training runs.

Cells are put anywhere into pictures of noise, the darker the higher the outlet: enough to train on,
and neither drawn nor searched for.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from app.db.session import transaction
from app.db.tables import Sample
from app.domain.imaging.scan_image import write_bmp
from app.domain.quality import Verdict
from bench.fabricated_samples import add_image, fabricate, record
from tests.laboratory import SIDE_PX, Laboratory
from worker.retraining import report_installation

OUTLETS = (2, 3, 4, 5)
CELLS = 24


@dataclass(frozen=True)
class SortedSample:
    """A donor's sample; wells and images by outlet."""

    id: uuid.UUID
    donor: str
    wells: dict[int, uuid.UUID]
    images: dict[int, uuid.UUID]


def trainable(
    laboratory: Laboratory, donors: Sequence[str] = ("A", "B", "C"), *, has_pixels: bool = False
) -> list[SortedSample]:
    """A sample of each donor with one well of each outlet, where training is installed."""
    report_installation(laboratory.sessions)
    return [sort_sample(laboratory, donor, has_pixels=has_pixels) for donor in donors]


def sort_sample(
    laboratory: Laboratory,
    donor: str,
    *,
    outlets: Sequence[int] = OUTLETS,
    is_demonstration: bool = False,
    has_pixels: bool = False,
) -> SortedSample:
    sample_id = laboratory.take_sample(donor)
    if is_demonstration:
        with transaction(laboratory.sessions) as session:
            session.get_one(Sample, sample_id).is_demonstration = True
    wells = {outlet: laboratory.add_well(sample_id, 1, outlet=outlet) for outlet in outlets}
    images = {
        outlet: add_pictured(laboratory, well_id, donor, outlet)
        if has_pixels
        else add_found(laboratory, well_id)
        for outlet, well_id in wells.items()
    }
    return SortedSample(sample_id, donor, wells, images)


def add_found(laboratory: Laboratory, well_id: uuid.UUID, *, is_judged: bool = True) -> uuid.UUID:
    """One more image of the well, its cells found unless it still waits."""
    rng = np.random.default_rng(well_id.int % 2**32)
    image = fabricate(
        rng, n_cells=CELLS, outlets=OUTLETS, side_px=SIDE_PX, verdict=Verdict.ACCEPTED
    )
    with transaction(laboratory.sessions) as session:
        image_id = add_image(session, well_id)
        if is_judged:
            record(session, image_id, image)
    return image_id


def add_pictured(laboratory: Laboratory, well_id: uuid.UUID, donor: str, outlet: int) -> uuid.UUID:
    """One more image with bytes in the store; its job finds it judged already."""
    rng = np.random.default_rng([outlet, *donor.encode()])
    noise = cv2.GaussianBlur(rng.normal(0, 40, (SIDE_PX, SIDE_PX)), (0, 0), 4)
    pixels = np.clip(150 - 12 * outlet + noise, 0, 255).astype(np.uint8)
    image_id = laboratory.send(well_id, write_bmp(pixels))
    image = fabricate(
        rng, n_cells=CELLS, outlets=OUTLETS, side_px=SIDE_PX, verdict=Verdict.ACCEPTED
    )
    with transaction(laboratory.sessions) as session:
        record(session, image_id, image)
    return image_id
