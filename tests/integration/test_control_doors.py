"""A process that refuses work, a sample that is a control run, and the controls' pages."""

import datetime as dt
import uuid
from pathlib import Path

import pytest
from sqlalchemy import select

from app.db.queries.model_versions import active_version
from app.db.session import SessionMaker, transaction
from app.db.tables import ControlRun, Job
from app.jobs import ledger
from app.jobs.kinds import LIMITS, JobKind, Queue
from app.security.permissions import SYSTEM, Role
from app.services import analyses, control_upkeep, control_views, scores
from app.services.control_upkeep import EnteredRun
from app.services.first_start import install_shipped_control
from app.storage import golden_key
from models.bundled import load_bundled
from tests.integration.conftest import Site
from tests.integration.test_dashboard import signed_in, words
from tests.laboratory import NEEDS, Laboratory, open_laboratory, some_donor
from worker import controls
from worker.tasks import HANDLERS, PoolProcess

SOON = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=100)


@pytest.fixture
def laboratory(sessions: SessionMaker, database_url: str, tmp_path: Path) -> Laboratory:
    opened = open_laboratory(sessions, database_url, tmp_path)
    with transaction(sessions) as session:
        install_shipped_control(session)
    return opened


def ask_for_check(laboratory: Laboratory) -> uuid.UUID:
    with transaction(laboratory.sessions) as session:
        version = active_version(session)
        assert version is not None
        job_id = ledger.enqueue(session, JobKind.CHECK_CONTROL, version.id)
        assert job_id is not None
        return job_id


def state_of(laboratory: Laboratory, job_id: uuid.UUID) -> tuple[str, int]:
    with transaction(laboratory.sessions) as session:
        job = session.get_one(Job, job_id)
        return job.state, job.attempts


def pool_process(laboratory: Laboratory, *queues: Queue) -> PoolProcess:
    settings = laboratory.context.settings.model_copy(
        update={"storage_url": (laboratory.context.settings.data_dir / "storage").as_uri()}
    )
    process = PoolProcess(settings=settings, handlers=HANDLERS, limits=LIMITS)
    process.queues = frozenset(queues)
    process.context = laboratory.context
    if Queue.SCANS in queues:
        process.start_check = controls.StartCheck(laboratory.context)
    return process


def test_an_unfit_process_leaves_its_jobs_to_others_and_spends_no_attempt(
    laboratory: Laboratory,
) -> None:
    key, job_id = golden_key(load_bundled().manifest.sha256), ask_for_check(laboratory)
    laboratory.store.delete(key)
    process = pool_process(laboratory, Queue.SCANS)
    process.run_job(str(job_id))
    assert state_of(laboratory, job_id) == ("queued", 0)
    laboratory.store.put_once(key, load_bundled().golden.to_bytes())
    assert process.start_check is not None
    process.start_check.look_at = 0
    process.run_job(str(job_id))
    assert state_of(laboratory, job_id) == ("done", 1)


def test_a_sample_marked_as_a_run_gives_its_score_and_its_light(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample("CONTROL")
    laboratory.send_drawn(sample_id, some_donor())
    with transaction(laboratory.sessions) as session:
        lot = control_upkeep.add_lot(session, SYSTEM, name="Fixed cells", expires_on=SOON)
        asked = control_upkeep.enter_run(session, SYSTEM, lot.id, EnteredRun(sample_id=sample_id))
        assert asked.state == "waiting"
        analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
        lot_id = lot.id
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        controls.queue_timetabled(session)
        run = session.scalars(select(ControlRun).where(ControlRun.sample_id == sample_id)).one()
        score = scores.latest_score(session, SYSTEM, sample_id)
        assert run.figures is not None
        assert run.figures["rigidity_score"] == score.rigidity_score
        assert 50 < (run.figures["mean_grey"] or 0) < 250
        assert (run.analysis_id, run.model_version_id) == (
            score.analysis_id, score.model_version.id,
        )  # fmt: skip
        told = control_views.get_control(session, lot_id)
        assert {one.figure for one in told.series} == {"rigidity_score", "mean_grey"}


def test_the_page_says_where_each_control_stands_and_unlocks_with_words(site: Site) -> None:
    verifier = signed_in(site, Role.VERIFIER)
    empty = words(verifier.get("/controls").text)
    assert "No control yet" in empty
    assert "No control cells in use" in empty
    assert "Release does not need control cells at this site" in empty
    refused = verifier.post("/controls", data={"name": "Fixed", "expires_on": "soon"})
    assert (refused.status_code, 'value="Fixed"' in refused.text) == (422, True)
    made = verifier.post("/controls", data={"name": "Fixed", "expires_on": SOON.isoformat()})
    page = made.headers["location"]
    assert "Not run yet" in words(verifier.get(page).text)
    for typed in ("3,05", "2.95", "3.05", "2.95", "3.05", "9"):
        assert verifier.post(f"{page}/runs", data={"rigidity_score": typed}).status_code == 303
    wrong = verifier.post(f"{page}/runs", data={"rigidity_score": "high"})
    assert (wrong.status_code, "is not a number: high" in wrong.text) == (422, True)
    locked = words(verifier.get(page).text)
    assert "Release is locked by rule 1-3s" in locked
    assert "provisional limits" in locked
    said = {"cause": "typed wrongly", "action": "measured again", "leave_out": "yes"}
    assert verifier.post(f"{page}/resolutions", data=said).status_code == 303
    after = verifier.get(page).text
    assert "typed wrongly Done: measured again" in words(after)
    assert "Left out" in words(after)
    assert "Unlock release" not in after
    assert "<svg" in after
    assert "6 runs from" in after
    ended = verifier.post(f"{page}/end", data={"reason": "used up"})
    assert ended.status_code == 303
    assert "Out of use: used up" in words(verifier.get("/controls").text)
