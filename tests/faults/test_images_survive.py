"""The promise behind the product: every image sent is analysed, exactly once, whatever dies."""

import os
import random
import secrets
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from app.db.session import transaction
from app.db.tables import Analysis, Cell, Classification, Job, ScanImage, Score
from app.domain.imaging.scan_image import write_bmp
from app.domain.quality import Verdict
from app.domain.synthetic.donors import draw_donor, draw_well_look
from app.domain.synthetic.images import draw_image
from app.jobs.kinds import JobKind
from app.security.permissions import SYSTEM
from app.services import analyses, instrument_profiles
from app.services.instrument_profiles import NewProfile
from tests.conftest import empty_broker
from tests.faults.conftest import ToyHouse, await_done
from tests.faults.processes import SEED_VARIABLE, wait_until
from tests.laboratory import NEEDS, Laboratory, open_laboratory

pytestmark = pytest.mark.faults

SIDE_PX = 256
N_IMAGES = 500
N_KILLS = 10


@pytest.fixture
def laboratory(house: ToyHouse, database_url: str, tmp_path: Path) -> Laboratory:
    opened = open_laboratory(house.sessions, database_url, tmp_path)
    profile = NewProfile(name="tiny", um_per_px=0.1825, width=SIDE_PX, height=SIDE_PX)
    with transaction(house.sessions) as session:
        profile_id = instrument_profiles.create_profile(session, SYSTEM, profile).id
    return replace(opened, profile_id=profile_id)


def drawn_bitmaps(n: int) -> Iterator[bytes]:
    """A few drawn scenes, each image with noise of its own: no two have the same bytes."""
    donor = draw_donor("D-1", 7)
    well = draw_well_look(donor, outlet=None, well=1)
    scenes = [
        draw_image(
            donor, well, outlet=None, number=number, seed=1,
            height=SIDE_PX, width=SIDE_PX, n_cells=5,
        ).pixels.astype(np.int16)
        for number in range(8)
    ]  # fmt: skip
    rng = np.random.default_rng(1)
    for i in range(n):
        noise = rng.integers(-1, 2, (SIDE_PX, SIDE_PX))
        yield write_bmp((scenes[i % len(scenes)] + noise).clip(0, 255).astype(np.uint8))


def test_500_images_are_analysed_once_through_10_kills_and_2_wiped_brokers(
    house: ToyHouse, laboratory: Laboratory, broker_url: str
) -> None:
    seed = int(os.environ.get(SEED_VARIABLE) or secrets.randbits(32))
    print(f"replay with {SEED_VARIABLE}={seed}")  # noqa: T201  shown when the test fails
    sample_id = laboratory.take_sample()
    wells = [laboratory.add_well(sample_id, number) for number in (1, 2)]
    accepted = {
        laboratory.send(wells[i % 2], data) for i, data in enumerate(drawn_bitmaps(N_IMAGES))
    }
    assert len(accepted) == N_IMAGES
    house.execute("UPDATE jobs SET max_attempts = 10")
    with transaction(house.sessions) as session:
        analysis_id = analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS).id
    kill_at_random(house, broker_url, random.Random(seed))
    wait_until(lambda: analysis_state(house, analysis_id) == "done", seconds=90)
    check_each_image_once(house, accepted)
    with transaction(house.sessions) as session:
        assert session.scalars(select(Score.analysis_id)).all() == [analysis_id]
        assert set(session.scalars(select(Job.state))) == {"done"}


def kill_at_random(house: ToyHouse, broker_url: str, chance: random.Random) -> None:
    house.start_sweeper("worker.sweeper")
    worker = house.start_worker(app="worker.main")
    wipes = set(chance.sample(range(N_KILLS), 2))
    most_between = N_IMAGES // N_KILLS - 5
    for kill in range(N_KILLS):
        await_done(house, house.count("done") + chance.randrange(5, most_between))
        time.sleep(chance.uniform(0, 0.2))
        worker.kill()
        if kill in wipes:
            empty_broker(broker_url)
        worker.start()


def analysis_state(house: ToyHouse, analysis_id: uuid.UUID) -> str:
    with transaction(house.sessions) as session:
        return session.get_one(Analysis, analysis_id).state


def check_each_image_once(house: ToyHouse, accepted: set[uuid.UUID]) -> None:
    """One job, one verdict, one classification by that job, and no cell written twice."""
    with transaction(house.sessions) as session:
        verdicts = dict(session.execute(select(ScanImage.id, ScanImage.verdict)).all())
        jobs = dict(
            session.execute(
                select(Job.subject_id, Job.id).where(Job.kind == JobKind.INSPECT_IMAGE)
            ).all()
        )
        classified = dict(
            session.execute(select(Classification.image_id, Classification.job_id)).all()
        )
        places = session.execute(select(Cell.image_id, Cell.row, Cell.column)).all()
    assert set(verdicts) == set(jobs) == accepted
    assert Counter(verdicts.values())[Verdict.PENDING] == 0
    usable = {image for image, verdict in verdicts.items() if verdict != Verdict.REJECTED}
    assert len(usable) > N_IMAGES / 2
    assert classified == {image: jobs[image] for image in usable}
    assert len(places) == len(set(places)) > N_IMAGES
