"""Promotion through the REST door: preview, gate, activation, the dated answer, pictures."""

import datetime as dt
import uuid
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.security.permissions import Role
from app.storage import saliency_key
from tests.candidates import add_candidate, figures
from tests.integration.conftest import Site
from tests.laboratory import Laboratory, open_laboratory

PICTURE = b"\x89PNG\r\n\x1a\n and so on"


@pytest.fixture
def laboratory(site: Site) -> Laboratory:
    """The site's records and files, with a worker."""
    return open_laboratory(site.sessions, site.settings.database_url or "", site.storage.parent)


@pytest.fixture
def admin(site: Site) -> TestClient:
    return site.as_role(Role.ADMINISTRATOR)


def activate(client: TestClient, version_id: uuid.UUID, **body: object) -> dict[str, Any]:
    answer = client.post(
        f"/api/v1/model-versions/{version_id}/activate", json={"reason": "It is better."} | body
    )
    found: dict[str, Any] = answer.json()
    return found | {"status": answer.status_code}


def test_a_candidate_is_previewed_activated_and_found_by_date(
    laboratory: Laboratory, admin: TestClient
) -> None:
    before = dt.datetime.now(dt.UTC)
    version_id = add_candidate(laboratory)
    waiting = admin.get(f"/api/v1/model-versions/{version_id}/impact")
    assert (waiting.status_code, waiting.json()["state"]) == (202, "queued")
    refused = activate(admin, version_id)
    assert (refused["status"], refused["code"]) == (409, "model_unproven")

    laboratory.run_queue()
    done = admin.get(f"/api/v1/model-versions/{version_id}/impact")
    assert (done.status_code, done.json()["state"]) == (200, "done")
    card = activate(admin, version_id)
    assert (card["status"], card["state"]) == (200, "active")

    live = admin.get("/api/v1/model-versions/active").json()
    assert (live["id"], live["sha256"]) == (str(version_id), card["sha256"])
    assert (live["reason"], live["until"]) == ("It is better.", None)
    then = admin.get("/api/v1/model-versions/active", params={"at": before.isoformat()})
    assert then.json()["name"] == "demonstration"
    naive = admin.get("/api/v1/model-versions/active", params={"at": "2026-03-01T10:00:00"})
    assert naive.status_code == 422


def test_between_real_versions_a_failed_gate_answers_409_unless_overridden(
    laboratory: Laboratory, admin: TestClient
) -> None:
    first = add_candidate(laboratory, "first", metrics=figures())
    laboratory.run_queue()
    activate(admin, first)
    second = add_candidate(laboratory, "second", metrics=figures(calibration_error=0.3))
    laboratory.run_queue()

    gate = admin.get(f"/api/v1/model-versions/{second}/gate").json()
    assert gate["is_proven"]
    refused = activate(admin, second)
    assert (refused["status"], refused["code"]) == (409, "gate_failed")
    figures_of = {rule["code"]: rule["figures"] for rule in refused["rules"]}
    assert figures_of["calibrated"] == {"calibration_error": 0.3, "limit": 0.05}
    card = activate(admin, second, override=True)
    assert card["status"] == 200
    (since_then, *_) = admin.get("/api/v1/model-versions/activations").json()["items"]
    assert "calibrated" in [rule["code"] for rule in since_then["overridden"]]
    back = activate(admin, first, reason="Everyone reads stiff.")
    assert back["activations"][0]["is_rollback"] is True


def test_a_version_is_retired_with_a_reason_and_not_while_it_is_active(
    laboratory: Laboratory, admin: TestClient
) -> None:
    version_id = add_candidate(laboratory)
    retired = admin.post(f"/api/v1/model-versions/{version_id}/retire", json={"reason": "Mix-up."})
    assert (retired.json()["state"], retired.json()["retired_reason"]) == ("retired", "Mix-up.")
    active = admin.get("/api/v1/model-versions/active").json()["id"]
    refused = admin.post(f"/api/v1/model-versions/{active}/retire", json={"reason": "No."})
    assert (refused.status_code, refused.json()["code"]) == (409, "model_version_active")


def test_only_pictures_that_the_manifest_names_are_served(
    laboratory: Laboratory, admin: TestClient
) -> None:
    saliency = {"pictures": ["saliency-vanilla.png"], "vanilla": {"share_inside": 0.83}}
    version_id = add_candidate(laboratory, metrics={"saliency": saliency})
    card = admin.get(f"/api/v1/model-versions/{version_id}").json()
    (picture,) = card["saliency"]
    assert (picture["name"], picture["share_inside"]) == ("saliency-vanilla.png", 0.83)
    assert admin.get(picture["href"]).json()["code"] == "picture_unknown"

    laboratory.store.put_once(saliency_key(card["sha256"], "saliency-vanilla.png"), PICTURE)
    served = admin.get(picture["href"])
    assert (served.content, served.headers["content-type"]) == (PICTURE, "image/png")
    laboratory.store.put_once(saliency_key(card["sha256"], "other.png"), PICTURE)
    other = admin.get(f"/api/v1/model-versions/{version_id}/saliency/other.png")
    assert other.status_code == 404


def test_samples_are_locked_and_unlocked_with_a_reason(
    laboratory: Laboratory, admin: TestClient
) -> None:
    sample_id = laboratory.take_sample("D-1")
    address = f"/api/v1/locked-samples/{sample_id}"
    for _ in range(2):
        locked = admin.put(address, json={"reason": "Measured by two devices."})
        assert locked.status_code == 204
    (one,) = admin.get("/api/v1/locked-samples").json()["items"]
    assert (one["sample_id"], one["donor_code"]) == (str(sample_id), "D-1")
    assert admin.post(f"{address}/unlock", json={"reason": "Frozen."}).status_code == 204
    assert admin.get("/api/v1/locked-samples").json()["items"] == []
    again = admin.post(f"{address}/unlock", json={"reason": "Frozen."})
    assert (again.status_code, again.json()["code"]) == (404, "sample_not_locked")


def test_an_unknown_version_has_neither_card_nor_preview(
    laboratory: Laboratory, admin: TestClient
) -> None:
    nobody = uuid.uuid4()
    for part in ("", "/impact", "/gate", "/saliency/saliency-vanilla.png"):
        answer = admin.get(f"/api/v1/model-versions/{nobody}{part}")
        assert (answer.status_code, answer.json()["code"]) == (404, "model_version_unknown")
    first = admin.get("/api/v1/model-versions/active").json()["id"]
    unknown = admin.get(f"/api/v1/model-versions/{first}/impact")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "impact_unknown")
