"""The demonstration: drawn donors with known truth, and a folder to try the upload with.

Every part may be made twice: equal bytes are stored once, and what exists is used again.
"""

import datetime as dt
import hashlib
import io
import uuid
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from sqlalchemy.orm import Session

from app.db.queries import demo as queries
from app.db.session import SessionMaker, transaction
from app.domain.imaging.scan_image import write_bmp
from app.domain.synthetic.donors import draw_donor, generator
from app.domain.synthetic.samples import (
    OutletTruth,
    PlannedImage,
    SamplePlan,
    count_outlets,
    drawn_truth,
    plan_sample,
    ratchet_truth,
)
from app.jobs import ledger
from app.jobs.kinds import JobKind
from app.security.permissions import SYSTEM
from app.services import references, samples, scans
from app.services.analyses import request_analysis
from app.services.references import EnteredReference
from app.services.samples import Container, NewSample, NewWell
from app.storage import Store

TRY_IT_KEY: Final = "demonstration/try-it.zip"
NAMESPACE: Final = uuid.UUID("6f1c1a52-5f0e-4c0e-9a55-7b9c1f0f6a01")
SEED: Final = 2041
"""Picked from forty: donors apart from each other, whose ratchet runs came near their truth.

So the demonstration looks better than chance would make it; no figure is quoted from it.
"""
FAULTS_SEED: Final = 17
"""The first donor gets a dark, a blurred and a walled image; none is the first one opened."""
IMAGES_PER_WELL: Final = 22
TRY_IT_IMAGES_PER_WELL: Final = 21

Checkpoint = Callable[[], None]


@dataclass(frozen=True)
class DemoDonor:
    """A drawn donor; `stored` days and a DIN make its page look like a real one."""

    code: str
    din: str
    storage_day: int


DONORS: Final = (
    DemoDonor("DEMO-1", "G123498654321H", 2),
    DemoDonor("DEMO-2", "A9999211234563", 14),
    DemoDonor("DEMO-3", "A999922654321S", 28),
)
TRY_IT: Final = "try-it"
PARTS: Final = (DONORS[0].code, TRY_IT, *(donor.code for donor in DONORS[1:]))
"""In the order they are made: one finished sample first, then something to try."""


@dataclass(frozen=True)
class Workshop:
    """What making a part needs: where rows and files go, and when to stop."""

    sessions: SessionMaker
    store: Store
    requirements: dict[str, int]
    run_sd: float
    checkpoint: Checkpoint


def queue_demonstration(session: Session) -> None:
    """Queue every part once, whatever number of times this is called."""
    for place, part in enumerate(PARTS):
        ledger.enqueue(
            session,
            JobKind.MAKE_DEMONSTRATION,
            part_id(part),
            dedupe_key=f"demonstration:{part}",
            priority=place,
        )


def part_id(part: str) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, part)


def make_part(workshop: Workshop, subject_id: uuid.UUID) -> None:
    part = next(part for part in PARTS if part_id(part) == subject_id)
    if part == TRY_IT:
        _make_folder(workshop)
    else:
        _make_sample(workshop, next(donor for donor in DONORS if donor.code == part))


def first_sample_id(session: Session) -> uuid.UUID | None:
    """The demonstration sample to show first: the oldest that has a score."""
    return queries.oldest_scored_demonstration(session)


def is_folder_ready(store: Store) -> bool:
    return store.exists(TRY_IT_KEY)


def _make_sample(workshop: Workshop, demo: DemoDonor) -> None:
    donor = draw_donor(demo.code, SEED)
    plan = plan_sample(donor, wells=2, images_per_well=IMAGES_PER_WELL, seed=FAULTS_SEED)
    with transaction(workshop.sessions) as session:
        sample_id = queries.demonstration_sample(session, demo.code)
        if sample_id is None:
            sample_id = samples.create_sample(session, SYSTEM, _new_sample(demo)).id
        wells = {number: _well(session, sample_id, number) for number in (1, 2)}
    counts = _send_images(workshop, plan, wells)
    # A transaction each: what comes after an audit entry would wait with the trail's end locked.
    with transaction(workshop.sessions) as session:
        if not queries.has_reference_by(session, sample_id, SYSTEM.id):
            _add_reference(session, workshop, sample_id, ratchet_truth(donor))
    with transaction(workshop.sessions) as session:
        if not queries.has_analysis_by(session, sample_id, SYSTEM.id):
            samples.annotate(session, SYSTEM, sample_id, _note(drawn_truth(counts)))
    with transaction(workshop.sessions) as session:
        if not queries.has_analysis_by(session, sample_id, SYSTEM.id):
            request_analysis(session, SYSTEM, sample_id, parameters=workshop.requirements)


def _new_sample(demo: DemoDonor) -> NewSample:
    sampled_at = dt.datetime(2026, 11, 20, 9, 30, tzinfo=dt.UTC)
    return NewSample(
        donor_code=demo.code,
        din=demo.din,
        container=Container.BLOOD_BAG,
        additive="SAGM",
        sampled_at=sampled_at,
        collected_on=sampled_at.date() - dt.timedelta(days=demo.storage_day),
        is_demonstration=True,
    )


def _note(drawn: OutletTruth) -> str:
    return (
        "Drawn by the program, not photographed. The cells drawn have a rigidity score of "
        f"{drawn.rigidity_score:.2f}; a good model comes near it."
    )


def _well(session: Session, sample_id: uuid.UUID, number: int) -> uuid.UUID:
    existing = queries.unsorted_well(session, sample_id, number)
    if existing is not None:
        return existing
    position = "B" + str(number + 1)
    return samples.add_well(
        session, SYSTEM, sample_id, NewWell(outlet=None, number=number, position=position)
    ).id


def _send_images(workshop: Workshop, plan: SamplePlan, wells: dict[int, uuid.UUID]) -> Counter[int]:
    """Draw and send image after image, so that the first is judged while the second is drawn."""
    counts: Counter[int] = Counter()
    for number, name, image in plan.images():
        workshop.checkpoint()
        data = write_bmp(image.pixels)
        with transaction(workshop.sessions) as session:
            expected = scans.expect_image(session, SYSTEM, wells[number])
        scans.receive_image(
            workshop.sessions,
            workshop.store,
            SYSTEM,
            expected=expected,
            sha256=hashlib.sha256(data).hexdigest(),
            filename=f"{name}.bmp",
            data=bytearray(data),
        )
        counts.update(count_outlets(image))
    return counts


def _add_reference(
    session: Session, workshop: Workshop, sample_id: uuid.UUID, ratchet: OutletTruth
) -> None:
    references.add_reference(
        session,
        SYSTEM,
        sample_id,
        EnteredReference(counts=ratchet.counts, device="simulated ratchet run"),
        run_sd=workshop.run_sd,
    )


def _make_folder(workshop: Workshop) -> None:
    """Two unsorted wells as a person would have them on disk, one blurred and one foreign file."""
    plan = plan_sample(
        draw_donor("TRY-1", SEED),
        wells=2,
        images_per_well=TRY_IT_IMAGES_PER_WELL,
        fault_share=0.0,
        seed=SEED,
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as folder:
        for planned in plan.planned:
            workshop.checkpoint()
            _pack(folder, plan, planned)
        blurred = PlannedImage(outlet=None, well=1, number=TRY_IT_IMAGES_PER_WELL + 1, fault="blur")
        _pack(folder, plan, blurred)
        folder.writestr("try-it/well_2/holiday.jpg", _colour_photograph())
    workshop.store.put_once(TRY_IT_KEY, packed.getbuffer())


def _pack(folder: zipfile.ZipFile, plan: SamplePlan, planned: PlannedImage) -> None:
    name = f"try-it/well_{planned.well}/{planned.name}.bmp"
    folder.writestr(name, write_bmp(plan.draw(planned).pixels))


def _colour_photograph() -> bytes:
    """A small colour JPEG, as strays into such folders."""
    rng = generator("photograph", "TRY-1", SEED)
    colours = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
    picture = cv2.resize(colours, (640, 480), interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", picture)[1].tobytes()
