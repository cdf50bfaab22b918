"""The impact preview: a candidate tried on known samples, leaving nothing behind but the answer."""

import datetime as dt
import uuid
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.db.session import SessionMaker, transaction
from app.db.tables import (
    Analysis,
    AuditEntry,
    Classification,
    ImpactPreview,
    ModelVersion,
    Prediction,
    Sample,
    Score,
)
from app.security.permissions import SYSTEM
from app.services import impact, impact_material, promotions, references
from app.services.analyses import request_analysis
from app.services.impact import ImpactView
from app.services.references import EnteredReference
from app.storage import golden_key, model_key
from tests.candidates import add_candidate
from tests.laboratory import NEEDS, Laboratory, open_laboratory, some_donor

STEP = 0.3


@pytest.fixture
def laboratory(sessions: SessionMaker, database_url: str, tmp_path: Path) -> Laboratory:
    return open_laboratory(sessions, database_url, tmp_path)


def scored_sample(laboratory: Laboratory, donor: str = "D-1", *, seed: int = 1) -> uuid.UUID:
    sample_id = laboratory.take_sample(donor)
    laboratory.send_drawn(sample_id, some_donor(donor), seed=seed)
    with transaction(laboratory.sessions) as session:
        request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
    laboratory.run_queue()
    return sample_id


def impact_of(laboratory: Laboratory, version_id: uuid.UUID) -> ImpactView:
    with transaction(laboratory.sessions) as session:
        return impact.get_impact(session, version_id)


def counted(laboratory: Laboratory) -> list[int]:
    tables = (Analysis, Score, Classification, Prediction)
    with transaction(laboratory.sessions) as session:
        return [session.scalar(select(func.count()).select_from(one)) or 0 for one in tables]


def test_the_same_network_again_changes_no_digit_and_leaves_no_score_behind(
    laboratory: Laboratory,
) -> None:
    sample_id = scored_sample(laboratory)
    before = counted(laboratory)
    version_id = add_candidate(laboratory, step=0.0)
    assert impact_of(laboratory, version_id).state == "queued"

    laboratory.run_queue()

    found = impact_of(laboratory, version_id)
    assert (found.state, found.is_current) == ("done", True)
    (sample,) = found.samples
    assert (sample.sample_id, sample.donor_code) == (sample_id, "D-1")
    with transaction(laboratory.sessions) as session:
        told = session.scalars(select(Score.rigidity_score)).one()
    assert (sample.old.rigidity_score, sample.delta) == (told, 0.0)
    assert sample.old.interval is not None
    assert counted(laboratory) == before


def test_a_network_that_sees_stiffer_cells_raises_scores_and_who_leaves_is_counted(
    laboratory: Laboratory,
) -> None:
    scored_sample(laboratory)
    version_id = add_candidate(laboratory, step=STEP)
    laboratory.run_queue()
    found = impact_of(laboratory, version_id)
    assert found.summary is not None
    assert found.summary.mean_delta is not None
    assert abs(found.summary.mean_delta) > 0.1
    (sample,) = found.samples
    assert sample.old.interval is not None
    assert sample.new.rigidity_score is not None
    low, high = sample.old.interval
    assert sample.leaves_interval is not (low <= sample.new.rigidity_score <= high)
    assert found.summary.n_leaving == int(sample.leaves_interval)


def test_where_another_version_made_the_score_the_active_one_is_computed_too(
    laboratory: Laboratory,
) -> None:
    moved = add_candidate(laboratory, "moved", step=STEP)
    laboratory.run_queue()
    sample_id = laboratory.take_sample("D-1")
    laboratory.send_drawn(sample_id, some_donor("D-1"))
    with transaction(laboratory.sessions) as session:
        request_analysis(session, SYSTEM, sample_id, model_version_id=moved, parameters=NEEDS)
    laboratory.run_queue()
    again = add_candidate(laboratory, "again", step=STEP)
    laboratory.run_queue()

    (sample,) = impact_of(laboratory, again).samples
    with transaction(laboratory.sessions) as session:
        told = session.scalars(select(Score.rigidity_score)).one()
    assert sample.new.rigidity_score == told
    assert sample.old.rigidity_score != told


def test_samples_with_a_reference_are_the_locked_set_and_are_compared_with_it(
    laboratory: Laboratory,
) -> None:
    with_reference = scored_sample(laboratory, "D-1")
    scored_sample(laboratory, "D-2", seed=2)
    entered = EnteredReference(rigidity_score=3.4, sorted_at=dt.datetime.now(dt.UTC))
    with transaction(laboratory.sessions) as session:
        references.add_reference(session, SYSTEM, with_reference, entered, run_sd=0.17)
    version_id = add_candidate(laboratory)
    laboratory.run_queue()
    found = impact_of(laboratory, version_id)
    assert found.samples[0].sample_id == with_reference
    assert [one.is_locked for one in found.samples] == [True, False]
    assert found.samples[0].reference == pytest.approx(3.4)
    assert found.summary is not None
    assert found.summary.n_referenced == 1
    assert found.locked_set is not None
    assert (found.locked_set.n_samples, found.locked_set.versions_tried) == (1, 1)


def test_each_version_tried_on_the_locked_set_counts_once(
    laboratory: Laboratory,
) -> None:
    sample_id = scored_sample(laboratory)
    with transaction(laboratory.sessions) as session:
        entered = EnteredReference(rigidity_score=3.0)
        references.add_reference(session, SYSTEM, sample_id, entered, run_sd=0.17)
    first = add_candidate(laboratory, "first")
    second = add_candidate(laboratory, "second")
    laboratory.run_queue()

    with transaction(laboratory.sessions) as session:
        promotions.preview_again(session, SYSTEM, first)
    laboratory.run_queue()
    locked = impact_of(laboratory, second).locked_set
    assert locked is not None
    assert locked.versions_tried == 2


@pytest.mark.parametrize("spoilt", ["flipped", "golden cut", "missing"])
def test_a_damaged_file_fails_the_preview_with_its_reason_and_proves_nothing(
    laboratory: Laboratory, spoilt: str
) -> None:
    scored_sample(laboratory)
    version_id = add_candidate(laboratory)
    with transaction(laboratory.sessions) as session:
        sha256 = session.get_one(ModelVersion, version_id).sha256
    key = golden_key(sha256) if spoilt == "golden cut" else model_key(sha256)
    data = laboratory.store.get(key)
    laboratory.store.delete(key)
    if spoilt == "flipped":
        laboratory.store.put_once(key, data[:-1] + bytes([data[-1] ^ 1]))
    elif spoilt == "golden cut":
        laboratory.store.put_once(key, data[: len(data) // 2])

    laboratory.run_queue()

    found = impact_of(laboratory, version_id)
    assert (found.state, found.samples) == ("failed", ())
    assert found.failure is not None
    assert found.failure["message"].endswith(".")
    with transaction(laboratory.sessions) as session:
        assert session.get_one(ModelVersion, version_id).verified_at is None
        actions = session.scalars(select(AuditEntry.action)).all()
    assert "impact_preview.failed" in actions


def test_without_a_scored_sample_the_preview_is_done_and_says_so(laboratory: Laboratory) -> None:
    version_id = add_candidate(laboratory)
    laboratory.run_queue()
    found = impact_of(laboratory, version_id)
    assert (found.state, found.samples, found.locked_set) == ("done", (), None)
    with transaction(laboratory.sessions) as session:
        assert session.get_one(ModelVersion, version_id).verified_at is not None
        assert session.scalars(select(ImpactPreview.samples_total)).one() == 0


def test_a_preview_whose_worker_died_is_begun_again(laboratory: Laboratory) -> None:
    scored_sample(laboratory)
    version_id = add_candidate(laboratory)
    preview_id = impact_of(laboratory, version_id).id
    with transaction(laboratory.sessions) as session:
        plan = impact_material.begin_preview(session, preview_id)
        impact.note_progress(session, preview_id, 1)
    assert plan is not None
    found = impact_of(laboratory, version_id)
    assert (found.state, found.progress.samples_done) == ("running", 1)

    laboratory.run_queue()
    found = impact_of(laboratory, version_id)
    assert (found.state, len(found.samples)) == ("done", 1)
    with transaction(laboratory.sessions) as session:
        assert impact_material.begin_preview(session, preview_id) is None


def test_drawn_samples_say_nothing_of_a_network_for_real_cells(laboratory: Laboratory) -> None:
    sample_id = scored_sample(laboratory)
    with transaction(laboratory.sessions) as session:
        session.get_one(Sample, sample_id).is_demonstration = True
    real = add_candidate(laboratory, "real")
    drawn = add_candidate(laboratory, "drawn", demonstration=True)
    laboratory.run_queue()
    assert impact_of(laboratory, real).samples == ()
    assert len(impact_of(laboratory, drawn).samples) == 1
