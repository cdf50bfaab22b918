"""Results for other programs, by the services and by the web: when, to whom, and in which form."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace

import hl7
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import Analysis, ModelVersion, Report, Sample
from app.domain.errors import Conflict, NotFound
from app.main import create_app
from app.outbound import hl7_v2
from app.outbound.fhir_r4 import bundle
from app.reports.content import ReportContent, ReportStatus
from app.security.permissions import SYSTEM, Principal, Role
from app.services import api_keys, messages
from app.services.amendments import Change
from app.services.sign_offs import Desk
from app.settings import Settings
from tests.integration.agreement_pairs import refused, version
from tests.integration.conftest import BASE_URL, Site
from tests.integration.signed_samples import SignedSample
from tests.integration.unit_samples import TakenDay, take
from tests.report_contents import final_report, withdrawn_report


@pytest.fixture
def sample(sample_to_sign: SignedSample) -> SignedSample:
    return sample_to_sign


def told(
    sample: SignedSample, *, principal: Principal = SYSTEM, unreleased: bool = False,
    version: int | None = None,
) -> ReportContent:  # fmt: skip
    with transaction(sample.laboratory.sessions) as session:
        return messages.message_content(
            Desk(session, sample.laboratory.store, sample.rules),
            principal,
            sample.id,
            unreleased=unreleased,
            version=version,
        )


def test_nothing_unsigned_leaves_unless_it_is_asked_for(sample: SignedSample) -> None:
    with pytest.raises(Conflict, match="not_released"):
        told(sample)
    content = told(sample, unreleased=True)
    assert content.status is ReportStatus.PRELIMINARY
    assert json.loads(bundle(content))["entry"][0]["resource"]["status"] == "preliminary"


def test_a_released_result_is_told_and_then_a_correction_and_a_withdrawal(
    sample: SignedSample,
) -> None:
    kept = sample.hand_in_and_release()
    content = told(sample)
    assert content.to_text() == kept.content
    assert content.result is not None
    assert content.result.methods["rigidity_score"] == content.result.method
    sample.amend(Change.WITHDRAW, "wrong sample in the well", "blood bank desk")
    last = told(sample)
    assert (last.status, last.version) == (ReportStatus.ENTERED_IN_ERROR, 2)
    assert told(sample, version=1).status is ReportStatus.FINAL
    with pytest.raises(NotFound, match="report_unknown"):
        told(sample, version=9)


@pytest.mark.parametrize("state", ["received", "running"])
def test_a_score_that_is_still_to_come_is_told_as_registered(
    sample: SignedSample, state: str
) -> None:
    with transaction(sample.laboratory.sessions) as session:
        session.get_one(Sample, sample.id).state = state
    with pytest.raises(Conflict, match="not_released"):
        told(sample)
    content = told(sample, unreleased=True)
    resources = [entry["resource"] for entry in json.loads(bundle(content))["entry"]]
    told_of = [
        one for one in resources if one["resourceType"] in ("DiagnosticReport", "Observation")
    ]
    assert {one["status"] for one in told_of} == {"registered"}
    assert told_of[1]["dataAbsentReason"]["coding"][0]["code"] == "temp-unknown"
    message = hl7.parse(hl7_v2.message(content))
    assert str(message.segment("OBR")[25]) == "I"
    lines = {str(line[3][0][0]): str(line[11]) for line in message.segments("OBX")}
    assert {state for code, state in lines.items() if code.startswith("RBCDEF-RS")} == {"I"}
    assert "RBCDEF-MODEL" not in lines, "no model has spoken yet"


def test_a_sample_without_images_is_registered_and_only_if_it_is_asked_for(
    sample_to_sign: SignedSample,
) -> None:
    app = create_app(sample_to_sign.laboratory.context.settings)
    with transaction(sample_to_sign.laboratory.sessions) as session:
        token = api_keys.create_key(session, SYSTEM, name="t", role=Role.TECHNICIAN).token
    with TestClient(app, BASE_URL, headers={"Authorization": f"Bearer {token}"}) as client:
        new = {"donor_code": "D-1", "container": "segment", "accession_number": "ACC-1"}
        path = f"/api/v1/samples/{client.post('/api/v1/samples', json=new).json()['id']}"
        refused(client.get(f"{path}/hl7"), "score_unavailable", 409)
        asked = client.get(f"{path}/hl7", params={"unreleased": True})
    refused(asked, "demonstration_model", 409)


def test_a_demonstration_model_tells_nothing_of_a_real_donor(sample: SignedSample) -> None:
    with transaction(sample.laboratory.sessions) as session:
        session.get_one(Sample, sample.id).is_demonstration = False
    with pytest.raises(Conflict, match="demonstration_model"):
        told(sample, unreleased=True)


def test_another_programs_sample_does_not_exist(sample: SignedSample) -> None:
    stranger = Principal("key:1", "other", Role.LIMS, sees_all=False)
    with pytest.raises(NotFound, match="sample_unknown"):
        told(sample, principal=stranger)


# By the web


def keep(site: Site, sample_id: uuid.UUID, content: ReportContent) -> None:
    with transaction(site.sessions) as session:
        analysis_id = session.scalars(select(Analysis.id)).one()
        session.add(
            Report(
                previous_id=session.scalars(select(Report.id)).one_or_none(),
                sample_id=sample_id,
                version=content.version,
                analysis_id=analysis_id,
                status=content.status.value,
                content=content.to_text(),
                content_sha256="0" * 64,
                created_by=SYSTEM.id,
            )
        )


@pytest.fixture
def sample_id(site: Site) -> uuid.UUID:
    """A sample without a score, whose report the tests put there."""
    version_id = version(site)
    with transaction(site.sessions) as session:
        session.get_one(ModelVersion, version_id).manifest = {"outlets": [2, 3, 4, 5]}
    sample_id = take(site, version_id, TakenDay(day=0, reason="needs 412 more accepted cells"))
    with transaction(site.sessions) as session:
        session.get_one(Sample, sample_id).state = "unavailable"
    return sample_id


def test_a_bundle_and_a_message_are_served_with_a_tag(
    site: Site, technician: TestClient, sample_id: uuid.UUID
) -> None:
    keep(site, sample_id, final_report())
    for form, kind in (("fhir", "application/fhir+json"), ("hl7", hl7_v2.MEDIA_TYPE)):
        path = f"/api/v1/samples/{sample_id}/{form}"
        answer = technician.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        tag = answer.headers["etag"]
        again = technician.get(path, headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    keep(site, sample_id, withdrawn_report())
    answer = technician.get(path, headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert str(hl7.parse(answer.text).segment("OBR")[25]) == "C"
    first = technician.get(path, params={"version": 1})
    assert str(hl7.parse(first.text).segment("OBR")[25]) == "F"


def test_a_score_that_cannot_be_had_is_refused_or_told_as_cancelled(
    site: Site, technician: TestClient, sample_id: uuid.UUID
) -> None:
    path = f"/api/v1/samples/{sample_id}/fhir"
    refused(technician.get(path), "score_unavailable", 409)
    answer = technician.get(path, params={"unreleased": True}).raise_for_status()
    resources = [entry["resource"] for entry in answer.json()["entry"]]
    lines = [one for one in resources if one["resourceType"] == "Observation"]
    assert {one["status"] for one in lines} == {"cancelled"}
    absent = lines[0]["dataAbsentReason"]
    assert "412 more accepted cells" in absent["text"]
    assert absent["coding"][1]["code"] == "too_few_cells"
    refused(technician.get(f"/api/v1/samples/{uuid.uuid4()}/fhir"), "sample_unknown", 404)
    refused(site.as_role(Role.LIMS).get(path), "sample_unknown", 404)


def test_the_reading_says_what_is_filed_where(
    site: Site, technician: TestClient, sample_id: uuid.UUID
) -> None:
    identity = replace(final_report().identity, accession_number="A^1")
    keep(site, sample_id, replace(final_report(), identity=identity))
    answer = technician.get(f"/api/v1/samples/{sample_id}/hl7/reading").raise_for_status().json()
    assert (answer["accession_number"], answer["accession_from"]) == ("A\\S\\1", "OBR-3")
    assert answer["warnings"][0]["code"] == "accession_differs"
    assert answer["warnings"][0]["weight"] == "wrong"
    values = {line["code"]: line["value"] for line in answer["results"]}
    assert values["RBCDEF-RS"] == "2.77"
    assert str(hl7.parse(answer["message"]).segment("ORC")[2]) == "A\\S\\1"


@pytest.fixture
def mapped(site: Site) -> Iterator[FastAPI]:
    settings = Settings(
        database_url=site.settings.database_url, storage_url=site.settings.storage_url, demo=False,
        loinc={"RBCDEF-RS": "718-7"}, lims_facility="Blood bank 7",
        din_system="https://www.isbt128.org/uri/donationidentificationnumber",
    )  # fmt: skip
    app = create_app(settings)
    with TestClient(app):
        yield app


def test_a_sites_own_systems_and_codes_are_in_the_bundle(
    site: Site, mapped: FastAPI, sample_id: uuid.UUID
) -> None:
    keep(site, sample_id, final_report())
    with transaction(site.sessions) as session:
        token = api_keys.create_key(session, SYSTEM, name="t", role=Role.TECHNICIAN).token
    client = TestClient(mapped, BASE_URL, headers={"Authorization": f"Bearer {token}"})
    text = client.get(f"/api/v1/samples/{sample_id}/fhir").raise_for_status().text
    for word in ("http://loinc.org", "Blood bank 7", "donationidentificationnumber"):
        assert word in text
    sent = client.get(f"/api/v1/samples/{sample_id}/hl7").raise_for_status().text
    assert "^718-7^^LN" in sent


def test_the_page_shows_numbers_traps_and_lines_or_why_there_are_none(
    site: Site, technician: TestClient, sample_id: uuid.UUID
) -> None:
    path = f"/samples/{sample_id}/lims"
    before = technician.get(path).raise_for_status().text
    assert "No score can be had" in before
    assert 'data-trap="empty_values"' in before
    keep(site, sample_id, final_report())
    page = technician.get(path).raise_for_status().text
    for word in (
        "ACC-0042", 'data-trap="mapping_missing"', "Image rigidity score (higher = more rigid)",
        f"/api/v1/samples/{sample_id}/hl7/reading", "OBX|1|NM|RBCDEF-RS^",
    ):  # fmt: skip
        assert word in page
    assert "<script>" not in page
