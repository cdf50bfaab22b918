"""A technician excludes and restores; the score follows, and comes back exactly."""

import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from app.db.queries.analyses import latest_analysis
from app.db.session import SessionMaker, snapshot, transaction
from app.db.tables import AuditEntry, Cell, Classification, Correction, Job, ScanImage
from app.domain.imaging.scan_image import write_bmp
from app.domain.quality import Verdict
from app.jobs.kinds import JobKind
from app.security.permissions import SYSTEM
from app.services import analyses, audit, corrections, images, score_runs
from bench.fabricated_samples import fabricate, record
from tests.integration.corrected_samples import (
    CELLS_PER_IMAGE,
    OUTLETS,
    WHY,
    ScoredSample,
    add_found,
    scored_sample,
)
from tests.laboratory import SIDE_PX, Laboratory, drawn_plan, open_laboratory, some_donor
from worker import runner
from worker.tasks import HANDLERS


@pytest.fixture
def laboratory(sessions: SessionMaker, database_url: str, tmp_path: Path) -> Laboratory:
    return open_laboratory(sessions, database_url, tmp_path)


@pytest.fixture
def sample(laboratory: Laboratory) -> ScoredSample:
    return scored_sample(laboratory)


def count(sample: ScoredSample, table: type) -> int:
    with transaction(sample.laboratory.sessions) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def parts_of(whole: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    return {name: whole[name] for name in parts}


def test_an_excluded_cell_leaves_the_score_and_comes_back_into_it_exactly(
    sample: ScoredSample,
) -> None:
    (cell, *_) = sample.cells(sample.images["accepted"][0])
    before = sample.score()
    sample.exclude(cell=cell)
    assert sample.state() == "running"
    sample.follow()
    without = sample.score()
    assert (sample.state(), without["n_cells"]) == ("computed", before["n_cells"] - 1)
    assert (without["n_excluded"], without["n_restored"]) == (1, 0)
    assert without["rigidity_score"] != before["rigidity_score"]
    sample.restore(cell=cell)
    sample.follow()
    assert sample.score() == before


def test_a_restored_cell_counts(sample: ScoredSample) -> None:
    (cell, *_) = sample.cells(sample.images["accepted"][0], verdict="rejected")
    before = sample.score()
    sample.restore(cell=cell)
    sample.follow()
    more = sample.score()
    assert (more["n_cells"], more["n_restored"]) == (before["n_cells"] + 1, 1)
    sample.exclude(cell=cell)
    sample.follow()
    assert sample.score() == before


@pytest.mark.parametrize("verdict", ["accepted", "partly"])
def test_an_excluded_image_leaves_with_its_cells_and_comes_back_as_it_was_found(
    sample: ScoredSample, verdict: str
) -> None:
    image_id = sample.images[verdict][0]
    before, n_cells = sample.score(), len(sample.cells(image_id))
    sample.exclude(image=image_id)
    sample.follow()
    without = sample.score()
    assert without["n_images"] == before["n_images"] - 1
    assert (without["n_cells"], without["n_excluded"]) == (before["n_cells"] - n_cells, n_cells)
    sample.restore(image=image_id)
    sample.follow()
    assert sample.score() == before
    with transaction(sample.laboratory.sessions) as session:
        assert images.get_image(session, SYSTEM, image_id).verdict == verdict


def test_a_rejected_image_is_classified_when_it_is_restored_and_its_faultless_cells_count(
    laboratory: Laboratory,
) -> None:
    sample = scored_sample(laboratory)
    (drawn, *_) = drawn_plan(some_donor()).images()
    image_id = laboratory.send(sample.wells[0], write_bmp(drawn[2].pixels))
    found = fabricate(
        np.random.default_rng(5), n_cells=CELLS_PER_IMAGE, outlets=OUTLETS, side_px=SIDE_PX,
        verdict=Verdict.REJECTED,
    )  # fmt: skip
    with transaction(laboratory.sessions) as session:
        record(session, image_id, found)
    sample.analyse()
    before = sample.score()
    sample.restore(image=image_id)
    sample.follow()
    faultless = sum(cell.findings == ("outside_usable",) for cell in found.inspection.judgements)
    after = sample.score()
    assert (after["n_restored"], after["n_cells"]) == (faultless, before["n_cells"] + faultless)
    assert after["n_images"] == before["n_images"] + 1
    assert parts_of(after, worked := sample.worked_out()) == worked
    sample.exclude(image=image_id)
    sample.follow()
    assert sample.score() == before


def test_what_was_found_stays_beside_what_was_said(sample: ScoredSample) -> None:
    image_id = sample.images["accepted"][0]
    (cell, *_) = sample.cells(image_id)
    sample.exclude(cell=cell)
    sample.exclude(image=image_id)
    with transaction(sample.laboratory.sessions) as session:
        image = images.get_image(session, SYSTEM, image_id)
        (shown,) = (c for c in images.cells_of_image(session, SYSTEM, image_id) if c.id == cell)
        rows = session.get_one(Cell, cell), session.get_one(ScanImage, image_id)
    for shown_verdict, found_verdict, stored, word in (
        (shown.verdict, shown.found_verdict, rows[0].verdict, shown.correction),
        (image.verdict, image.found_verdict, rows[1].verdict, image.correction),
    ):
        assert (shown_verdict, found_verdict, stored) == ("rejected", "accepted", "accepted")
        assert word is not None
        assert (word.reason, word.corrected_by) == (WHY, "system")
    assert shown.findings == []


def test_each_correction_is_one_row_and_one_entry_of_the_trail(sample: ScoredSample) -> None:
    (cell, *_) = sample.cells(sample.images["accepted"][0])
    sample.exclude(cell=cell)
    sample.restore(cell=cell)
    with transaction(sample.laboratory.sessions) as session:
        said = session.scalars(select(Correction).order_by(Correction.created_at)).all()
        trail = audit.list_entries(session, entity="cell", entity_id=str(cell)).items
    assert [(c.verdict_before, c.verdict_after, c.reason, c.created_by) for c in said] == [
        ("accepted", "rejected", WHY, SYSTEM.id),
        ("rejected", "accepted", WHY, SYSTEM.id),
    ]
    assert [entry.action for entry in trail] == ["cell.corrected"] * 2
    assert trail[1].before == {"verdict": "accepted"}
    assert trail[1].after == {"verdict": "rejected", "reason": WHY, "sample_id": str(sample.id)}


def test_saying_what_holds_already_changes_nothing(sample: ScoredSample) -> None:
    image_id = sample.images["partly"][0]
    before = [count(sample, table) for table in (Correction, AuditEntry, Job)]
    sample.restore(image=image_id)
    sample.restore(cell=sample.cells(image_id)[0])
    sample.exclude(cell=sample.cells(image_id, verdict="rejected")[0])
    assert [count(sample, table) for table in (Correction, AuditEntry, Job)] == before
    assert sample.state() == "computed"


def test_another_reason_is_kept_after_the_first_and_the_score_stays(sample: ScoredSample) -> None:
    cell = sample.cells(sample.images["accepted"][0])[0]
    sample.exclude(cell=cell)
    sample.follow()
    before = sample.score()
    for _ in range(2):
        sample.relabel(cell, "debris")
    sample.follow()
    assert sample.score()["rigidity_score"] == before["rigidity_score"]
    with transaction(sample.laboratory.sessions) as session:
        view = corrections.get_cell(session, SYSTEM, cell)
        reasons = session.scalars(
            select(Correction.reason)
            .where(Correction.cell_id == cell)
            .order_by(Correction.created_at)
        ).all()
        trail = audit.list_entries(session, entity="cell", entity_id=str(cell)).items
    assert reasons == [WHY, "debris"]
    assert (view.verdict, view.correction.reason if view.correction else "") == (
        "rejected", "debris",
    )  # fmt: skip
    assert trail[0].before == {"verdict": "rejected", "reason": WHY}


def test_too_many_exclusions_leave_reasons_instead_of_a_number(sample: ScoredSample) -> None:
    for image_id in sample.images["accepted"][:2]:
        sample.exclude(image=image_id)
    sample.follow()
    refused = sample.score()
    assert [reason["code"] for reason in refused["reasons"]] == ["too_few_images"]
    assert refused["n_excluded"] > 0
    assert sample.state() == "unavailable"


def test_corrections_in_a_row_cost_one_analysis(sample: ScoredSample) -> None:
    n_before = sample.n_analyses()
    for cell in sample.cells(sample.images["accepted"][0])[:8]:
        sample.exclude(cell=cell)
    sample.follow()
    assert sample.n_analyses() == n_before + 2  # one for the first, one for those made meanwhile
    assert sample.score()["n_excluded"] == 8


def test_wells_and_images_added_later_stay_out_of_a_corrected_score(sample: ScoredSample) -> None:
    (cell, *_) = sample.cells(sample.images["accepted"][0])
    before = sample.score()
    added = sample.laboratory.add_well(sample.id, 3)
    add_found(sample, added, np.random.default_rng(9), Verdict.ACCEPTED)
    sample.exclude(cell=cell)
    sample.restore(cell=cell)
    sample.follow()
    assert sample.score() == before


def test_what_the_laboratory_scored_meanwhile_stays_out_of_a_corrected_score(
    laboratory: Laboratory,
) -> None:
    asked_first = scored_sample(laboratory, seed=2, is_scored=False)
    sample = scored_sample(laboratory, seed=3, is_scored=False)
    with transaction(laboratory.sessions) as session:
        (_, job_id) = session.scalars(select(Job.id).order_by(Job.created_at)).all()
    runner.run(job_id, laboratory.context, HANDLERS)
    before = sample.score()
    asked_first.follow()
    assert asked_first.state() == "computed"
    (cell, *_) = sample.cells(sample.images["accepted"][0])
    sample.exclude(cell=cell)
    sample.restore(cell=cell)
    sample.follow()
    assert sample.score() == before


def test_a_correction_in_a_sorted_well_moves_no_score(sample: ScoredSample) -> None:
    well_id = sample.laboratory.add_well(sample.id, 1, outlet=3)
    image_id = add_found(sample, well_id, np.random.default_rng(9), Verdict.ACCEPTED)
    sample.exclude(cell=sample.cells(image_id)[0])
    assert sample.state() == "computed"
    assert sample.laboratory.run_queue() == 0
    assert count(sample, Correction) == 1


def test_a_score_that_cannot_follow_says_so_and_the_next_correction_tries_again(
    laboratory: Laboratory,
) -> None:
    sample = scored_sample(laboratory, verdicts=(*2 * (Verdict.ACCEPTED,), Verdict.REJECTED))
    before = sample.score()
    (image_id, _) = sample.images["rejected"]
    sample.restore(image=image_id)  # it has no bytes, so nothing can classify its cells
    sample.follow()
    (finding,) = (f for f in sample.score()["findings"] if f["code"] == "corrections_missing")
    assert (finding["value"], sample.state()) == (1.0, "computed")
    assert laboratory.run_queue() == 0
    sample.exclude(image=image_id)
    sample.follow()
    assert sample.score() == before


def test_a_correction_made_while_a_score_is_computed_is_in_the_next_one(
    sample: ScoredSample,
) -> None:
    sessions = sample.laboratory.sessions
    (first, second, *_) = sample.cells(sample.images["accepted"][0])
    sample.exclude(cell=first)
    with transaction(sessions) as session:
        running = latest_analysis(session, sample.id)
    assert running is not None
    with snapshot(sessions) as session:
        material = score_runs.read_material(session, running.id)
    assert material is not None
    sample.exclude(cell=second)
    with transaction(sessions) as session:
        score_runs.record(session, score_runs.compute(material), job_id=uuid.uuid4())
    assert sample.state() == "running"
    (finding, *_) = (f for f in sample.score()["findings"] if f["code"] == "corrections_missing")
    assert finding["value"] == 1.0
    sample.follow()
    assert sample.score()["n_excluded"] == 2


def test_nothing_is_corrected_before_a_sample_was_analysed_but_all_is_kept_for_it(
    laboratory: Laboratory,
) -> None:
    sample = scored_sample(laboratory)
    other = ScoredSample(laboratory, laboratory.take_sample("D-2"), ())
    well_id = laboratory.add_well(other.id, 1)
    image_id = add_found(other, well_id, np.random.default_rng(3), Verdict.ACCEPTED)
    other.exclude(cell=other.cells(image_id)[0])
    assert other.n_analyses() == 0
    assert other.state() == "received"
    other.analyse()
    assert other.score()["n_excluded"] == 1
    assert sample.score()["n_excluded"] == 0


STEPS = st.lists(
    st.tuples(st.sampled_from(["exclude", "restore"]), st.integers(0, 5), st.integers(-1, 24)),
    min_size=1,
    max_size=12,
)
"""What to do to which image, and to which of its cells; -1 is the image as a whole."""


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_however_it_came_about_a_state_has_one_score(
    laboratory: Laboratory, steps: list[tuple[str, int, int]]
) -> None:
    sample = scored_sample(laboratory)
    before = sample.score()
    image_ids = [*sample.images["accepted"], *sample.images["partly"]]
    subjects = [_subject(sample, image_ids[image], cell) for _, image, cell in steps]
    for (deed, *_), subject in zip(steps, subjects, strict=True):
        act = sample.exclude if deed == "exclude" else sample.restore
        act(**subject)
    sample.follow()
    corrected = sample.score()
    if worked := sample.worked_out():
        assert parts_of(corrected, worked) == worked
    sample.analyse()
    assert sample.score() == corrected
    with transaction(laboratory.sessions) as session:
        session.execute(update(Classification).values(p_accepted=None))
    sample.analyse()
    assert sample.score() == corrected
    for subject in subjects:
        take_back(sample, **subject)
    sample.follow()
    assert sample.score() == before


def _subject(sample: ScoredSample, image_id: uuid.UUID, number: int) -> dict[str, uuid.UUID]:
    if number < 0:
        return {"image": image_id}
    cells = sample.cells(image_id) + sample.cells(image_id, verdict="rejected")
    return {"cell": cells[number]}


def take_back(
    sample: ScoredSample, *, cell: uuid.UUID | None = None, image: uuid.UUID | None = None
) -> None:
    """Say what was found; every image here was found usable."""
    if cell is None:
        sample.restore(image=image)
        return
    with transaction(sample.laboratory.sessions) as session:
        found = session.get_one(Cell, cell).verdict
    act = sample.restore if found == "accepted" else sample.exclude
    act(cell=cell)


def test_images_of_an_analysis_are_kept_even_if_rejected(laboratory: Laboratory) -> None:
    sample = scored_sample(laboratory, verdicts=(*2 * (Verdict.ACCEPTED,), Verdict.REJECTED))
    with transaction(laboratory.sessions) as session:
        newest = analyses.latest_of_sample(session, sample.id)
        n_jobs = session.scalar(select(func.count()).where(Job.kind == JobKind.CLASSIFY_IMAGE))
    assert newest is not None
    assert (newest.images_done, newest.images_total, n_jobs) == (6, 6, 0)
