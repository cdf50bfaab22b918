"""The pages of model versions: the card, the forms that decide, the password asked for again."""

import datetime as dt
import uuid
from pathlib import Path

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import BrowserSession
from app.security.permissions import SYSTEM, Role
from app.services import accounts, promotions, references
from app.services.analyses import request_analysis
from app.services.references import EnteredReference
from tests.candidates import add_candidate, figures
from tests.integration.conftest import Site
from tests.laboratory import NEEDS, Laboratory, open_laboratory, some_donor

PASSWORD = "seven quiet herons"
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def laboratory(site: Site, database_url: str, tmp_path: Path) -> Laboratory:
    return open_laboratory(site.sessions, database_url, tmp_path)


def signed_in(site: Site, role: Role = Role.ADMINISTRATOR) -> TestClient:
    with transaction(site.sessions) as session:
        account = accounts.create_account(session, SYSTEM, name=f"the {role}", role=role)
        link = accounts.make_sign_in_link(session, SYSTEM, account.id)
    client = site.client()
    client.headers.update(SAME_SITE)
    assert client.post(link, data={"password": PASSWORD}).status_code == 303
    return client


@pytest.fixture
def admin(site: Site) -> TestClient:
    return signed_in(site)


def leave_alone(site: Site, minutes: int = 6) -> None:
    """Let every browser have proven itself that long ago."""
    then = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes)
    with transaction(site.sessions) as session:
        session.execute(update(BrowserSession).values(reauthenticated_at=then))


def live_name(site: Site) -> str:
    with transaction(site.sessions) as session:
        return promotions.live_at(session).name


@pytest.fixture
def candidate(laboratory: Laboratory) -> uuid.UUID:
    version_id = add_candidate(laboratory, "autumn", metrics=figures())
    laboratory.run_queue()
    return version_id


def test_a_version_is_activated_with_the_password_and_rolled_back_from_the_list(
    site: Site, candidate: uuid.UUID, admin: TestClient
) -> None:
    leave_alone(site)
    address = f"/model-versions/{candidate}"
    assert "No figures are compared" in admin.get(address).text
    form = {"reason": "The first of our own.", "password": PASSWORD}
    assert admin.post(f"{address}/activate", data=form).headers["location"] == address
    assert live_name(site) == "autumn"

    listed = admin.get("/model-versions").text
    assert "Roll back to demonstration" in listed
    assert "The first of our own." in listed
    shipped = listed.partition('action="/model-versions/')[2][:36]
    form = {"reason": "Everyone reads stiff.", "password": PASSWORD}
    back = admin.post(f"/model-versions/{shipped}/activate", data=form)
    assert back.status_code == 303
    assert live_name(site) == "demonstration"
    assert "Rollback" in admin.get("/model-versions").text


@pytest.mark.parametrize(
    ("password", "told"),
    [("", "type your password again"), ("nobody's words here", "The password is not right")],
)
def test_an_old_session_without_the_right_password_changes_nothing(
    site: Site, candidate: uuid.UUID, admin: TestClient, password: str, told: str
) -> None:
    leave_alone(site)
    form = {"reason": "Kept in the form.", "password": password}
    refused = admin.post(f"/model-versions/{candidate}/activate", data=form)
    assert refused.status_code == 422
    assert told in refused.text
    assert "Kept in the form." in refused.text
    assert "nobody's words here" not in refused.text, "a password typed is never sent back"
    assert live_name(site) == "demonstration"


def test_the_rest_door_asks_a_browser_too_but_no_key(
    site: Site, candidate: uuid.UUID, admin: TestClient
) -> None:
    leave_alone(site)
    address = f"/api/v1/model-versions/{candidate}/activate"
    refused = admin.post(address, json={"reason": "No password."})
    assert (refused.status_code, refused.json()["code"]) == (403, "reauthentication_needed")
    with_it = admin.post(address, json={"reason": "With it.", "password": PASSWORD})
    assert (with_it.status_code, with_it.json()["state"]) == (200, "active")
    key = site.as_role(Role.ADMINISTRATOR)
    again = key.post(address, json={"reason": "Again."})
    assert (again.status_code, again.json()["code"]) == (409, "model_version_active")


def test_a_failed_gate_is_shown_rule_by_rule_and_overridden_by_name(
    site: Site, laboratory: Laboratory, candidate: uuid.UUID, admin: TestClient
) -> None:
    admin.post(f"/model-versions/{candidate}/activate", data={"reason": "First."})
    worse = add_candidate(laboratory, "winter", metrics=figures(calibration_error=0.3))
    laboratory.run_queue()
    address = f"/model-versions/{worse}"
    shown = admin.get(address).text
    assert "Calibration error 0.300" in shown
    assert "Does not hold" in shown
    refused = admin.post(f"{address}/activate", data={"reason": "Winter."})
    assert refused.status_code == 409
    form = {"reason": "A new camera.", "override": "yes"}
    assert admin.post(f"{address}/activate", data=form).status_code == 303
    history = admin.get(address).text
    assert "Overridden:" in history
    assert "Calibration" in history


def test_a_technician_sees_the_card_and_no_form(
    site: Site, candidate: uuid.UUID, laboratory: Laboratory
) -> None:
    technician = signed_in(site, Role.TECHNICIAN)
    shown = technician.get(f"/model-versions/{candidate}")
    assert shown.status_code == 200
    assert "An administrator activates model versions." in shown.text
    assert 'name="reason"' not in shown.text
    posted = technician.post(f"/model-versions/{candidate}/activate", data={"reason": "I may."})
    assert posted.status_code == 403


def test_a_preview_is_asked_for_again_and_a_candidate_retired(
    site: Site, laboratory: Laboratory, candidate: uuid.UUID, admin: TestClient
) -> None:
    address = f"/model-versions/{candidate}"
    assert admin.post(f"{address}/impact").headers["location"] == f"{address}#impact"
    assert "It waits for a worker." in admin.get(address).text
    laboratory.run_queue()
    assert "There is no scored sample to try it on" in admin.get(address).text
    assert admin.post(f"{address}/retire", data={"reason": "Mix-up."}).status_code == 303
    assert "Mix-up." in admin.get(address).text


def test_samples_are_locked_and_unlocked_on_the_list(
    site: Site, laboratory: Laboratory, admin: TestClient
) -> None:
    sample_id = laboratory.take_sample("D-077")
    laboratory.send_drawn(sample_id, some_donor("D-077"), images_per_well=2)
    with transaction(site.sessions) as session:
        request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
        entered = EnteredReference(rigidity_score=3.2)
        references.add_reference(session, SYSTEM, sample_id, entered, run_sd=0.17)
    laboratory.run_queue()
    assert f'<option value="{sample_id}">D-077' in admin.get("/model-versions").text

    form = {"sample_id": str(sample_id), "reason": "Measured twice."}
    locked = admin.post("/model-versions/locked-samples", data=form)
    assert locked.headers["location"] == "/model-versions#locked"
    shown = admin.get("/model-versions").text
    assert "Measured twice." in shown
    assert f'<option value="{sample_id}">' not in shown
    unlock = f"/model-versions/locked-samples/{sample_id}/unlock"
    assert admin.post(unlock, data={"reason": "Thawed."}).status_code == 303
    assert "Nobody has locked samples" in admin.get("/model-versions").text
    nonsense = admin.post("/model-versions/locked-samples", data=form | {"sample_id": "x"})
    assert nonsense.status_code == 404


def test_figures_of_held_out_wells_are_called_so(laboratory: Laboratory, admin: TestClient) -> None:
    data = {"kind": "sorted wells", "holdout": "well", "n_folds": 2}
    version_id = add_candidate(laboratory, "wells", metrics=figures(), data=data)
    shown = admin.get(f"/model-versions/{version_id}").text
    assert "On wells it never saw" in shown
    assert "they flatter" in shown
