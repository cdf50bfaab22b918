"""A request may be sent as often as the network needs it: one row, one answer."""

import concurrent.futures
import json
import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2
import pytest
from sqlalchemy import func, select

from app.db.session import transaction
from app.db.tables import AuditEntry, IdempotentAnswer, Sample
from app.main import openapi_document
from app.security.permissions import Principal, Role
from app.services import api_keys, idempotency
from tests.integration.conftest import Site
from tests.integration.live_site import served

SAMPLE = {"donor_code": "D-0042", "container": "citrate_tube", "din": "=A99992112345663"}
N_TWINS = 50
NOT_CREATING = {
    "activate", "cancel", "crop-sheets", "disable", "enable", "end", "end-sessions", "impact",
    "retire", "revoke", "role", "unlock", "withdraw",
}  # fmt: skip
"""Last words of calls that change a state, and change it to the same when they are repeated."""


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    with served(site) as address:
        yield address


def count(site: Site, table: type[Sample | IdempotentAnswer]) -> int:
    with transaction(site.sessions) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_fifty_identical_requests_at_once_make_one_row_and_get_one_answer(
    site: Site, address: str
) -> None:
    headers = {"Authorization": f"Bearer {site.key(Role.LIMS)}", "Idempotency-Key": "order-17"}
    together = threading.Barrier(N_TWINS)

    def send(_: int) -> httpx2.Response:
        with httpx2.Client(base_url=address, headers=headers, timeout=60) as client:
            together.wait()
            return client.post("/api/v1/samples", json=SAMPLE)

    with concurrent.futures.ThreadPoolExecutor(N_TWINS) as pool:
        answers = list(pool.map(send, range(N_TWINS)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert (count(site, Sample), count(site, IdempotentAnswer)) == (1, 1)
    with transaction(site.sessions) as session:
        made = select(AuditEntry).where(AuditEntry.action == "sample.created")
        assert len(session.scalars(made).all()) == 1


def test_a_retry_after_a_lost_answer_gets_it(site: Site, address: str) -> None:
    """The first one's sender is gone before a byte of the answer can reach it."""
    token, body = site.key(Role.LIMS), json.dumps(SAMPLE).encode()
    head = (
        f"POST /api/v1/samples HTTP/1.1\r\nHost: pliant\r\nAuthorization: Bearer {token}\r\n"
        f"Idempotency-Key: order-18\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port)) as connection:
        connection.sendall(head.encode() + body)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "order-18"}
    # Whether the lost one was done, is being done, or never was: the retry need not know.
    answers = [
        httpx2.post(f"{address}/api/v1/samples", json=SAMPLE, headers=headers, timeout=60)
        for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == 3 * [201]
    assert len({answer.content for answer in answers}) == 1
    assert count(site, Sample) == 1


def test_a_twin_that_waits_too_long_is_told_to_come_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "PATIENCE_SECONDS", 0.2)
    token = site.key(Role.LIMS)
    client = site.client(token)
    headers = {"Idempotency-Key": "order-19"}
    with transaction(site.sessions) as session:
        first = idempotency.Request(
            principal_of(site, token), "POST /api/v1/samples", "order-19", b""
        )
        assert idempotency.earlier_answer(session, first) is None
        answer = client.post("/api/v1/samples", json=SAMPLE, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_in_flight")
        other = client.post("/api/v1/samples", json=SAMPLE, headers={"Idempotency-Key": "order-20"})
        assert other.status_code == 201, "nobody else waits"
    assert client.post("/api/v1/samples", json=SAMPLE, headers=headers).status_code == 201


def principal_of(site: Site, token: str) -> Principal:
    with transaction(site.sessions) as session:
        return api_keys.authenticate(session, token)


def test_a_refused_request_is_not_remembered(site: Site) -> None:
    client, headers = site.as_role(Role.LIMS), {"Idempotency-Key": "order-21"}
    wrong = SAMPLE | {"din": "=A99992112345664"}
    assert client.post("/api/v1/samples", json=wrong, headers=headers).status_code == 422
    assert client.post("/api/v1/samples", json=SAMPLE, headers=headers).status_code == 201


def test_a_password_is_no_part_of_what_is_remembered(site: Site) -> None:
    """A fast hash over a known text and a short secret would give the secret away."""
    client, headers = site.as_role(Role.ADMINISTRATOR), {"Idempotency-Key": "ann-1"}
    ann = {"name": "Ann", "role": "technician"}
    first, again = (
        client.post("/api/v1/accounts", json=ann | {"password": word}, headers=headers)
        for word in ("the first word", "another word")
    )
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    other = client.post("/api/v1/accounts", json=ann | {"role": "verifier"}, headers=headers)
    assert other.json()["code"] == "idempotency_key_reused"


def test_every_creating_call_takes_a_key() -> None:
    for path, methods in openapi_document()["paths"].items():
        call = methods.get("post")
        if call is None or path.rpartition("/")[2] in NOT_CREATING:
            continue
        names = {parameter["name"] for parameter in call.get("parameters", ())}
        assert "Idempotency-Key" in names, path
        assert {"409", "422"} <= set(call["responses"]), path
