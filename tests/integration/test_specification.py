"""The contract holds for whatever is sent: no server error, no answer that it does not name."""

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import pytest
from schemathesis.python.asgi import ASGIClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import Account, Analysis, Cell, Control, Job, ModelVersion
from app.domain.imaging.scan_image import write_bmp
from app.main import create_app
from app.security.permissions import SYSTEM, Role
from app.services import api_keys, browser_sessions
from app.services.signing import account_id_of
from tests.integration.conftest import BASE_URL, SIDE_PX
from tests.integration.one_of_each import training_run
from tests.integration.signed_samples import SignedSample
from tests.integration.specification import Asker, Findings, Ids, examine, published_schema

FEW, MANY = 3, 100


def credentials(sample: SignedSample, role: Role) -> dict[str, str]:
    """A key of the role; for a verifier, who can have none, a signed-in browser."""
    with transaction(sample.laboratory.sessions) as session:
        if role != Role.VERIFIER:
            made = api_keys.create_key(session, SYSTEM, name="generated", role=role)
            return {"Authorization": f"Bearer {made.token}"}
        account = session.get_one(Account, account_id_of(sample.verifier))
        cookie = browser_sessions.start(session, account).token
        return {"Cookie": f"pliant={cookie}", "Sec-Fetch-Site": "same-origin"}


def known_ids(admin: TestClient, own: TestClient, sample: SignedSample) -> dict[str, str]:
    """Records that exist: a scored sample's, a training run, and an image that the role sent."""
    profile = {"name": "tiny", "um_per_px": 0.1825, "width": SIDE_PX, "height": SIDE_PX}
    profile_id = _made(admin, "/api/v1/instrument-profiles", profile)
    own_id = _made(own, "/api/v1/samples", {"donor_code": "D-1", "container": "segment"})
    well = {"outlet": "unsorted", "profile_id": profile_id}
    well_id = _made(own, f"/api/v1/samples/{own_id}/wells", well)
    data = write_bmp(np.full((SIDE_PX, SIDE_PX), 128, dtype=np.uint8))
    sha256 = hashlib.sha256(data).hexdigest()
    sent = own.put(f"/api/v1/wells/{well_id}/images/{sha256}", content=data)
    image_id = sent.raise_for_status().json()["id"]
    with transaction(sample.laboratory.sessions) as session:
        ids = {
            "sample_id": session.scalars(select(Analysis.sample_id)).first(),
            "analysis_id": _any_id(session, Analysis),
            "cell_id": _any_id(session, Cell),
            "version_id": _any_id(session, ModelVersion),
            "control_id": _any_id(session, Control),
        }
        known = {name: str(value) for name, value in ids.items()} | _more_ids(session)
    known |= _messages_of(own if own.get("/api/v1/webhooks").status_code == 200 else admin)
    if own.get(f"/api/v1/samples/{known['sample_id']}").status_code == 404:
        known["sample_id"] = own_id
    return known | {"well_id": well_id, "sha256": sha256, "image_id": image_id}


def _more_ids(session: Session) -> dict[str, str]:
    """An account, a training run and a key, none of them the asker's own."""
    spare = api_keys.create_key(session, SYSTEM, name="spare", role=Role.LIMS)
    run = training_run(session.scalars(select(Job.id)).first())
    session.add(run)
    session.flush()
    account_id = session.scalars(select(Account.id).where(Account.role == Role.TECHNICIAN)).first()
    return {"key_id": str(spare.key.id), "run_id": str(run.id), "account_id": str(account_id)}


def _messages_of(client: TestClient) -> dict[str, str]:
    new = {"url": "https://1.1.1.1/in", "events": ["sample.released"]}
    webhook_id = _made(client, "/api/v1/webhooks", new)
    delivery_id = _made(client, f"/api/v1/webhooks/{webhook_id}/test", {})
    return {"webhook_id": webhook_id, "delivery_id": delivery_id}


def _any_id(session: Session, table: type[Analysis | Cell | ModelVersion | Control]) -> uuid.UUID:
    return session.scalars(select(table.id)).first() or uuid.UUID(int=0)


def _made(client: TestClient, address: str, body: Mapping[str, object]) -> str:
    return str(client.post(address, json=body).raise_for_status().json()["id"])


def answers(sample: SignedSample, role: Role, *, n_examples: int) -> Findings:
    app = create_app(sample.laboratory.context.settings)
    asker = Asker(ASGIClient(cast("Any", app)), lambda: credentials(sample, role))
    own = credentials(sample, role)
    asker.client.headers.update(own)
    with TestClient(app, BASE_URL, headers=credentials(sample, Role.ADMINISTRATOR)) as admin:
        known: Ids = known_ids(admin, TestClient(app, BASE_URL, headers=own), sample)
        return examine(published_schema(app), asker, known=known, n_examples=n_examples)


@pytest.mark.parametrize("role", Role)
def test_generated_requests_get_documented_answers_and_no_server_error(
    sample_to_sign: SignedSample, role: Role
) -> None:
    findings = answers(sample_to_sign, role, n_examples=FEW)
    assert not findings.complaints, str(findings)
    assert {200, 404, 422} <= findings.statuses.keys(), "nothing was really asked"


@pytest.mark.extended
@pytest.mark.parametrize("role", Role)
def test_many_generated_requests_get_documented_answers(
    sample_to_sign: SignedSample, role: Role
) -> None:
    findings = answers(sample_to_sign, role, n_examples=MANY)
    print(role, findings.n_requests, dict(sorted(findings.statuses.items())))  # noqa: T201  a figure
    assert not findings.complaints, str(findings)
    assert findings.statuses[401] < findings.n_requests / 10, "much was asked by nobody"
