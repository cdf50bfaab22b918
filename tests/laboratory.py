"""A small laboratory for tests: real rows, real bytes, the shipped network, and its queue run dry.

Images are drawn at a few hundred pixels a side, so that a whole sample takes seconds.
"""

import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from app.db.session import SessionMaker, transaction
from app.db.tables import Job
from app.domain.imaging.scan_image import write_bmp
from app.domain.synthetic.donors import Donor, draw_donor
from app.domain.synthetic.samples import SamplePlan, plan_sample
from app.security.permissions import SYSTEM, Principal
from app.services import instrument_profiles, model_versions, samples, scans
from app.services.instrument_profiles import NewProfile
from app.services.samples import Container, NewSample, NewWell
from app.settings import Settings
from app.storage import Store, open_store
from models.bundled import BUNDLED_DIR, load_bundled
from worker import runner
from worker.context import Context
from worker.tasks import HANDLERS

SIDE_PX = 640
NEEDS = {"min_wells": 2, "min_images_per_well": 2, "min_cells": 20}


@dataclass(frozen=True)
class Laboratory:
    """Rows, files and a worker in this process; `run_queue` does all that waits."""

    sessions: SessionMaker
    store: Store
    context: Context
    profile_id: uuid.UUID

    def take_sample(self, donor_code: str = "D-1", principal: Principal = SYSTEM) -> uuid.UUID:
        new = NewSample(donor_code=donor_code, container=Container.BLOOD_BAG)
        with transaction(self.sessions) as session:
            return samples.create_sample(session, principal, new).id

    def add_well(
        self, sample_id: uuid.UUID, number: int, *, outlet: int | None = None,
        principal: Principal = SYSTEM,
    ) -> uuid.UUID:  # fmt: skip
        new = NewWell(outlet=outlet, number=number, profile_id=self.profile_id)
        with transaction(self.sessions) as session:
            return samples.add_well(session, principal, sample_id, new).id

    def send(self, well_id: uuid.UUID, data: bytes, *, principal: Principal = SYSTEM) -> uuid.UUID:
        with transaction(self.sessions) as session:
            expected = scans.expect_image(session, principal, well_id)
        return scans.receive_image(
            self.sessions,
            self.store,
            principal,
            expected=expected,
            sha256=hashlib.sha256(data).hexdigest(),
            filename="image.bmp",
            data=bytearray(data),
        ).id

    def send_drawn(
        self, sample_id: uuid.UUID, donor: Donor, *, images_per_well: int = 3, seed: int = 1
    ) -> dict[int, uuid.UUID]:
        """Two unsorted wells of drawn images; the ids of the wells by number."""
        wells = {number: self.add_well(sample_id, number) for number in (1, 2)}
        for number, _, image in drawn_plan(donor, images_per_well, seed).images():
            self.send(wells[number], write_bmp(image.pixels))
        return wells

    def run_queue(self) -> int:
        """Run what is queued, and what that queues, until nothing is left; how many jobs."""
        n_run = 0
        while waiting := self._queued():
            for job_id in waiting:
                runner.run(job_id, self.context, HANDLERS)
                n_run += 1
        return n_run

    def _queued(self) -> list[uuid.UUID]:
        with transaction(self.sessions) as session:
            return list(session.scalars(select(Job.id).where(Job.state == "queued")))

    def states(self) -> dict[str, int]:
        with transaction(self.sessions) as session:
            jobs = session.scalars(select(Job.state)).all()
        return {state: jobs.count(state) for state in set(jobs)}


def drawn_plan(donor: Donor, images_per_well: int = 3, seed: int = 1) -> SamplePlan:
    return plan_sample(
        donor, wells=2, images_per_well=images_per_well, seed=seed, fault_share=0.0, side_px=SIDE_PX
    )


def some_donor(code: str = "D-1") -> Donor:
    return draw_donor(code, 7)


def open_laboratory(sessions: SessionMaker, database_url: str, folder: Path) -> Laboratory:
    settings = Settings(
        database_url=database_url,
        data_dir=folder,
        min_wells=NEEDS["min_wells"],
        min_images_per_well=NEEDS["min_images_per_well"],
        min_cells=NEEDS["min_cells"],
    )
    store = open_store((folder / "storage").as_uri())
    bundle = load_bundled()
    with transaction(sessions) as session:
        instrument_profiles.built_in(session)
        profile = instrument_profiles.create_profile(
            session,
            SYSTEM,
            NewProfile(name="small", um_per_px=0.1825, width=SIDE_PX, height=SIDE_PX),
        )
        model_versions.install_bundled(
            session,
            store,
            onnx=(BUNDLED_DIR / "model.onnx").read_bytes(),
            manifest=bundle.manifest.to_json(),
            golden=bundle.golden.to_bytes(),
        )
    context = Context(settings=settings, sessions=sessions, store=store)
    return Laboratory(sessions, store, context, profile.id)
