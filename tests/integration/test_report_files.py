"""A sample's report as a PDF: preliminary, released, withdrawn, and for whom."""

import uuid
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader
from sqlalchemy import select
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import Analysis, Prediction, Report
from app.domain.errors import Conflict, NotFound
from app.domain.imaging.scan_image import write_bmp
from app.security.permissions import SYSTEM, Principal, Role
from app.services import report_files
from app.services.amendments import Change
from app.services.report_files import ReportFile
from app.services.sign_offs import Desk
from app.storage import image_key, open_store
from tests.integration.agreement_pairs import refused, version
from tests.integration.conftest import Site
from tests.integration.signed_samples import SignedSample
from tests.integration.unit_samples import TakenDay, take
from tests.laboratory import SIDE_PX
from tests.report_contents import withdrawn_report


@pytest.fixture
def sample(sample_to_sign: SignedSample) -> SignedSample:
    return sample_to_sign


def report_of(
    sample: SignedSample, *, principal: Principal = SYSTEM, version: int | None = None,
    sample_id: uuid.UUID | None = None,
) -> ReportFile:  # fmt: skip
    with transaction(sample.laboratory.sessions) as session:
        desk = Desk(session, sample.laboratory.store, sample.rules)
        return report_files.gather_report(desk, principal, sample_id or sample.id, version=version)


def words(sample: SignedSample, report: ReportFile) -> str:
    (page,) = PdfReader(BytesIO(report_files.draw_report(sample.laboratory.store, report))).pages
    return " ".join(page.extract_text().split())


def test_a_score_that_is_not_signed_gives_a_preliminary_page(sample: SignedSample) -> None:
    report = report_of(sample)
    told = words(sample, report)
    score = sample.scored.score()
    assert "PRELIMINARY – NOT RELEASED" in told
    assert "DEMONSTRATION" in told
    assert f"{score['rigidity_score']:.2f}" in told
    assert "Not signed." in told
    assert "Bars release." in told
    assert report.filename == f"report-{sample.id}-preliminary.pdf"
    sample.submit()
    assert "Tom technician handed in, meaning: reviewed" in words(sample, report_of(sample))


def test_a_released_report_is_the_same_file_every_time(sample: SignedSample) -> None:
    kept = sample.hand_in_and_release()
    first, again = report_of(sample), report_of(sample)
    store = sample.laboratory.store
    assert report_files.draw_report(store, first) == report_files.draw_report(store, again)
    told = words(sample, first)
    assert f"Report SHA-256 {kept.content_sha256}" in told
    assert "PRELIMINARY" not in told
    assert "Vera verifier released, meaning: approved" in told


def test_cells_that_count_go_from_the_most_to_the_least_deformable(sample: SignedSample) -> None:
    """Every part of the sample's cells is shown by one, in the order of the parts."""
    gone, *_ = report_of(sample).cell_ids
    sample.scored.exclude(cell=gone)
    sample.scored.follow()
    ids = report_of(sample).cell_ids
    with transaction(sample.laboratory.sessions) as session:
        rows = session.execute(select(Prediction.cell_id, Prediction.p_deformable)).all()
    p_deformable = {row.cell_id: row.p_deformable for row in rows}
    shown = [p_deformable[one] for one in ids]
    assert shown == sorted(shown, reverse=True)
    assert gone not in ids
    assert len(set(ids)) == report_files.CELLS_SHOWN


def test_an_earlier_version_can_be_read_after_a_withdrawal(sample: SignedSample) -> None:
    sample.hand_in_and_release()
    sample.amend(Change.WITHDRAW, "wrong sample in the well", "blood bank desk")
    newest = report_of(sample)
    assert newest.cell_ids == ()
    told = words(sample, newest)
    assert "WITHDRAWN" in told
    assert "Reason: wrong sample in the well" in told
    first = words(sample, report_of(sample, version=1))
    assert "Image rigidity score" in first
    with pytest.raises(NotFound, match="report_unknown"):
        report_of(sample, version=9)


def test_without_a_score_or_a_right_to_it_there_is_no_page(sample: SignedSample) -> None:
    empty = sample.laboratory.take_sample("D-9")
    with pytest.raises(Conflict, match="score_unavailable"):
        report_of(sample, sample_id=empty)
    stranger = Principal("key:1", "other", Role.LIMS, sees_all=False)
    with pytest.raises(NotFound, match="sample_unknown"):
        report_of(sample, principal=stranger)


def test_a_file_that_cannot_be_read_costs_the_picture_and_not_the_report(
    sample: SignedSample, tmp_path: Path
) -> None:
    """The fabricated images of this sample have rows and no files, until they are given some."""
    report = report_of(sample)
    store = open_store(tmp_path.as_uri())
    assert "No picture of its cells" in words(sample, report)
    noise = np.random.default_rng(1).integers(0, 255, (SIDE_PX, SIDE_PX), dtype=np.uint8)
    for stored in report.places:
        store.put_once(image_key(stored.sha256), write_bmp(noise))
    (page,) = PdfReader(BytesIO(report_files.draw_report(store, report))).pages
    (picture,) = page.images
    assert picture.image is not None
    assert picture.image.size == (60 * report_files.CELLS_SHOWN, 60)
    assert "No picture of its cells" not in page.extract_text()


# By the web


def test_the_page_is_served_to_those_who_may_see_the_sample(
    site: Site, technician: TestClient
) -> None:
    sample_id = take(site, version(site), TakenDay(day=0, reason="needs 412 more accepted cells"))
    refused(technician.get(f"/api/v1/samples/{sample_id}/report.pdf"), "score_unavailable", 409)
    refused(technician.get(f"/api/v1/samples/{uuid.uuid4()}/report.pdf"), "sample_unknown", 404)
    foreign = site.as_role(Role.LIMS).get(f"/api/v1/samples/{sample_id}/report.pdf")
    refused(foreign, "sample_unknown", 404)
    with transaction(site.sessions) as session:
        analysis_id = session.scalars(select(Analysis.id)).one()
        content = withdrawn_report()
        session.add(
            Report(
                sample_id=sample_id,
                version=1,
                analysis_id=analysis_id,
                status=content.status.value,
                content=content.to_text(),
                content_sha256="0" * 64,
                created_by=SYSTEM.id,
            )
        )
    answer = technician.get(f"/api/v1/samples/{sample_id}/report.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    assert "inline" in answer.headers["content-disposition"]
    assert answer.content.startswith(b"%PDF-")
    refused(
        technician.get(f"/api/v1/samples/{sample_id}/report.pdf", params={"version": 2}),
        "report_unknown", 404,
    )  # fmt: skip
