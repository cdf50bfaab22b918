"""A control that breaks a rule locks release; once its cause is recorded, a second person signs."""

import contextlib
import datetime as dt
import io
import re
from collections.abc import Iterator

import pytest
from pypdf import PdfReader
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import Account
from app.main import create_app
from app.security.permissions import Principal
from app.services import browser_sessions
from app.services.signing import account_id_of
from tests.integration.conftest import BASE_URL
from tests.integration.signed_samples import PASSWORD, SignedSample

SOON = (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=100)).isoformat()
STEADY = ("3.05", "2.95", "3.05", "2.95", "3.05")
PLANTED = "9"


@pytest.fixture
def people(sample_to_sign: SignedSample) -> Iterator[tuple[TestClient, TestClient]]:
    """Yield a technician's and a verifier's browser, at a site that runs control cells."""
    laboratory = sample_to_sign.laboratory
    app = create_app(laboratory.context.settings.model_copy(update={"wet_control": True}))

    def browser_of(who: Principal) -> TestClient:
        client = TestClient(app, BASE_URL, follow_redirects=False)
        with transaction(laboratory.sessions) as session:
            account = session.get_one(Account, account_id_of(who))
            client.cookies.set("pliant", browser_sessions.start(session, account).token)
        client.headers["Sec-Fetch-Site"] = "same-origin"
        return client

    with contextlib.ExitStack() as stack:
        stack.enter_context(TestClient(app))  # runs the lifespan
        yield browser_of(sample_to_sign.technician), browser_of(sample_to_sign.verifier)


def test_a_planted_1_3s_locks_release_and_after_the_fix_a_second_person_signs_a_pdf_with_its_hash(
    sample_to_sign: SignedSample, people: tuple[TestClient, TestClient]
) -> None:
    technician, verifier = people
    address = f"/samples/{sample_to_sign.id}"
    control = run_control_cells(verifier, *STEADY, PLANTED)
    hand_in(technician, address)
    locked = give_reasons(verifier, address)
    assert "1-3s" in locked
    assert "Sign and release" not in locked

    said = {"cause": "old cells", "action": "new cells, measured again", "leave_out": "yes"}
    assert verifier.post(f"{control}/resolutions", data=said).status_code == 303
    ready = give_reasons(verifier, address)
    assert "1-3s" not in ready
    form = dict(re.findall(r'name="(analysis_id|evidence_sha256)" value="([^"]*)"', ready))
    signed = form | {"meaning": "approved", "password": PASSWORD}
    assert technician.post(f"{address}/release", data=signed).status_code == 403
    assert verifier.post(f"{address}/release", data=signed).status_code == 303
    assert form["evidence_sha256"][:16] in report(technician, address)


def run_control_cells(verifier: TestClient, *scores: str) -> str:
    """Begin a lot and record its runs; the address of its page."""
    lot = {"name": "Fixed cells", "expires_on": SOON}
    page = verifier.post("/controls", data=lot).headers["location"]
    for score in scores:
        recorded = verifier.post(f"{page}/runs", data={"rigidity_score": score})
        assert recorded.status_code == 303
    return page


def hand_in(technician: TestClient, address: str) -> None:
    [shown] = re.findall(r'name="analysis_id" value="([^"]+)"', technician.get(address).text)
    assert technician.post(f"{address}/submit", data={"analysis_id": shown}).status_code == 303


def give_reasons(verifier: TestClient, address: str) -> str:
    """Say why whatever may be set aside is; what the page to sign on then shows."""
    asked = verifier.get(f"{address}/signing").text
    for code in re.findall(r'name="code" value="([^"]+)"', asked):
        word = {"code": code, "reason": "looked at it"}
        assert verifier.post(f"{address}/acknowledgements", data=word).status_code == 303
    return verifier.get(f"{address}/signing").text


def report(client: TestClient, address: str) -> str:
    [link] = re.findall(r'href="([^"]+)">Report \(PDF\)', client.get(address).text)
    pdf = PdfReader(io.BytesIO(client.get(link).content))
    return "".join("".join(page.extract_text() for page in pdf.pages).split())
