"""What an analysis waits for, whoever closes its images, and what the sample says meanwhile."""

import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.db.queries.samples import newest_scan
from app.db.session import SessionMaker, transaction
from app.db.tables import Classification, Job, ModelVersion, Sample, ScanImage
from app.domain.errors import Conflict
from app.jobs.kinds import JobKind
from app.security.permissions import SYSTEM
from app.services import analyses, inspections, scores
from app.services.analyses import AnalysisView
from app.services.scores import NoScore
from tests.laboratory import NEEDS, Laboratory, open_laboratory, some_donor


@pytest.fixture
def laboratory(sessions: SessionMaker, database_url: str, tmp_path: Path) -> Laboratory:
    return open_laboratory(sessions, database_url, tmp_path)


def request(laboratory: Laboratory, sample_id: uuid.UUID) -> AnalysisView:
    with transaction(laboratory.sessions) as session:
        return analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)


def add_image(laboratory: Laboratory, well_id: uuid.UUID, verdict: str) -> uuid.UUID:
    """Record an image without bytes: what is tested here never reads them."""
    with transaction(laboratory.sessions) as session:
        image = ScanImage(
            scan_id=newest_scan(session, well_id).id, well_id=well_id, sha256=uuid.uuid4().hex * 2,
            filename="image.bmp", format="bmp", n_bytes=1, verdict=verdict, findings=[],
            created_by=SYSTEM.id,
        )  # fmt: skip
        session.add(image)
        session.flush()
        return image.id


def state_of(laboratory: Laboratory, sample_id: uuid.UUID) -> str:
    with transaction(laboratory.sessions) as session:
        return session.get_one(Sample, sample_id).state


def jobs_of(session: Session, kind: JobKind) -> int:
    return session.scalar(select(func.count()).where(Job.kind == kind)) or 0


def refusal_of(laboratory: Laboratory, sample_id: uuid.UUID) -> Conflict:
    with transaction(laboratory.sessions) as session, pytest.raises(Conflict) as refusal:
        scores.latest_score(session, SYSTEM, sample_id)
    return refusal.value


def test_the_sample_follows_its_newest_answer_and_a_failure_takes_no_score_away(
    laboratory: Laboratory,
) -> None:
    sample_id = laboratory.take_sample()
    too_early = request(laboratory, sample_id)
    laboratory.send_drawn(sample_id, some_donor())
    request(laboratory, sample_id)
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        assert analyses.get_analysis(session, SYSTEM, too_early.id).state == "done"
        assert scores.latest_score(session, SYSTEM, sample_id).n_images == 6
    assert state_of(laboratory, sample_id) == "computed"
    third = request(laboratory, sample_id)
    assert state_of(laboratory, sample_id) == "running"
    with transaction(laboratory.sessions) as session:
        analyses.fail_analysis(session, third.id, code="worker_lost", message="Gone.")
    assert state_of(laboratory, sample_id) == "computed"


def test_the_sample_runs_until_its_last_analysis_ends(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample()
    add_image(laboratory, laboratory.add_well(sample_id, 1), "pending")
    waits = request(laboratory, sample_id)
    ends = request(laboratory, sample_id)
    with transaction(laboratory.sessions) as session:
        analyses.fail_analysis(session, ends.id, code="worker_lost", message="Gone.")
    assert state_of(laboratory, sample_id) == "running"
    with transaction(laboratory.sessions) as session:
        analyses.fail_analysis(session, waits.id, code="worker_lost", message="Gone.")
    assert state_of(laboratory, sample_id) == "unavailable"


def test_an_analysis_without_any_image_ends_with_reasons(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample()
    laboratory.add_well(sample_id, 1)
    asked = request(laboratory, sample_id)
    laboratory.run_queue()
    codes = [reason["code"] for reason in refusal_of(laboratory, sample_id).extra["reasons"]]
    assert codes == ["too_few_wells", "too_few_images"]
    with transaction(laboratory.sessions) as session:
        outcome = scores.outcome_of_analysis(session, SYSTEM, asked.id)
    assert isinstance(outcome, NoScore)
    assert [reason.code for reason in outcome.reasons] == codes
    assert (outcome.n_cells, outcome.fraction_deformable.counted) == (0, None)
    assert state_of(laboratory, sample_id) == "unavailable"


def test_a_well_added_later_is_no_part_of_the_analysis(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample()
    laboratory.add_well(sample_id, 1)
    request(laboratory, sample_id)
    laboratory.add_well(sample_id, 2)
    laboratory.run_queue()
    reasons = refusal_of(laboratory, sample_id).extra["reasons"]
    assert [reason["well"] for reason in reasons] == [None, "unsorted 1"]


def test_without_an_answer_the_refusal_says_whether_to_wait(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample()
    add_image(laboratory, laboratory.add_well(sample_id, 1), "pending")
    assert "request one" in refusal_of(laboratory, sample_id).message
    asked = request(laboratory, sample_id)
    assert "wait for it" in refusal_of(laboratory, sample_id).message
    with transaction(laboratory.sessions) as session:
        analyses.fail_analysis(session, asked.id, code="worker_lost", message="The worker died.")
    assert refusal_of(laboratory, sample_id).message == (
        "Not a donor score: the analysis failed: The worker died."
    )


def test_each_analysis_queues_an_images_classification_once(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample()
    image_id = add_image(laboratory, laboratory.add_well(sample_id, 1), "accepted")
    first = request(laboratory, sample_id)
    with transaction(laboratory.sessions) as session:
        active = session.scalars(select(ModelVersion)).one()
        other = ModelVersion(
            name="other", sha256="0" * 64, manifest=active.manifest, is_demonstration=True
        )
        session.add(other)
        session.flush()
        second = analyses.request_analysis(
            session, SYSTEM, sample_id, model_version_id=other.id, parameters=NEEDS
        )
        assert jobs_of(session, JobKind.CLASSIFY_IMAGE) == 2
        session.add(
            Classification(image_id=image_id, model_version_id=active.id, job_id=uuid.uuid4())
        )
        session.flush()
        analyses.close_image(session, session.get_one(ScanImage, image_id))
        assert jobs_of(session, JobKind.CLASSIFY_IMAGE) == 2
        assert analyses.get_analysis(session, SYSTEM, first.id).images_done == 1
        assert analyses.get_analysis(session, SYSTEM, second.id).images_done == 0


def test_an_image_judged_while_the_analysis_is_requested_is_closed_by_one_of_the_two(
    laboratory: Laboratory,
) -> None:
    sample_id = laboratory.take_sample()
    image_id = add_image(laboratory, laboratory.add_well(sample_id, 1), "pending")
    with transaction(laboratory.sessions) as judging:
        inspections.record_failed_inspection(judging, image_id, code="c", message="m")
        requesting = in_thread(laboratory, lambda: request(laboratory, sample_id))
    requesting.join()
    with transaction(laboratory.sessions) as session:
        assert jobs_of(session, JobKind.SCORE_ANALYSIS) == 1


def test_an_image_judged_after_the_request_began_closes_the_analysis(
    laboratory: Laboratory,
) -> None:
    sample_id = laboratory.take_sample()
    image_id = add_image(laboratory, laboratory.add_well(sample_id, 1), "pending")

    def judge() -> None:
        with transaction(laboratory.sessions) as judging:
            inspections.record_failed_inspection(judging, image_id, code="c", message="m")

    with transaction(laboratory.sessions) as session:
        asked = analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
        assert (asked.images_done, asked.images_total) == (0, 1)
        judging = in_thread(laboratory, judge)
    judging.join()
    with transaction(laboratory.sessions) as session:
        assert jobs_of(session, JobKind.SCORE_ANALYSIS) == 1


def in_thread(laboratory: Laboratory, act: Callable[[], object]) -> threading.Thread:
    """Start it, and come back once it waits for a lock that the caller holds."""
    thread = threading.Thread(target=act)
    thread.start()
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with laboratory.sessions() as session:
        while thread.is_alive() and not session.scalar(waiting):
            session.rollback()
            thread.join(0.01)
    assert thread.is_alive()
    return thread
