"""Samples and wells over HTTP: what is taken in, what is refused, how lists and retries behave."""

import concurrent.futures
import datetime as dt
import json
from typing import Any, Final

import httpx2
import psycopg
import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.exc import DBAPIError
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import AuditEntry, Donor, IdempotentAnswer, Sample
from app.security.permissions import SYSTEM, Role
from app.services import instrument_profiles, samples
from tests.integration.conftest import Site

SAMPLE = {"donor_code": "D-0042", "container": "citrate_tube"}


def post(client: TestClient, **changes: Any) -> httpx2.Response:  # noqa: ANN401
    return client.post("/api/v1/samples", json=SAMPLE | changes)


def test_a_sample_is_taken_in_and_found_again(technician: TestClient) -> None:
    answer = post(
        technician,
        din="=A99992112345663",
        accession_number="ACC-7",
        collected_on="2026-11-01",
        sampled_at="2026-11-15T23:30:00-08:00",
        additive="SAGM",
    )
    assert answer.status_code == 201, answer.text
    sample = answer.json()
    assert answer.headers["location"] == f"/api/v1/samples/{sample['id']}"
    assert (sample["din"], sample["din_is_checked"]) == ("A999921123456", True)
    assert (sample["storage_day"], sample["storage_day_is_derived"]) == (14, True)
    assert sample["state"] == "received"
    assert (sample["wells"], sample["references"], sample["latest_score"]) == ([], [], None)
    assert technician.get(answer.headers["location"]).json() == sample
    for query in ("din=A999921123456 3", "donor_code=D-0042", "accession_number=ACC-7"):
        items = technician.get(f"/api/v1/samples?{query}").json()["items"]
        assert [item["id"] for item in items] == [sample["id"]]
    assert technician.get("/api/v1/samples?state=computed").json()["items"] == []


CONTRADICTORY: Final[list[tuple[dict[str, Any], str]]] = [
        ({"din": "=A99992112345664"}, "din_check_character"),
        ({"din": "=<E0791V00"}, "din_other_code"),
        ({"donor_code": ""}, "donor_code"),
        ({"donor_code": "../x"}, "donor_code"),
        ({"storage_day": -1}, "storage_day"),
        ({"collected_on": "2026-11-02", "sampled_at": "2026-11-01T00:00:00Z"},
         "sampled_before_collection"),
        ({"collected_on": "2026-11-01", "sampled_at": "2026-11-08T12:00:00Z", "storage_day": 6},
         "storage_day_contradiction"),
        ({"container": "bucket"}, "invalid_request"),
        ({"sampled_at": "2026-11-01T00:00:00"}, "invalid_request"),
        ({"name": "a person"}, "invalid_request"),
]  # fmt: skip


def test_a_contradictory_sample_is_refused_with_its_code(
    site: Site, technician: TestClient
) -> None:
    for changes, code in CONTRADICTORY:
        answer = post(technician, **changes)
        assert (answer.status_code, answer.json()["code"]) == (422, code), changes
    with transaction(site.sessions) as session:
        assert session.scalar(select(func.count()).select_from(Sample)) == 0


def test_what_no_column_can_hold_is_refused_not_a_failure(technician: TestClient) -> None:
    unstorable: list[dict[str, Any]] = [
        {"notes": "a\x00b"},
        {"accession_number": "\x00"},
        {"din": "\x00"},
        {"sampled_at": "0001-01-01T00:00:00+14:00"},
        {"sampled_at": "9999-12-31T23:59:59-12:00"},
        {"storage_day": 10**30},
        {"storage_day": 1.5},
    ]
    for changes in unstorable:
        assert post(technician, **changes).status_code == 422, changes


def test_half_a_character_is_refused(technician: TestClient) -> None:
    body = json.dumps(SAMPLE | {"additive": "\ud800"})
    headers = {"Content-Type": "application/json"}
    assert technician.post("/api/v1/samples", content=body, headers=headers).status_code == 422


def test_hostile_filters_are_refused_or_find_nothing(technician: TestClient) -> None:
    for name in ("donor_code", "din", "accession_number", "cursor"):
        for value in ("\x00", "\ud7ff", "%", "' OR 1=1 --", "=" * 100):
            answer = technician.get("/api/v1/samples", params={name: value})
            assert answer.status_code in (200, 422), (name, value)
            if answer.status_code == 200:
                assert answer.json()["items"] == []


def test_one_donor_may_give_many_samples(site: Site, technician: TestClient) -> None:
    assert post(technician).status_code == post(technician).status_code == 201
    with transaction(site.sessions) as session:
        assert session.scalar(select(func.count()).select_from(Donor)) == 1


def test_lists_are_read_page_by_page_without_gap_or_repeat(
    site: Site, technician: TestClient
) -> None:
    made = [post(technician, accession_number=str(n)).json()["id"] for n in range(5)]
    with transaction(site.sessions) as session:  # equal times must not lose a row
        session.execute(update(Sample).values(created_at=dt.datetime.now(dt.UTC)))
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = technician.get("/api/v1/samples", params=query).json()
        seen += [item["id"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert sorted(seen) == sorted(made)


def test_a_foreign_cursor_is_refused(technician: TestClient) -> None:
    for cursor in ("x", "AAAA", "é", "MjAyNnw"):
        answer = technician.get("/api/v1/samples", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor_unknown")


def test_a_list_takes_the_same_number_of_queries_however_long(
    site: Site, technician: TestClient
) -> None:
    def count_queries() -> int:
        statements: list[str] = []
        with transaction(site.sessions) as session:
            engine = session.get_bind()
            event.listen(engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
            samples.list_samples(session, SYSTEM)
        return len(statements)

    post(technician)
    few = count_queries()
    for _ in range(4):
        sample = post(technician).json()
        technician.post(f"/api/v1/samples/{sample['id']}/wells", json={"outlet": "unsorted"})
    # The listener of the first count still counts into its own list; only ours matters.
    assert count_queries() == few


def test_wells_are_numbered_within_their_outlet(technician: TestClient) -> None:
    sample = post(technician).json()
    address = f"/api/v1/samples/{sample['id']}/wells"
    first = technician.post(address, json={"outlet": "unsorted", "position": "B2"})
    assert first.status_code == 201, first.text
    assert first.headers["location"] == f"/api/v1/wells/{first.json()['id']}"
    assert (first.json()["outlet"], first.json()["name"]) == ("unsorted", "B2")
    again = technician.post(address, json={"outlet": "unsorted"})
    assert (again.status_code, again.json()["code"]) == (409, "well_exists")
    assert technician.post(address, json={"outlet": "unsorted", "number": 2}).status_code == 201
    assert technician.post(address, json={"outlet": 3}).json()["outlet"] == 3
    wells = technician.get(f"/api/v1/samples/{sample['id']}").json()["wells"]
    assert [(w["outlet"], w["number"]) for w in wells] == [("unsorted", 1), ("unsorted", 2), (3, 1)]
    unknown = technician.post(address, json={"outlet": 4, "profile_id": sample["id"]})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "profile_unknown")
    zero = technician.post(address, json={"outlet": 4, "number": 0})
    assert (zero.status_code, zero.json()["code"]) == (422, "well_number")


def test_one_profile_is_built_in_and_an_administrator_adds_others(site: Site) -> None:
    with transaction(site.sessions) as session:
        instrument_profiles.built_in(session)
    administrator = site.as_role(Role.ADMINISTRATOR)
    new = {"name": "20x", "um_per_px": 0.365, "width": 1212, "height": 1212}
    assert administrator.post("/api/v1/instrument-profiles", json=new).status_code == 201
    again = administrator.post("/api/v1/instrument-profiles", json=new)
    assert (again.status_code, again.json()["code"]) == (409, "profile_exists")
    built_in, added = administrator.get("/api/v1/instrument-profiles").json()["items"]
    assert (built_in["um_per_px"], built_in["width"], built_in["height"]) == (0.1825, 2424, 2424)
    assert (added["name"], added["parameters"]["um_per_px"]) == ("20x", 0.365)
    for change, code in (
        ({"um_per_px": 5}, "profile_scale"),
        ({"width": 9}, "profile_size"),
        ({"name": " "}, "profile_name"),
    ):
        answer = administrator.post("/api/v1/instrument-profiles", json=new | change)
        assert (answer.status_code, answer.json()["code"]) == (422, code)


class TestIdempotency:
    KEY = {"Idempotency-Key": "order-17"}  # noqa: RUF012  never changed

    def send(self, client: TestClient, **changes: str) -> httpx2.Response:
        return client.post("/api/v1/samples", json=SAMPLE | changes, headers=self.KEY)

    def test_a_repeat_gets_the_first_answer_and_makes_nothing(
        self, site: Site, technician: TestClient
    ) -> None:
        first, second = self.send(technician), self.send(technician)
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.json() == second.json()
        assert second.headers["location"] == first.headers["location"]
        assert "idempotency-replayed" not in first.headers
        assert second.headers["idempotency-replayed"] == "true"
        with transaction(site.sessions) as session:
            assert session.scalar(select(func.count()).select_from(Sample)) == 1

    def test_twenty_at_once_make_one(self, technician: TestClient) -> None:
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: self.send(technician), range(20)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1

    def test_the_key_with_another_body_is_refused(self, technician: TestClient) -> None:
        self.send(technician)
        answer = self.send(technician, donor_code="D-2")
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")

    def test_another_principals_key_is_another_key(
        self, site: Site, technician: TestClient
    ) -> None:
        other = site.as_role(Role.TECHNICIAN)
        assert self.send(technician).json()["id"] != self.send(other).json()["id"]

    def test_a_refused_request_is_not_remembered(self, technician: TestClient) -> None:
        assert self.send(technician, donor_code="?").status_code == 422
        assert self.send(technician).status_code == 201

    def test_after_a_week_the_key_is_new_again(self, site: Site, technician: TestClient) -> None:
        first = self.send(technician)
        with transaction(site.sessions) as session:
            old = dt.datetime.now(dt.UTC) - dt.timedelta(days=8)
            session.execute(update(IdempotentAnswer).values(created_at=old))
        assert self.send(technician).json()["id"] != first.json()["id"]

    def test_an_unusable_key_is_refused(self, technician: TestClient) -> None:
        answer = technician.post(
            "/api/v1/samples", json=SAMPLE, headers={"Idempotency-Key": "x" * 256}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key")


def test_each_change_is_in_the_audit_trail_with_its_request(
    site: Site, technician: TestClient
) -> None:
    answer = post(technician)
    administrator = site.as_role(Role.ADMINISTRATOR)
    entries = administrator.get(
        "/api/v1/audit", params={"entity": "sample", "entity_id": answer.json()["id"]}
    ).json()["items"]
    assert [entry["action"] for entry in entries] == ["sample.created"]
    assert entries[0]["request_id"] == answer.headers["x-request-id"]
    assert entries[0]["actor"].startswith("key:")
    assert entries[0]["after"] == {"donor_code": "D-0042", "din": None}


def test_the_audit_trail_is_read_page_by_page(site: Site, technician: TestClient) -> None:
    for _ in range(3):
        post(technician)
    administrator = site.as_role(Role.ADMINISTRATOR)
    first = administrator.get("/api/v1/audit", params={"limit": 2}).json()
    rest = administrator.get("/api/v1/audit", params={"cursor": first["next_cursor"]}).json()
    seqs = [entry["seq"] for entry in first["items"] + rest["items"]]
    assert seqs == sorted(range(1, len(seqs) + 1), reverse=True)


def test_many_writers_at_once_leave_one_whole_chain(site: Site, technician: TestClient) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: post(technician), range(24)))
    said = site.as_role(Role.ADMINISTRATOR).get("/api/v1/audit/verify").json()
    assert said["is_whole"]
    assert said["n_entries"] >= 24


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE audit SET actor = 'somebody' WHERE seq = 2",
        "UPDATE audit SET content = replace(content, 'technician', 'lims') WHERE seq = 1",
        "DELETE FROM audit WHERE seq = 2",
        "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
        "UPDATE audit SET seq = -seq WHERE seq = 2",
    ],
)
def test_a_changed_trail_is_noticed(
    site: Site, technician: TestClient, owner_database_url: str, damage: str
) -> None:
    """Only the owner can, by taking the trigger away first; the program's role cannot."""
    post(technician)
    administrator = site.as_role(Role.ADMINISTRATOR)
    assert administrator.get("/api/v1/audit/verify").json()["is_whole"]
    change_audit(owner_database_url, damage)
    said = administrator.get("/api/v1/audit/verify").json()
    assert not said["is_whole"]
    assert said["broken_at"] is not None


def change_audit(owner_database_url: str, damage: str) -> None:
    with psycopg.connect(owner_database_url) as connection:
        connection.execute("ALTER TABLE audit DISABLE TRIGGER ALL")
        connection.execute(damage)
        connection.execute("ALTER TABLE audit ENABLE TRIGGER ALL")


def test_the_database_itself_refuses_to_change_the_trail(site: Site) -> None:
    site.key(Role.TECHNICIAN)
    with pytest.raises(DBAPIError), transaction(site.sessions) as session:
        session.execute(update(AuditEntry).values(actor="nobody"))
