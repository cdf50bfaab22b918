"""One shape of refusal, the same headers on every answer, and probes that tell the truth."""

import re
from pathlib import Path
from typing import Final

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import HttpUrl
from sqlalchemy import delete, func, insert
from starlette.testclient import TestClient

from app.db.session import make_engine, make_sessions, transaction
from app.db.tables import Heartbeat, Job
from app.main import create_app
from app.security.api_keys import make_key
from app.security.permissions import Role
from app.services import first_start
from app.settings import Settings
from app.storage import open_store
from app.web.middleware import CONTENT_SECURITY_POLICY
from tests.integration.conftest import Site

MEMBERS = {"type", "title", "status", "detail", "code", "request_id"}


REFUSED: Final = [
    ("GET", "/api/v1/nothing", 404, "no_such_route"),
    ("DELETE", "/api/v1/samples", 405, "method_not_allowed"),
    ("GET", "/api/v1/samples/not-a-uuid", 422, "invalid_request"),
    ("GET", "/api/v1/samples?limit=0", 422, "invalid_request"),
    ("GET", "/api/v1/samples?state=unknown", 422, "invalid_request"),
    ("GET", "/api/v1/samples?limit=5&limit=50", 400, "parameter_repeated"),
    ("POST", "/api/v1/samples", 422, "invalid_request"),
]


def test_every_refusal_has_the_same_members(technician: TestClient) -> None:
    for method, path, status, code in REFUSED:
        answer = technician.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert set(answer.json()) >= MEMBERS
        assert answer.json()["type"] == f"urn:pliant:problem:{code}"
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_405_names_every_method_of_the_address(technician: TestClient) -> None:
    answer = technician.delete("/api/v1/samples")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "POST"}


def test_an_unreadable_body_is_refused(technician: TestClient) -> None:
    for body in (b"{", b"\xff\xfe", b"[]", b"null", b'{"donor_code": NaN}'):
        answer = technician.post(
            "/api/v1/samples", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code in (400, 422), body


def test_a_large_body_is_refused_where_only_small_ones_are_needed(technician: TestClient) -> None:
    answer = technician.post("/api/v1/samples", json={"notes": "x" * 2_000_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    in_pieces = (b"x" * 100_000 for _ in range(30))
    headers = {"Content-Type": "application/json"}
    answer = technician.post("/api/v1/samples", content=in_pieces, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_our_own_mistakes_tell_nothing_but_the_request_id(site: Site) -> None:
    @site.app.get("/api/v1/broken")
    def broken() -> None:
        raise RuntimeError("the secret cause")

    answer = site.client().get("/api/v1/broken")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


def test_every_answer_carries_the_security_headers(site: Site) -> None:
    for path in ("/livez", "/api/v1/samples", "/nothing", "/sign-in"):
        check_headers(site.client().get(path).headers)


def check_headers(headers: httpx2.Headers) -> None:
    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in headers
    assert "server" not in headers


def test_the_policy_allows_our_own_files_and_nothing_inline() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'; script-src 'self'; ")


def test_behind_https_browsers_are_told_to_stay_there(database_url: str, tmp_path: Path) -> None:
    settings = Settings(
        database_url=database_url,
        storage_url=tmp_path.as_uri(),
        public_url=HttpUrl("https://pliant.example"),
    )
    with TestClient(create_app(settings), "https://pliant.example") as client:
        assert "max-age=" in client.get("/livez").headers["strict-transport-security"]


def test_a_request_id_is_kept_if_it_is_one_and_made_otherwise(site: Site) -> None:
    client = site.client()
    kept = client.get("/livez", headers={"X-Request-ID": "trace-12345678"})
    assert kept.headers["x-request-id"] == "trace-12345678"
    for bad in ("short", "with space 12345678", "x" * 65):
        made = client.get("/livez", headers={"X-Request-ID": bad}).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f-]{36}", made)


def test_pages_send_strangers_to_the_sign_in(site: Site) -> None:
    answer = site.client().get("/samples?state=computed")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/samples%3Fstate%3Dcomputed"


def test_an_unknown_address_is_a_page_for_people(site: Site) -> None:
    answer = site.client().get("/nothing/here")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["x-request-id"] in answer.text


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{no"),
        ("application/json", b"[]"),
        ("application/json", b""),
        ("application/x-www-form-urlencoded", b'{"donor_code": "D-1", "container": "segment"}'),
    ],
)
def test_a_body_that_is_no_json_is_named_as_that(
    technician: TestClient, kind: str, body: bytes
) -> None:
    """curl names a form where nobody names JSON: the commonest mistake of a first hour."""
    answer = technician.post("/api/v1/samples", content=body, headers={"Content-Type": kind})
    told = answer.json()
    assert (answer.status_code, told["code"]) == (422, "invalid_request")
    assert told["detail"].startswith("body: ")
    assert "Content-Type: application/json" in told["detail"]


def test_an_address_with_no_id_in_it_is_a_page_that_is_not_there(site: Site) -> None:
    technician = site.as_role(Role.TECHNICIAN)
    page = technician.get("/samples/old-bookmark")
    assert page.status_code == 404
    assert "UUID" not in page.text
    assert technician.get("/api/v1/samples/old-bookmark").json()["code"] == "invalid_request"


def _make_ready(site: Site) -> None:
    with transaction(site.sessions) as session:
        store = open_store(site.storage.as_uri())
        first_start.prepare_in(session, store, with_demonstration=False)


def _hear_of_the_broker(site: Site, *, is_ok: bool) -> None:
    with transaction(site.sessions) as session:
        session.execute(delete(Heartbeat))
        report = {"broker_ok": is_ok}
        session.execute(
            insert(Heartbeat).values(name="sweeper", at=func.clock_timestamp(), report=report)
        )


def test_ready_means_database_storage_and_a_model(site: Site) -> None:
    client = site.client()
    assert client.get("/livez").json() == {"status": "ok"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    assert answer.json()["checks"]["model"] == "no active model version"
    _make_ready(site)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.json()["checks"]["broker"] == "sweeper silent"
    _hear_of_the_broker(site, is_ok=True)
    assert client.get("/readyz").json()["status"] == "ready"
    _hear_of_the_broker(site, is_ok=False)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")


def test_without_storage_or_database_it_is_alive_but_not_ready(site: Site) -> None:
    _make_ready(site)
    client = site.client()
    site.storage.rename(site.storage.with_name("gone"))
    assert client.get("/readyz").json()["checks"]["storage"] == "failed"
    lost = make_engine("postgresql://nobody@127.0.0.1:1/none")
    site.app.state.sessions = make_sessions(lost)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["database"]) == (503, "failed")
    assert client.get("/livez").status_code == 200
    assert "pliant_requests_total" in client.get("/metrics").text
    refused = site.client(make_key().token).get("/api/v1/samples")
    assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
    lost.dispose()


def test_metrics_count_requests_by_route_and_jobs_by_state(site: Site) -> None:
    client = site.as_role(Role.TECHNICIAN)
    client.get("/api/v1/samples")
    client.get("/api/v1/samples/00000000-0000-0000-0000-000000000000")
    with transaction(site.sessions) as session:
        session.execute(
            insert(Job).values(
                kind="inspect_image", queue="scans", subject_id=func.gen_random_uuid(),
                max_attempts=3,
            )
        )  # fmt: skip
    text = client.get("/metrics").text
    values = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values["pliant_requests_total", "/api/v1/samples", "200", "GET"] == 1
    assert values["pliant_requests_total", "/api/v1/samples/{sample_id}", "404", "GET"] == 1
    assert values["pliant_refusals_total", "sample_unknown"] == 1
    assert values["pliant_jobs", "inspect_image", "queued"] == 1
    assert "00000000" not in text
