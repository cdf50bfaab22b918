"""A LIMS, played with plain HTTP: from a scanned label to a result that is corrected later."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import hl7
import httpx2
import pytest
from fhir.resources.R4B.bundle import Bundle
from hl7apy.parser import parse_message
from standardwebhooks import Webhook

from app.db.session import SessionMaker
from tests.end_to_end.lims_site import LimsSite, draw_wells, running_lims_site
from tests.receivers import Received, Receiver, running_receiver

SCAN = "=A99992112345663"
DIN = "A999921123456"
PATIENCE_SECONDS = 60.0

Found = TypeVar("Found")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as running:
        yield running


@pytest.fixture
def site(
    sessions: SessionMaker, database_url: str, tmp_path: Path, receiver: Receiver
) -> Iterator[LimsSite]:
    folder = tmp_path / "site"
    with running_lims_site(sessions, database_url, folder, receiver_port=receiver.port) as running:
        yield running


@pytest.fixture
def lims(site: LimsSite) -> Iterator[httpx2.Client]:
    with site.client() as client:
        yield client


def eventually(what: Callable[[], Found | None]) -> Found:
    limit = time.monotonic() + PATIENCE_SECONDS
    while (found := what()) is None:
        assert time.monotonic() < limit, "it did not come"
        time.sleep(0.1)
    return found


def made(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.status_code in (200, 201, 202), answer.text
    body: dict[str, Any] = answer.json()
    return body


def heard(receiver: Receiver, kind: str) -> Received:
    """The one message of this kind, waited for."""

    def find() -> Received | None:
        return next((one for one in receiver.accepted if one.message["type"] == kind), None)

    return eventually(find)


def test_a_lims_sends_a_sample_and_hears_of_its_result_and_of_its_correction(
    site: LimsSite, lims: httpx2.Client, receiver: Receiver, tmp_path: Path
) -> None:
    secret = subscribe(lims, receiver)
    sample = send_sample(lims, site, tmp_path)
    assert verified(receiver, secret, "sample.scored")["sample_id"] == sample
    refused = lims.get(f"/samples/{sample}/fhir")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_released")

    site.hand_in_and_release(sample)
    released = verified(receiver, secret, "sample.released")
    assert (released["sample_id"], released["report_version"]) == (sample, 1)
    score = made(lims.get(f"/samples/{sample}/score"))
    read_fhir(lims.get(f"/samples/{sample}/fhir"), score, status="final")
    read_hl7(lims.get(f"/samples/{sample}/hl7"), score, status="F")

    site.amend(sample, "the reference was on another donor")
    amended = verified(receiver, secret, "sample.amended")
    assert (amended["sample_id"], amended["report_version"]) == (sample, 2)
    assert amended["sequence"] > released["sequence"]
    read_fhir(lims.get(f"/samples/{sample}/fhir"), score, status="amended")
    read_hl7(lims.get(f"/samples/{sample}/hl7"), score, status="C")
    assert delivered(lims) == {"sample.scored", "sample.released", "sample.amended"}


def subscribe(lims: httpx2.Client, receiver: Receiver) -> str:
    events = ["sample.scored", "sample.released", "sample.amended"]
    return str(made(lims.post("/webhooks", json={"url": receiver.url, "events": events}))["secret"])


def send_sample(lims: httpx2.Client, site: LimsSite, folder: Path) -> str:
    """A scanned label, two wells of images, an analysis; its id once there is a score."""
    facts = {
        "donor_code": "D-0042",
        "din": SCAN,
        "accession_number": "ACC-0042",
        "container": "segment",
        "sampled_at": "2026-11-22T09:30:00-08:00",
    }
    headers = {"Idempotency-Key": "order-0042"}
    sample = made(lims.post("/samples", json=facts, headers=headers))
    assert (sample["din"], sample["din_is_checked"], sample["din_entry"]) == (DIN, True, "scan")
    assert made(lims.post("/samples", json=facts, headers=headers))["id"] == sample["id"]
    for number, well_folder in enumerate(draw_wells(folder / "images"), start=1):
        wanted = {"outlet": "unsorted", "number": number, "profile_id": site.profile_id}
        well = made(lims.post(f"/samples/{sample['id']}/wells", json=wanted))
        for path in sorted(well_folder.iterdir()):
            send_image(lims, well["id"], path)
    request = lims.post(f"/samples/{sample['id']}/analyses")
    assert request.status_code == 202, request.text
    address = request.headers["location"].removeprefix("/api/v1")
    eventually(lambda: lims.get(address).json()["state"] == "done" or None)
    return str(sample["id"])


def send_image(lims: httpx2.Client, well_id: str, path: Path) -> None:
    data = path.read_bytes()
    address = f"/wells/{well_id}/images/{hashlib.sha256(data).hexdigest()}"
    assert lims.head(address).status_code == 404
    assert lims.put(address, params={"filename": path.name}, content=data).status_code == 201
    assert lims.head(address).status_code == 200


def verified(receiver: Receiver, secret: str, kind: str) -> dict[str, Any]:
    """What the event says, once somebody else's library took its signature."""
    received = heard(receiver, kind)
    message = Webhook(secret).verify(received.body, received.headers)
    assert message == json.loads(received.body)
    data: dict[str, Any] = message["data"]
    return data


def read_fhir(answer: httpx2.Response, score: dict[str, Any], *, status: str) -> None:
    """By the FHIR models, which refuse what R4 does not allow."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/fhir+json")
    bundle = Bundle.model_validate_json(answer.content)
    by_type: dict[str, list[Any]] = {}
    for entry in bundle.entry or ():
        assert entry.resource is not None
        by_type.setdefault(entry.resource.get_resource_type(), []).append(entry.resource)
    (report,), (specimen,) = by_type["DiagnosticReport"], by_type["Specimen"]
    assert report.status == status
    named = {one.value for one in specimen.identifier}
    assert {"ACC-0042", DIN} <= named | {specimen.accessionIdentifier.value}
    values = [one.valueQuantity.value for one in by_type["Observation"] if one.valueQuantity]
    assert any(abs(float(value) - score["rigidity_score"]) < 0.005 for value in values)


def read_hl7(answer: httpx2.Response, score: dict[str, Any], *, status: str) -> None:
    """By two parsers that know nothing of each other."""
    assert answer.status_code == 200, answer.text
    text = answer.text
    message = hl7.parse(text)
    assert str(message.segment("MSH")[9]).startswith("ORU^R01")
    assert str(message.segment("OBR")[2]) == str(message.segment("OBR")[3]) == "ACC-0042"
    assert str(message.segment("SPM")[2]).startswith(DIN) or DIN in str(message.segment("SPM"))
    numbers = [one for one in message.segments("OBX") if str(one[2]) == "NM" and str(one[5])]
    assert f"{score['rigidity_score']:.2f}" in {f"{float(str(one[5])):.2f}" for one in numbers}
    assert {str(one[11]) for one in numbers} == {status}
    parsed = parse_message(text.replace("\n", "\r"), find_groups=False)
    assert parsed.msh.msh_9.value.startswith("ORU^R01")


def delivered(lims: httpx2.Client) -> set[str]:
    """What the log says arrived; nothing else waits."""
    (webhook,) = made(lims.get("/webhooks"))["items"]
    log = made(lims.get(f"/webhooks/{webhook['id']}/deliveries"))["items"]
    assert {one["state"] for one in log} <= {"acknowledged", "confirmed"}
    return {one["event"] for one in log}
