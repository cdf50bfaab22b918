"""The demonstration is made whole, however often its making is cut off."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.db.session import SessionMaker, transaction
from app.db.tables import Analysis, Job, ReferenceMeasurement, Sample, ScanImage, Well
from app.jobs.kinds import JobKind
from app.security.permissions import Principal, Role
from app.services import demo, references
from app.services.references import EnteredReference
from tests.laboratory import NEEDS, Laboratory, open_laboratory

TECHNICIAN = Principal(id="account:1", name="technician", role=Role.TECHNICIAN, sees_all=True)


class Killed(Exception): ...  # noqa: N818  what a checkpoint raises here


@pytest.fixture
def laboratory(
    sessions: SessionMaker, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Laboratory:
    monkeypatch.setattr(demo, "IMAGES_PER_WELL", 1)
    return open_laboratory(sessions, database_url, tmp_path)


def make(laboratory: Laboratory, checkpoint: Callable[[], None]) -> None:
    workshop = demo.Workshop(
        sessions=laboratory.sessions,
        store=laboratory.store,
        requirements=NEEDS,
        run_sd=0.17,
        checkpoint=checkpoint,
    )
    demo.make_part(workshop, demo.part_id(demo.DONORS[0].code))


def test_a_sample_cut_off_halfway_is_completed_and_then_left_alone(laboratory: Laboratory) -> None:
    steps = iter([None, Killed()])

    def cut_off() -> None:
        if isinstance(step := next(steps), Killed):
            raise step

    with pytest.raises(Killed):
        make(laboratory, cut_off)
    with transaction(laboratory.sessions) as session:
        sample_id = session.scalars(select(Sample.id)).one()
        entered = EnteredReference(rigidity_score=3.0)
        references.add_reference(session, TECHNICIAN, sample_id, entered, run_sd=0.17)
    for _ in range(2):
        make(laboratory, lambda: None)
    with transaction(laboratory.sessions) as session:
        counts = {
            table: session.scalar(select(func.count()).select_from(table))
            for table in (Sample, Well, ScanImage, Analysis, ReferenceMeasurement)
        }
        n_inspections = session.scalar(
            select(func.count()).where(Job.kind == JobKind.INSPECT_IMAGE)
        )
    assert list(counts.values()) == [1, 2, 2, 1, 2]
    assert n_inspections == 2
