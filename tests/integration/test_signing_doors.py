"""Signing over HTTP and on pages: who gets through the door, and what a person is shown."""

import contextlib
import re
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import Account, AuditEntry, BrowserSession
from app.main import create_app
from app.security.permissions import SYSTEM, Principal, Role
from app.services import api_keys, browser_sessions
from app.services.signing import MOST_REFUSALS, account_id_of
from tests.integration.conftest import BASE_URL
from tests.integration.signed_samples import PASSWORD, SignedSample

Visit = Callable[[Principal | Role], TestClient]


@pytest.fixture
def visit(sample_to_sign: SignedSample) -> Iterator[Visit]:
    """Yield a maker of clients: a person's signed-in browser, or a key of a role."""
    app = create_app(sample_to_sign.laboratory.context.settings)

    def client(who: Principal | Role) -> TestClient:
        made = TestClient(app, BASE_URL, follow_redirects=False)
        with transaction(sample_to_sign.laboratory.sessions) as session:
            if isinstance(who, Role):
                token = api_keys.create_key(session, SYSTEM, name="key", role=who).token
                made.headers["Authorization"] = f"Bearer {token}"
            else:
                account = session.get_one(Account, account_id_of(who))
                made.cookies.set("pliant", browser_sessions.start(session, account).token)
                made.headers["Sec-Fetch-Site"] = "same-origin"
        return made

    with contextlib.ExitStack() as stack:
        stack.enter_context(TestClient(app))  # runs the lifespan
        yield client


def words(page: str) -> str:
    """What a reader sees of a page, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_a_result_goes_out_by_rest(sample_to_sign: SignedSample, visit: Visit) -> None:
    sample = sample_to_sign
    address = f"/api/v1/samples/{sample.id}"
    technician, verifier = visit(sample.technician), visit(sample.verifier)
    analysis_id = technician.get(f"{address}/score").json()["analysis_id"]
    submitted = technician.post(f"{address}/submit", json={"analysis_id": analysis_id})
    assert (submitted.status_code, submitted.json()["state"]) == (201, "submitted")
    standing = verifier.get(f"{address}/conditions").json()
    waiting = [one["code"] for one in standing["conditions"] if one["may_be_acknowledged"]]
    body = {
        "password": PASSWORD,
        "analysis_id": standing["analysis_id"],
        "evidence_sha256": standing["evidence_sha256"],
    }
    refused = verifier.post(f"{address}/release", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "conditions_open")
    assert {one["code"] for one in refused.json()["conditions"]} <= set(waiting)
    for one in refused.json()["conditions"]:
        word = {"code": one["code"], "reason": "seen"}
        assert verifier.post(f"{address}/acknowledgements", json=word).status_code == 201
    assert (
        verifier.post(f"{address}/release", json=body | {"evidence_sha256": "0" * 64}).json()[
            "code"
        ]
        == "evidence_changed"
    )
    keyed = {"Idempotency-Key": "release-1"}
    released = verifier.post(f"{address}/release", json=body, headers=keyed)
    assert (released.status_code, released.json()["report"]["version"]) == (201, 1)
    again = verifier.post(f"{address}/release", json=body, headers=keyed)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == released.json()
    told = technician.get(f"{address}/reports/1").json()
    assert (told["status"], told["is_demonstration"]) == ("final", True)
    assert technician.get(f"{address}/score").json()["released_at"] == told["issued_at"]
    assert verifier.get(f"{address}/reports/1/verification").json()["is_whole"] is True
    found = technician.get("/api/v1/samples", params={"state": "released"}).json()["items"]
    assert [one["id"] for one in found] == [str(sample.id)]
    acts = [one["act"] for one in technician.get(f"{address}/signatures").json()["items"]]
    assert acts == ["release", "submit"]


def test_a_key_signs_nothing_and_a_guesser_is_signed_out(
    sample_to_sign: SignedSample, visit: Visit
) -> None:
    sample_to_sign.submit()
    sample_to_sign.acknowledge()
    address = f"/api/v1/samples/{sample_to_sign.id}/release"
    for role in (Role.ADMINISTRATOR, Role.TECHNICIAN, Role.LIMS):
        refused = visit(role).post(address, json={"password": PASSWORD})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    verifier = visit(sample_to_sign.verifier)
    for _ in range(MOST_REFUSALS):
        refused = verifier.post(address, json={"password": "not the right one"})
        assert (refused.status_code, refused.json()["code"]) == (403, "password_refused")
    assert verifier.post(address, json={"password": PASSWORD}).status_code == 401
    with transaction(sample_to_sign.laboratory.sessions) as session:
        refusals = select(AuditEntry).where(AuditEntry.action == "account.password_refused")
        assert len(session.scalars(refusals).all()) == MOST_REFUSALS
        open_sessions = select(BrowserSession).where(BrowserSession.ended_at.is_(None))
        assert session.scalars(open_sessions).all() == []
    assert sample_to_sign.state() == "submitted"


def test_a_technician_hands_in_and_a_verifier_signs_on_pages(
    sample_to_sign: SignedSample, visit: Visit
) -> None:
    sample, address = sample_to_sign, f"/samples/{sample_to_sign.id}"
    technician, verifier = visit(sample.technician), visit(sample.verifier)
    page = technician.get(address).text
    assert "not handed in yet" in words(page)
    early = words(verifier.get(f"{address}/signing").text)
    assert "not handed in yet" in early
    assert "Go to the result" in early
    shown = re.findall(r'name="analysis_id" value="([^"]+)"', page)
    assert technician.post(f"{address}/submit", data={"analysis_id": shown[0]}).status_code == 303
    assert "Handed in by Tom" in words(technician.get(address).text)
    assert "No images can be added any more" in technician.get(f"{address}/upload").text
    assert "cells stay as they are" in technician.get(f"{address}/cells").text
    signing = verifier.get(f"{address}/signing").text
    assert "Go to the result" not in signing
    for code in re.findall(r'name="code" value="([^"]+)"', signing):
        word = {"code": code, "reason": "looked at it"}
        assert verifier.post(f"{address}/acknowledgements", data=word).status_code == 303
    signing = verifier.get(f"{address}/signing").text
    form = dict(
        re.findall(r'name="(analysis_id|evidence_sha256|meaning)" value="([^"]*)"', signing)
    )
    form["meaning"] = "approved"
    refused = verifier.post(f"{address}/release", data=form | {"password": "wrong password"})
    assert (refused.status_code, "password is not right" in words(refused.text)) == (403, True)
    assert (
        verifier.post(f"{address}/release", data=form | {"password": PASSWORD}).status_code == 303
    )
    assert "Released by Vera" in words(technician.get(address).text)
    assert "As it was signed" in words(verifier.get(f"{address}/signing").text)
    assert f'href="{address}/lims">What the LIMS is told' in verifier.get(address).text
    amendment = {"change": "withdraw", "reason": "wrong well", "password": PASSWORD}
    assert verifier.post(f"{address}/amend", data=amendment).status_code == 303
    assert "Withdrawn by Vera: wrong well" in words(technician.get(address).text)
