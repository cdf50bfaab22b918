"""Controls through REST: lots, runs, broken rules that lock, causes and actions that unlock."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select, text
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import AuditEntry, ModelVersion
from app.domain.release import Condition
from app.security.permissions import SYSTEM, Role
from app.services import control_upkeep
from app.services.control_upkeep import EnteredRun
from app.services.controls import SiteControls, control_conditions
from app.services.first_start import install_shipped_control
from tests.integration.conftest import Site
from tests.integration.test_dashboard import signed_in

WET_ON = SiteControls(wet_control=True)
NEXT_YEAR = (dt.datetime.now(dt.UTC) + dt.timedelta(days=300)).date().isoformat()
STEADY = (3.05, 2.95) * 10
"""Twenty runs of mean 3.00 and standard deviation 0.051, that break no rule."""


@pytest.fixture
def verifier(site: Site) -> TestClient:
    client = signed_in(site, Role.VERIFIER)
    client.headers["Sec-Fetch-Site"] = "same-origin"
    return client


@pytest.fixture
def version_id(site: Site) -> uuid.UUID:
    with transaction(site.sessions) as session:
        version = ModelVersion(
            name="active", sha256="a" * 64, manifest={"outlets": [2, 3, 4, 5]},
            is_demonstration=False, state="active",
        )  # fmt: skip
        session.add(version)
        session.flush()
        return version.id


def begin_lot(client: TestClient, name: str = "Fixed cells, lot 1") -> dict[str, Any]:
    body = {"kind": "wet", "name": name, "expires_on": NEXT_YEAR}
    made: dict[str, Any] = client.post("/api/v1/controls", json=body).raise_for_status().json()
    return made


def run(client: TestClient, control: dict[str, Any], score: float, days_ago: float = 0) -> None:
    at = dt.datetime.now(dt.UTC) - dt.timedelta(days=days_ago, seconds=1)
    body = {"rigidity_score": score, "measured_at": at.isoformat()}
    client.post(f"/api/v1/controls/{control['id']}/runs", json=body).raise_for_status()


def run_twenty_days(site: Site, control: dict[str, Any], scores: Sequence[float] = STEADY) -> None:
    """In one transaction; twenty requests would say no more."""
    now = dt.datetime.now(dt.UTC)
    with transaction(site.sessions) as session:
        for place, score in enumerate(scores):
            entered = EnteredRun(score, now - dt.timedelta(days=len(STEADY) - place))
            control_upkeep.enter_run(session, SYSTEM, uuid.UUID(control["id"]), entered)


def details(client: TestClient, control: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/v1/controls/{control['id']}").json()
    return found


def conditions(site: Site, version_id: uuid.UUID) -> dict[str, Condition]:
    with transaction(site.sessions) as session:
        found = control_conditions(session, model_version_id=version_id, site=WET_ON)
        return {condition.code: condition for condition in found}


def test_a_lot_is_provisional_until_it_ran_on_twenty_days(
    site: Site, technician: TestClient, verifier: TestClient, version_id: uuid.UUID
) -> None:
    lot = begin_lot(verifier)
    assert (lot["state"], lot["series"]) == ("not_run", [])
    run_twenty_days(site, lot, STEADY[:-1])
    early = details(technician, lot)
    assert early["state"] == "provisional"
    assert "19 of 20 days" in early["statement"]
    assert early["series"][0]["limits"]["is_provisional"]
    final = conditions(site, version_id)["control_limits_final"]
    assert (final.holds, final.may_be_acknowledged) == (False, True)
    run(technician, lot, STEADY[-1])
    late = details(technician, lot)
    (series,) = late["series"]
    assert (late["state"], series["is_frozen"]) == ("in_control", True)
    assert series["limits"]["mean"] == pytest.approx(3.0)
    assert (late["methods"]["limits"], late["methods"]["rules"]) == (
        "levey-jennings/1", "westgard/1",
    )  # fmt: skip
    assert conditions(site, version_id)["control_limits_final"].holds
    assert conditions(site, version_id)["wet_control_in_date"].holds


def test_a_shift_of_three_standard_deviations_locks_release_and_names_rule_and_control(
    site: Site, technician: TestClient, verifier: TestClient, version_id: uuid.UUID
) -> None:
    lot = begin_lot(verifier)
    run_twenty_days(site, lot)
    assert conditions(site, version_id)["control_rules"].holds
    run(technician, lot, 3.0 + 3.1 * 0.0513)
    locked = conditions(site, version_id)["control_rules"]
    assert (locked.holds, locked.may_be_acknowledged) == (False, False)
    assert "1-3s by Fixed cells, lot 1" in locked.message
    found = details(technician, lot)
    assert (found["state"], found["open_rules"]) == ("locked", ["1-3s"])
    (broken,) = [one for one in found["violations"] if one["is_open"]]
    assert broken["basis"]["limits"]["mean"] == pytest.approx(3.0)
    assert broken["basis"]["rules_method"] == "westgard/1"
    with transaction(site.sessions) as session:
        told = session.scalars(select(AuditEntry).where(AuditEntry.action == "control.rule_broken"))
        assert ["1-3s" in entry.content for entry in told] == [True]


def test_only_a_cause_an_action_and_a_permitted_person_unlock(
    site: Site, technician: TestClient, verifier: TestClient, version_id: uuid.UUID
) -> None:
    lot = begin_lot(verifier)
    run_twenty_days(site, lot)
    run(technician, lot, 3.4)
    path, words = f"/api/v1/controls/{lot['id']}/resolutions", {"cause": "lamp", "action": "new"}
    assert technician.post(path, json=words).status_code == 403
    assert verifier.post(path, json=words | {"cause": " "}).json()["code"] == "control_words"
    assert not conditions(site, version_id)["control_rules"].holds
    made = verifier.post(path, json=words)
    assert (made.status_code, made.json()["cause"]) == (201, "lamp")
    assert conditions(site, version_id)["control_rules"].holds
    again = verifier.post(path, json=words)
    assert (again.status_code, again.json()["code"]) == (409, "control_not_broken")
    found = details(verifier, lot)
    assert found["state"] == "in_control"
    assert found["violations"][0]["resolution_id"] == made.json()["id"]
    with transaction(site.sessions) as session:
        told = session.scalar(select(AuditEntry).where(AuditEntry.action == "control.resolved"))
        assert told is not None
        assert told.actor == made.json()["by"]
        assert '"cause":"lamp"' in told.content


def test_rules_begin_anew_after_a_resolution(
    site: Site, technician: TestClient, verifier: TestClient, version_id: uuid.UUID
) -> None:
    lot = begin_lot(verifier)
    run_twenty_days(site, lot)
    run(technician, lot, 3.12)
    run(technician, lot, 3.12)
    assert details(technician, lot)["open_rules"] == ["2-2s"]
    verifier.post(
        f"/api/v1/controls/{lot['id']}/resolutions", json={"cause": "c", "action": "a"}
    ).raise_for_status()
    run(technician, lot, 3.12)
    assert details(technician, lot)["open_rules"] == []
    run(technician, lot, 3.12)
    assert details(technician, lot)["open_rules"] == ["2-2s"]


def test_a_typing_error_left_out_widens_no_limit(
    technician: TestClient, verifier: TestClient, version_id: uuid.UUID
) -> None:
    lot = begin_lot(verifier)
    for place, score in enumerate(STEADY[:6]):
        run(technician, lot, score, days_ago=20 - place)
    run(technician, lot, 11.9, days_ago=13)
    assert details(technician, lot)["open_rules"] == ["1-3s"]
    verifier.post(
        f"/api/v1/controls/{lot['id']}/resolutions",
        json={"cause": "a decimal slipped", "action": "repeated", "leave_out": True},
    ).raise_for_status()
    (series,) = details(technician, lot)["series"]
    assert series["limits"]["sd"] < 0.1
    assert series["points"][-1]["is_left_out"]


def test_an_old_run_allows_no_release(
    site: Site, technician: TestClient, verifier: TestClient, version_id: uuid.UUID
) -> None:
    lot = begin_lot(verifier)
    assert conditions(site, version_id)["wet_control_in_date"].holds is None
    run(technician, lot, 3.0, days_ago=2)
    dated = conditions(site, version_id)["wet_control_in_date"]
    assert (dated.holds, "more than 26 hours ago" in dated.message) == (False, True)
    run(technician, lot, 3.0)
    assert conditions(site, version_id)["wet_control_in_date"].holds


def test_an_expired_or_ended_lot_takes_no_run_and_allows_none(
    site: Site, technician: TestClient, verifier: TestClient, version_id: uuid.UUID
) -> None:
    lot, other = begin_lot(verifier), begin_lot(verifier, "Fixed cells, lot 2")
    run(technician, lot, 3.0)
    with transaction(site.sessions) as session:
        session.execute(text("UPDATE controls SET expires_on = '2020-01-01' WHERE id = :id"),
                        {"id": lot["id"]})  # fmt: skip
    assert conditions(site, version_id)["wet_control_in_date"].holds is None
    path = f"/api/v1/controls/{lot['id']}/runs"
    assert technician.post(path, json={"rigidity_score": 3}).json()["code"] == "control_expired"
    end = f"/api/v1/controls/{other['id']}/end"
    assert verifier.post(end, json={"reason": "used up"}).status_code == 204
    assert verifier.post(end, json={"reason": "used up"}).json()["code"] == "control_ended"
    path = f"/api/v1/controls/{other['id']}/runs"
    assert technician.post(path, json={"rigidity_score": 3}).json()["code"] == "control_ended"
    states = {
        one["name"]: one["state"] for one in technician.get("/api/v1/controls").json()["items"]
    }
    assert states == {lot["name"]: "expired", other["name"]: "ended"}


def test_a_locked_lot_is_not_ended_to_be_rid_of_its_violation(
    site: Site, technician: TestClient, verifier: TestClient, version_id: uuid.UUID
) -> None:
    lot = begin_lot(verifier)
    run_twenty_days(site, lot)
    run(technician, lot, 4.0)
    refused = verifier.post(f"/api/v1/controls/{lot['id']}/end", json={"reason": "inconvenient"})
    assert (refused.status_code, refused.json()["code"]) == (409, "control_locked")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "control_run"),
        ({"rigidity_score": 31.0}, "control_value"),
        ({"rigidity_score": 3.0, "sample_id": str(uuid.uuid4())}, "control_run"),
        ({"rigidity_score": 3.0, "measured_at": "2999-01-01T00:00:00Z"}, "control_time"),
        ({"sample_id": str(uuid.uuid4())}, "sample_unknown"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused(
    technician: TestClient, verifier: TestClient, body: dict[str, object], code: str
) -> None:
    lot = begin_lot(verifier)
    answer = technician.post(f"/api/v1/controls/{lot['id']}/runs", json=body)
    assert answer.json()["code"] == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": "wet", "name": "old", "expires_on": "2020-01-01"}, "control_expiry"),
        ({"kind": "wet", "name": "Fixed cells, lot 1", "expires_on": NEXT_YEAR}, "control_exists"),
        ({"kind": "digital", "name": "ours", "image_ids": [str(uuid.uuid4())]}, "not_permitted"),
        ({"kind": "other", "name": "x"}, "invalid_request"),
    ],
)
def test_a_control_that_makes_no_sense_is_refused(
    verifier: TestClient, body: dict[str, object], code: str
) -> None:
    begin_lot(verifier)
    assert verifier.post("/api/v1/controls", json=body).json()["code"] == code


def test_an_administrator_is_told_which_images_cannot_be_sealed(site: Site) -> None:
    body = {"kind": "digital", "name": "ours", "image_ids": [str(uuid.uuid4())]}
    refused = site.as_role(Role.ADMINISTRATOR).post("/api/v1/controls", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "control_images")


def test_without_a_control_or_a_run_release_is_barred_as_unknown(
    site: Site, version_id: uuid.UUID
) -> None:
    found = conditions(site, version_id)
    assert found["digital_control_current"].holds is None
    assert found["digital_control_exact"].holds is None
    with transaction(site.sessions) as session:
        install_shipped_control(session)
    again = conditions(site, version_id)
    assert again["digital_control_current"].holds is None
    assert "never run" in again["digital_control_current"].message


def test_where_the_site_wants_none_the_wet_control_bars_nothing_and_is_not_asked(
    site: Site, technician: TestClient, verifier: TestClient, version_id: uuid.UUID
) -> None:
    lot = begin_lot(verifier)
    run_twenty_days(site, lot)
    run(technician, lot, 4.0)
    with transaction(site.sessions) as session:
        found = control_conditions(session, model_version_id=version_id)
    assert [one.code for one in found] == [
        "digital_control_current", "digital_control_exact", "control_rules",
    ]  # fmt: skip
    assert found[2].holds


def test_another_network_begins_another_series(
    site: Site, technician: TestClient, verifier: TestClient, version_id: uuid.UUID
) -> None:
    lot = begin_lot(verifier)
    run_twenty_days(site, lot)
    with transaction(site.sessions) as session:
        old = session.get_one(ModelVersion, version_id)
        old.state = "retired"
        session.flush()
        new = ModelVersion(
            name="new", sha256="b" * 64, manifest={}, is_demonstration=False, state="active"
        )
        session.add(new)
        session.flush()
        new_id = new.id
    run(technician, lot, 4.0)
    found = details(technician, lot)
    assert [one["model_version"] for one in found["series"]] == ["new", "active"]
    assert found["open_rules"] == []
    assert conditions(site, new_id)["control_limits_final"].holds is False


def test_sealed_images_are_run_by_workers_and_take_no_value(
    site: Site, technician: TestClient, version_id: uuid.UUID
) -> None:
    with transaction(site.sessions) as session:
        control_id = install_shipped_control(session).id
    path = f"/api/v1/controls/{control_id}/runs"
    refused = technician.post(path, json={"rigidity_score": 3.0})
    assert refused.json()["code"] == "control_digital"
    asked = technician.post(path, json={})
    assert (asked.status_code, asked.json()["state"]) == (201, "queued")
    assert asked.json()["job_id"]
