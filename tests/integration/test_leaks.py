"""Every address that names a record, asked for with somebody else's: as if nobody had it."""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from app.db.session import transaction
from app.main import create_app
from app.security.permissions import SYSTEM, Role
from app.services import api_keys
from tests.integration.conftest import BASE_URL
from tests.integration.one_of_each import OWNED, OneOfEach, one_of_each, unknown_ids
from tests.integration.signed_samples import SignedSample
from tests.integration.test_specification import credentials
from tests.integration.test_web_access import MATRIX, OWN_PAGE

REFUSING: Final = frozenset({404, 409, 411, 415, 422})
BODIES: Final[Mapping[str, object]] = {
    "wells": {"outlet": "unsorted", "number": 9},
    "references": {"rigidity_score": 3.0},
    "notes": {"text": "stands out"},
    "withdraw": {"reason": "entered twice"},
    "crop-sheets": {"cell_ids": [str(uuid.UUID(int=7))]},
}
"""Bodies that fit, by the last part of the address, so that a refusal is about the id."""


PICTURES: Final = frozenset(f"/api/v1/images/{{image_id}}/{kind}" for kind in ("pixels", "overlay"))


@dataclass(frozen=True)
class House:
    """One program's records, a second program, and somebody of each role."""

    records: OneOfEach
    owner: TestClient
    stranger: TestClient
    of_role: Mapping[Role, TestClient]


def program(signed: SignedSample, name: str) -> dict[str, str]:
    with transaction(signed.laboratory.sessions) as session:
        made = api_keys.create_key(session, SYSTEM, name=name, role=Role.LIMS)
    return {"Authorization": f"Bearer {made.token}"}


@pytest.fixture
def house(sample_to_sign: SignedSample) -> Iterator[House]:
    app = create_app(sample_to_sign.laboratory.context.settings)

    def client(headers: dict[str, str]) -> TestClient:
        return TestClient(app, BASE_URL, headers=OWN_PAGE | headers, follow_redirects=False)

    of_role = {role: client(credentials(sample_to_sign, role)) for role in Role}
    stranger = client(program(sample_to_sign, "stranger"))
    with client(program(sample_to_sign, "owner")) as owner:
        yield House(one_of_each(sample_to_sign, owner), owner, stranger, of_role)


def addresses() -> list[tuple[str, str, list[str]]]:
    """Method, path and roles of every route that names a record."""
    table = json.loads(MATRIX.read_text())
    named = [(*name.split(), roles) for name, roles in table.items() if "{" in name]
    return [(method, path, roles) for method, path, roles in named if "{token}" not in path]


def ask(client: TestClient, method: str, path: str, ids: Mapping[str, str]) -> Response:
    filled = path.format_map({"name": "size", **ids})
    return client.request(method, filled, json=BODIES.get(path.rpartition("/")[2], {}))


def told(answer: Response) -> tuple[int, str, str]:
    """What an answer says, without what differs on every request."""
    kind = str(answer.headers.get("content-type", ""))
    code = answer.json()["code"] if kind.endswith("problem+json") and answer.content else ""
    return answer.status_code, kind, str(code)


def names_owned(path: str) -> bool:
    return bool(set(re.findall(r"\{(\w+)\}", path)) & set(OWNED))


def leaks(answer: Response, records: OneOfEach, asked: str) -> list[str]:
    """Texts and ids of the records that an answer holds, other than those it was asked with."""
    texts = (*records.secrets, *records.owned().values())
    return [one for one in texts if len(one) > 5 and one in answer.text and one not in asked]


def test_its_owner_sees_each_record(house: House) -> None:
    """Else the tests below would ask for nothing that is there."""
    seen = {
        path: ask(house.owner, method, path, house.records.ids).status_code
        for method, path, roles in addresses()
        if method in ("GET", "HEAD") and Role.LIMS in roles and "events" not in path
    }
    assert len(seen) > 30
    drawn = {path: status for path, status in seen.items() if status == 503}
    assert set(drawn) <= PICTURES, "the fabricated images have rows and no bytes"
    assert set(seen.values()) - {503} == {200}, seen


def test_another_programs_records_answer_like_records_that_nobody_has(house: House) -> None:
    n_asked, nobodys = 0, unknown_ids()
    for method, path, roles in addresses():
        if Role.LIMS not in roles or not names_owned(path):
            continue
        foreign = ask(house.stranger, method, path, house.records.ids)
        unknown = ask(house.stranger, method, path, nobodys)
        assert told(foreign) == told(unknown), f"{method} {path} tells the two apart"
        assert foreign.status_code in REFUSING, f"{method} {path} gave {foreign.status_code}"
        asked = path.format_map(house.records.ids)
        assert not leaks(foreign, house.records, asked), f"{method} {path}"
        n_asked += 1
    assert n_asked > 50, "the table names that many"


def test_what_a_role_may_not_do_is_refused_before_anybody_looks(house: House) -> None:
    n_asked, nobodys = 0, unknown_ids()
    for method, path, roles in addresses():
        for role in set(Role) - {Role(name) for name in roles}:
            client = house.of_role[role]
            real = ask(client, method, path, house.records.ids)
            unknown = ask(client, method, path, nobodys)
            assert told(real) == told(unknown), f"{role}: {method} {path}"
            assert real.status_code == 403, f"{role}: {method} {path} gave {real.status_code}"
            asked = path.format_map({"name": "size", **house.records.ids})
            assert not leaks(real, house.records, asked), f"{role}: {method} {path}"
            n_asked += 1
    assert n_asked > 80


def test_a_foreign_record_is_not_reached_through_an_own_one(house: House) -> None:
    """Addresses that name two records: the first is the caller's, the second is not."""
    webhook = {"url": "https://1.1.1.1/mine", "events": ["sample.released"]}
    own = house.stranger.post("/api/v1/webhooks", json=webhook).raise_for_status().json()["id"]
    foreign = house.records.ids | {"webhook_id": own}
    nobodys = unknown_ids() | {"webhook_id": own}
    for path in (
        "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
        "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    ):
        answers = [ask(house.stranger, "POST", path, ids) for ids in (foreign, nobodys)]
        assert told(answers[0]) == told(answers[1])
        assert answers[0].status_code == 404, path
    new = {"donor_code": "D-2", "container": "segment"}
    sample_id = house.stranger.post("/api/v1/samples", json=new).raise_for_status().json()["id"]
    path = f"/api/v1/samples/{sample_id}/crop-sheets"
    sheets = [
        house.stranger.post(path, json={"cell_ids": [ids["cell_id"]]}) for ids in (foreign, nobodys)
    ]
    assert told(sheets[0]) == told(sheets[1])
    assert sheets[0].status_code == 404


def test_no_list_and_no_search_holds_a_foreign_record(house: House) -> None:
    searches = (
        "/api/v1/samples", "/api/v1/samples?accession_number=ACC-7741", "/api/v1/webhooks",
        "/api/v1/samples?donor_code=D-1", "/api/v1/unit-history?donor_code=D-1",
        "/api/v1/agreement", "/samples", "/samples?q=ACC-7741", "/agreement", "/webhooks",
        "/unit-history?donor_code=D-1",
    )  # fmt: skip
    for path in searches:
        own, foreign = house.owner.get(path), house.stranger.get(path)
        assert not leaks(foreign, house.records, path), path
        assert own.status_code == 200, path
        assert foreign.status_code in (200, 404), path
    seen = "".join(house.owner.get(path).text for path in searches)
    ids = house.records.ids
    for name in ("sample_id", "webhook_id", "pair_id"):
        assert ids[name] in seen, f"no list shows its owner the {name}"
