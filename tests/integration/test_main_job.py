"""From a well's bitmaps to a donor score on real PostgreSQL, real files, the real network."""

import hashlib
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.db.session import SessionMaker, transaction
from app.db.tables import (
    Analysis,
    Cell,
    Classification,
    ModelVersion,
    Prediction,
    Sample,
    ScanImage,
    Score,
)
from app.domain.errors import Conflict, NotFound, Unavailable
from app.domain.imaging.scan_image import write_bmp
from app.security.permissions import SYSTEM
from app.services import analyses, images, model_versions, references, scans, scores
from app.services.references import EnteredReference
from app.storage import image_key, model_key
from models.bundled import load_bundled
from tests.laboratory import NEEDS, Laboratory, drawn_plan, open_laboratory, some_donor


@pytest.fixture
def laboratory(sessions: SessionMaker, database_url: str, tmp_path: Path) -> Laboratory:
    return open_laboratory(sessions, database_url, tmp_path)


def test_a_wells_bitmaps_become_a_donor_score(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample()
    laboratory.send_drawn(sample_id, some_donor())
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        asked = analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
        assert (asked.images_done, asked.images_total) == (6, 6)
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        score = scores.latest_score(session, SYSTEM, sample_id)
        sample = session.get_one(Sample, sample_id)
    assert 1 < score.rigidity_interval[0] < score.rigidity_score < score.rigidity_interval[1] < 6
    assert (score.n_images, score.n_wells, score.population) == (6, 2, "uncalibrated")
    assert score.population_basis is not None
    assert score.population_basis.n_training_donors == 160
    assert "population_small_sample" in {finding.code for finding in score.findings}
    assert score.model_version.demonstration
    assert sample.state == "computed"
    assert laboratory.states() == {"done": 7}


def test_an_analysis_waits_for_images_that_are_not_judged_yet(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample()
    laboratory.send_drawn(sample_id, some_donor())
    with transaction(laboratory.sessions) as session:
        asked = analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
        assert asked.images_done == 0
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        done = analyses.get_analysis(session, SYSTEM, asked.id)
        assert (done.state, done.images_done) == ("done", 6)
        assert session.scalar(select(func.count()).select_from(Score)) == 1


def test_later_images_need_a_new_analysis(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample()
    wells = laboratory.send_drawn(sample_id, some_donor())
    with transaction(laboratory.sessions) as session:
        first = analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
    (extra, *_) = drawn_plan(some_donor(), seed=2).images()
    laboratory.send(wells[1], write_bmp(extra[2].pixels))
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        assert analyses.get_analysis(session, SYSTEM, first.id).images_total == 6
        second = analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
        assert second.images_total == 7


def test_another_model_version_classifies_what_it_has_not_seen(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample()
    laboratory.send_drawn(sample_id, some_donor())
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        active = session.scalars(select(ModelVersion)).one()
        # A second row of the same network: its file's address is the hash, so the row has its own.
        other = ModelVersion(
            name="other", sha256="0" * 64, manifest=active.manifest | {"sha256": "0" * 64},
            is_demonstration=True,
        )  # fmt: skip
        session.add(other)
        session.flush()
        asked = analyses.request_analysis(
            session, SYSTEM, sample_id, model_version_id=other.id, parameters=NEEDS
        )
        assert asked.images_done == 0
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        failed = analyses.get_analysis(session, SYSTEM, asked.id)
    # Its file is not there, so it must fail, closed, with the reason, and not fall back.
    assert failed.state == "failed"
    assert failed.failure is not None
    assert failed.failure["code"] == "stored_file_missing"


def test_each_cell_is_classified_once(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample()
    laboratory.send_drawn(sample_id, some_donor())
    for _ in range(2):
        with transaction(laboratory.sessions) as session:
            analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        n_images = session.scalar(select(func.count()).select_from(Classification))
        n_cells = session.scalar(select(func.count()).select_from(Cell))
        n_predictions = session.scalar(select(func.count()).select_from(Prediction))
        p_outlet = session.scalars(select(Prediction.p_outlet)).all()
        assert session.scalar(select(func.count()).select_from(Score)) == 2
    assert n_images == 6
    assert n_cells is not None
    assert n_predictions is not None
    assert 0 < n_predictions <= n_cells
    assert all(abs(sum(row) - 1) < 1e-3 for row in p_outlet)


def test_too_little_gives_reasons_and_never_a_number(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample()
    laboratory.send_drawn(sample_id, some_donor(), images_per_well=1)
    with transaction(laboratory.sessions) as session:
        analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        with pytest.raises(Conflict) as refusal:
            scores.latest_score(session, SYSTEM, sample_id)
        assert session.get_one(Sample, sample_id).state == "unavailable"
    assert refusal.value.code == "score_unavailable"
    assert [reason["code"] for reason in refusal.value.extra["reasons"]] == ["too_few_images"] * 2
    assert refusal.value.message == (
        "Not a donor score: needs 1 more image in unsorted 1; needs 1 more image in unsorted 2."
    )
    assert 0 <= refusal.value.extra["fraction_deformable"]["counted"] <= 1


def test_sorted_wells_say_nothing_about_the_donor(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample()
    well_id = laboratory.add_well(sample_id, 1, outlet=3)
    for _, _, image in drawn_plan(some_donor()).images():
        laboratory.send(well_id, write_bmp(image.pixels))
    with transaction(laboratory.sessions) as session:
        analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session, pytest.raises(Conflict) as refusal:
        scores.latest_score(session, SYSTEM, sample_id)
    assert refusal.value.extra["reasons"][0]["code"] == "no_unsorted_well"


def test_a_sample_that_was_never_analysed_says_so(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample()
    laboratory.add_well(sample_id, 1)
    with transaction(laboratory.sessions) as session, pytest.raises(Conflict) as refusal:
        scores.latest_score(session, SYSTEM, sample_id)
    assert refusal.value.extra["reasons"][0]["code"] == "not_analysed"


def test_an_image_whose_file_is_gone_is_rejected_and_the_rest_goes_on(
    laboratory: Laboratory,
) -> None:
    sample_id = laboratory.take_sample()
    laboratory.send_drawn(sample_id, some_donor())
    with transaction(laboratory.sessions) as session:
        lost = session.scalars(select(ScanImage).limit(1)).one()
        asked = analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
    laboratory.store.delete(image_key(lost.sha256))
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        image = session.get_one(ScanImage, lost.id)
        assert (image.verdict, image.findings[0]["code"]) == ("rejected", "stored_file_missing")
        assert analyses.get_analysis(session, SYSTEM, asked.id).state == "done"
        assert scores.latest_score(session, SYSTEM, sample_id).n_images == 5


def test_an_image_whose_file_is_gone_is_judged_once_it_is_sent_again(
    laboratory: Laboratory,
) -> None:
    well_id = laboratory.add_well(laboratory.take_sample(), 1)
    (first, *_) = drawn_plan(some_donor()).images()
    data = write_bmp(first[2].pixels)
    sha256 = hashlib.sha256(data).hexdigest()
    image_id = laboratory.send(well_id, data)
    laboratory.store.delete(image_key(sha256))
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session, pytest.raises(NotFound):
        scans.find_image(session, SYSTEM, well_id, sha256)
    for _ in range(2):
        assert laboratory.send(well_id, data) == image_id
    assert laboratory.run_queue() == 1
    with transaction(laboratory.sessions) as session:
        assert session.get_one(ScanImage, image_id).verdict in ("accepted", "partly")
    assert laboratory.send(well_id, data) == image_id
    assert laboratory.run_queue() == 0


def test_bytes_that_changed_on_disk_are_never_scored(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample()
    laboratory.send_drawn(sample_id, some_donor())
    with transaction(laboratory.sessions) as session:
        image = session.scalars(select(ScanImage).limit(1)).one()
    data = bytearray(laboratory.store.get(image_key(image.sha256)))
    data[-1] ^= 1
    laboratory.store.delete(image_key(image.sha256))
    laboratory.store.put_once(image_key(image.sha256), data)
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        found = session.get_one(ScanImage, image.id).findings
    assert [finding["code"] for finding in found] == ["stored_bytes_changed"]


def test_references_stand_beside_the_score(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample()
    laboratory.send_drawn(sample_id, some_donor())
    entered = EnteredReference(counts={2: 100, 3: 500, 4: 350, 5: 50})
    with transaction(laboratory.sessions) as session:
        references.add_reference(session, SYSTEM, sample_id, entered, run_sd=0.17)
        analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        score = scores.latest_score(session, SYSTEM, sample_id)
    assert score.comparison is not None
    assert score.comparison.rigidity_score == pytest.approx(2.8)
    assert score.comparison.delta == pytest.approx(score.rigidity_score - 2.8)
    assert score.comparison.percent_deviation == pytest.approx(100 * abs(score.comparison.delta))


def test_an_image_shows_its_cells_on_its_picture(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample()
    laboratory.send_drawn(sample_id, some_donor(), images_per_well=1)
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        shown = images.list_images(session, SYSTEM, sample_id)
        cells = images.cells_of_image(session, SYSTEM, shown[0].id)
        stored = images.stored_picture(session, SYSTEM, shown[0].id)
    assert shown[0].n_cells == sum(cell.verdict == "accepted" for cell in cells)
    assert all(len(cell.outline) == 32 for cell in cells)
    assert any(cell.p_outlet and set(cell.p_outlet) == {"2", "3", "4", "5"} for cell in cells)
    plain = images.picture_jpeg(laboratory.store, stored, width=320)
    outlined = images.overlay_jpeg(laboratory.store, stored, cells, width=320)
    assert plain[:2] == outlined[:2] == b"\xff\xd8"
    assert plain != outlined
    laboratory.store.delete(image_key(stored.sha256))
    with pytest.raises(Unavailable, match="stored_file_missing"):
        images.picture_jpeg(laboratory.store, stored, width=320)


def test_the_shipped_network_is_installed_once_and_active(laboratory: Laboratory) -> None:
    bundle = load_bundled()
    with transaction(laboratory.sessions) as session:
        again = model_versions.install_bundled(
            session,
            laboratory.store,
            onnx=b"",
            manifest=bundle.manifest.to_json(),
            golden=bundle.golden.to_bytes(),
        )
        (only,) = model_versions.list_versions(session)
    assert (only.id, only.state, only.demonstration) == (again.id, "active", True)


def test_a_broken_network_fails_the_analysis_and_rejects_no_image(laboratory: Laboratory) -> None:
    laboratory.store.delete(model_key(load_bundled().manifest.sha256))
    well_id = laboratory.add_well(sample_id := laboratory.take_sample(), 1)
    (first, *_) = drawn_plan(some_donor()).images()
    image_id = laboratory.send(well_id, write_bmp(first[2].pixels))
    with transaction(laboratory.sessions) as session:
        asked = analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        assert session.get_one(ScanImage, image_id).verdict in ("accepted", "partly")
        failed = analyses.get_analysis(session, SYSTEM, asked.id)
    assert failed.failure is not None
    assert failed.failure["code"] == "stored_file_missing"


def test_an_analysis_without_a_model_is_refused(sessions: SessionMaker) -> None:
    with transaction(sessions) as session, pytest.raises(Conflict) as refusal:
        model_versions.version_to_use(session, None)
    assert refusal.value.code == "no_active_model"
    with transaction(sessions) as session:
        assert session.scalar(select(func.count()).select_from(Analysis)) == 0
