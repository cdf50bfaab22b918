"""What people and machines are told of an installation's parts, and what to do about each."""

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import Heartbeat, Job
from app.domain.errors import ProcessingFailed
from app.security.permissions import Role
from app.services import first_start, worker_reports
from app.storage import open_store
from tests.integration.conftest import Site

HEALTH = "/api/v1/health"


@pytest.fixture
def administrator(site: Site) -> TestClient:
    return site.as_role(Role.ADMINISTRATOR)


def parts(client: TestClient) -> dict[str, dict[str, Any]]:
    answer = client.get(HEALTH).raise_for_status().json()
    return {part["code"]: part for part in answer["parts"]}


def report_sweeper(site: Site, *, broker_ok: bool) -> None:
    report = {"broker_ok": broker_ok, "broker_error": None if broker_ok else "ConnectionError"}
    with transaction(site.sessions) as session:
        at = dt.datetime.now(dt.UTC)
        session.merge(Heartbeat(name="sweeper", at=at, report=report))


def queue_job(site: Site, *, seconds_ago: int, state: str = "queued") -> None:
    with transaction(site.sessions) as session:
        past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=seconds_ago)
        session.add(
            Job(kind="inspect_image", queue="scans", subject_id="0" * 32, max_attempts=3,
                state=state, created_at=past, not_before=past)
        )  # fmt: skip


def test_a_bare_installation_says_what_to_do_first(administrator: TestClient) -> None:
    answer = administrator.get(HEALTH).json()
    found = parts(administrator)
    assert answer["state"] == "bad"
    for code in ("broker", "model", "controls"):
        assert found[code]["state"] == "bad"
        assert found[code]["next_step"], code
    assert (found["backup"]["state"], found["workers"]["state"]) == ("unknown", "unknown")
    assert found["database"]["state"] == "good"
    assert found["database"]["figures"]["bytes"] > 0
    for part in found.values():
        assert part["statement"].endswith((".", "no control.")), part
        assert (part["next_step"] is None) == (part["state"] == "good"), part["code"]


def test_an_installation_that_works_says_so(site: Site, administrator: TestClient) -> None:
    report_sweeper(site, broker_ok=True)
    with transaction(site.sessions) as session:
        store = open_store(site.storage.as_uri())
        first_start.prepare_in(session, store, with_demonstration=False)
        worker_reports.report(session, host="bench", environment="x86", refusal=None)
        session.merge(Heartbeat(name="backup", at=dt.datetime.now(dt.UTC), report={"ok": True}))
    found = parts(administrator)
    for code in ("database", "storage", "broker", "workers", "queue_scans", "audit", "backup"):
        assert found[code]["state"] == "good", found[code]
    assert found["storage"]["figures"]["free_bytes"] > 0
    assert found["model"]["state"] == "warning", "a demonstration model releases nothing real"


def test_a_silent_broker_a_refusing_worker_and_a_standstill_are_told_with_the_next_step(
    site: Site, administrator: TestClient
) -> None:
    report_sweeper(site, broker_ok=False)
    refusal = ProcessingFailed("control_mismatch", "The control's score is 3.1, sealed 2.9.")
    with transaction(site.sessions) as session:
        worker_reports.report(session, host="bench", environment="x86", refusal=refusal)
    queue_job(site, seconds_ago=300)
    queue_job(site, seconds_ago=30, state="quarantined")
    found = parts(administrator)
    assert "ConnectionError" in found["broker"]["statement"]
    assert "sealed 2.9" in found["workers"]["statement"]
    assert found["queue_scans"]["state"] == "bad"
    assert found["queue_scans"]["figures"]["waiting"] == 1
    assert 299 < found["queue_scans"]["figures"]["oldest_waiting_seconds"] < 330
    assert found["quarantine"]["figures"] == {"jobs": 1, "by_kind": {"inspect_image": 1}}
    queue_job(site, seconds_ago=1, state="running")
    assert parts(administrator)["queue_scans"]["state"] == "warning", "busy, not standing still"


def test_little_space_and_a_broken_trail_are_told(
    site: Site, administrator: TestClient, owner_database_url: str
) -> None:
    import psycopg  # noqa: PLC0415  the owner alone can change what is only to be added to

    site.key(Role.LIMS)
    with psycopg.connect(owner_database_url) as connection:
        connection.execute("ALTER TABLE audit DISABLE TRIGGER ALL")
        connection.execute("UPDATE audit SET actor = 'somebody' WHERE seq = 1")
    assert parts(administrator)["audit"]["state"] == "bad"
    with transaction(site.sessions) as session:
        assert session.scalar(text("SELECT actor FROM audit WHERE seq = 1")) == "somebody"
