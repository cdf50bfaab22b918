"""Keys of programs over REST: limits, rotation, last use; nothing secret is kept."""

import datetime as dt
import uuid
from typing import Any

import pytest
from sqlalchemy import select, text, update
from starlette.testclient import TestClient

from app.db.base import Base
from app.db.session import transaction
from app.db.tables import ApiKey, AuditEntry
from app.domain.errors import NotPermitted
from app.security.permissions import PERMISSIONS, SYSTEM, Permission, Principal, Role
from app.services import api_keys
from tests.integration.conftest import Site

KEYS = "/api/v1/api-keys"
SAMPLE = {"donor_code": "D-1", "container": "segment"}


@pytest.fixture
def administrator(site: Site) -> TestClient:
    return site.as_role(Role.ADMINISTRATOR)


def made(client: TestClient, **body: object) -> dict[str, Any]:
    answer = client.post(KEYS, json={"name": "LIMS", "role": "lims"} | body).raise_for_status()
    assert answer.headers["location"] == f"{KEYS}/{answer.json()['id']}"
    found: dict[str, Any] = answer.json()
    return found


def code_of(answer: Any) -> tuple[int, str]:  # noqa: ANN401  two HTTP libraries' answers
    return answer.status_code, answer.json()["code"]


def test_a_limited_key_may_do_what_its_scopes_name_and_nothing_else(
    site: Site, administrator: TestClient
) -> None:
    key = made(administrator, scopes=["read_samples"])
    assert key["scopes"] == ["read_samples"]
    client = site.client(key["token"])
    assert client.get("/api/v1/samples").status_code == 200
    refused = client.post("/api/v1/samples", json=SAMPLE)
    assert code_of(refused) == (403, "scope_missing")
    assert "edit_samples" in refused.json()["detail"]
    beyond = client.get("/api/v1/audit")
    assert code_of(beyond) == (403, "not_permitted"), "no scope is more than the role"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"role": "verifier"}, 422, "key_role"),
        ({"scopes": ["release"]}, 422, "key_scopes"),
        ({"scopes": []}, 422, "key_scopes"),
        ({"scopes": ["everything"]}, 422, "invalid_request"),
        ({"days": 366}, 422, "invalid_request"),
        ({"name": "  "}, 422, "key_name"),
    ],
)
def test_impossible_terms_are_refused(
    administrator: TestClient, body: dict[str, object], status: int, code: str
) -> None:
    answer = administrator.post(KEYS, json={"name": "LIMS", "role": "lims"} | body)
    assert code_of(answer) == (status, code)


def test_old_and_new_key_stand_side_by_side_then_the_old_one_ends(
    site: Site, administrator: TestClient
) -> None:
    first = made(administrator, scopes=["read_samples", "edit_samples"])
    old = site.client(first["token"])
    sample = old.post("/api/v1/samples", json=SAMPLE).raise_for_status().json()["id"]
    address = f"{KEYS}/{first['id']}/rotate"
    second = administrator.post(address, json={"overlap_hours": 2}).raise_for_status().json()
    new = site.client(second["token"])
    assert second["token"] != first["token"]
    assert (second["replaces_id"], second["scopes"]) == (first["id"], first["scopes"])
    for client in (old, new):
        assert client.get(f"/api/v1/samples/{sample}").status_code == 200, "one line, one owner"
    assert code_of(administrator.post(address)) == (409, "key_replaced")
    ends_at = administrator.get(f"{KEYS}/{first['id']}").json()["expires_at"]
    left = dt.datetime.fromisoformat(ends_at) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(hours=1.9) < left < dt.timedelta(hours=2)
    with transaction(site.sessions) as session:
        past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
        session.execute(
            update(ApiKey).where(ApiKey.id == uuid.UUID(first["id"])).values(expires_at=past)
        )
    assert code_of(old.get("/api/v1/samples")) == (401, "key_expired")
    assert new.get(f"/api/v1/samples/{sample}").status_code == 200


def test_without_overlap_the_old_key_ends_at_once(site: Site, administrator: TestClient) -> None:
    first = made(administrator)
    administrator.post(f"{KEYS}/{first['id']}/rotate", json={"overlap_hours": 0})
    assert code_of(site.client(first["token"]).get("/api/v1/samples")) == (401, "key_expired")
    ended = administrator.post(f"{KEYS}/{first['id']}/rotate", json={"overlap_hours": 0})
    assert code_of(ended) == (409, "key_replaced")


def test_a_revoked_key_is_refused_on_its_next_request(
    site: Site, administrator: TestClient
) -> None:
    key = made(administrator)
    for _ in range(2):
        revoked = administrator.post(f"{KEYS}/{key['id']}/revoke").raise_for_status().json()
        assert revoked["state"] == "revoked"
    assert code_of(site.client(key["token"]).get("/api/v1/samples")) == (401, "key_revoked")
    assert code_of(administrator.get(f"{KEYS}/{uuid.uuid4()}")) == (404, "key_unknown")


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_the_successor_of_an_ended_key_sees_what_that_one_made(
    site: Site, administrator: TestClient, end: str
) -> None:
    """Else a program whose key leaked, or was forgotten for a year, would lose all its samples."""
    key = made(administrator)
    new = {"donor_code": "D-1", "container": "segment"}
    sample = site.client(key["token"]).post("/api/v1/samples", json=new).json()["id"]
    if end == "revoked":
        administrator.post(f"{KEYS}/{key['id']}/revoke").raise_for_status()
    else:
        with transaction(site.sessions) as session:
            past = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
            session.execute(
                update(ApiKey).where(ApiKey.id == uuid.UUID(key["id"])).values(expires_at=past)
            )
    successor = administrator.post(f"{KEYS}/{key['id']}/rotate").raise_for_status().json()
    assert site.client(successor["token"]).get(f"/api/v1/samples/{sample}").status_code == 200
    assert code_of(site.client(key["token"]).get("/api/v1/samples")) == (401, f"key_{end}")
    assert administrator.get(f"{KEYS}/{key['id']}").json()["state"] == end


def test_a_repeated_creation_makes_one_key_and_shows_it_once(
    site: Site, administrator: TestClient
) -> None:
    body, headers = {"name": "LIMS", "role": "lims"}, {"Idempotency-Key": "one"}
    first = administrator.post(KEYS, json=body, headers=headers).json()
    again = administrator.post(KEYS, json=body, headers=headers)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first | {"token": None}
    secret = first["token"][16:59]
    with transaction(site.sessions) as session:
        for table in Base.metadata.tables:
            for row in session.scalars(text(f'SELECT t::text FROM "{table}" t')):
                assert secret not in row, table


def test_the_last_use_is_written_at_most_once_a_minute(site: Site) -> None:
    token = site.key(Role.TECHNICIAN)
    client = site.client(token)

    def last_use() -> tuple[dt.datetime | None, int]:
        with transaction(site.sessions) as session:
            used_at = session.scalars(select(ApiKey.last_used_at)).one()
            return used_at, int(session.scalar(text("SELECT xmin::text::int FROM api_keys")) or 0)

    client.get("/api/v1/samples")
    first, version = last_use()
    for _ in range(5):
        client.get("/api/v1/samples")
    assert last_use() == (first, version), "the row was not even rewritten"
    assert first is not None
    with transaction(site.sessions) as session:
        session.execute(update(ApiKey).values(last_used_at=first - dt.timedelta(seconds=61)))
    client.get("/api/v1/samples")
    assert (last_use()[0] or first) >= first


def test_a_locked_key_row_holds_up_no_request(site: Site) -> None:
    token = site.key(Role.TECHNICIAN)
    with transaction(site.sessions) as session:
        session.scalars(select(ApiKey).with_for_update()).one()
        assert site.client(token).get("/api/v1/samples").status_code == 200


def test_a_limited_key_gives_nobody_more_than_it_has(site: Site, administrator: TestClient) -> None:
    wide = made(administrator)
    narrow = made(administrator, role="administrator", scopes=["manage_keys", "read_samples"])
    client = site.client(narrow["token"])
    for refused in (
        client.post(KEYS, json={"name": "x", "role": "administrator"}),
        client.post(KEYS, json={"name": "x", "role": "lims"}),
        client.post(f"{KEYS}/{wide['id']}/rotate"),
    ):
        assert code_of(refused) == (403, "key_too_narrow")
    allowed = client.post(KEYS, json={"name": "x", "role": "lims", "scopes": ["read_samples"]})
    assert allowed.status_code == 201


def test_the_trail_tells_terms_and_successor_but_no_secret(
    site: Site, administrator: TestClient
) -> None:
    key = made(administrator, scopes=["read_results"])
    rotated = administrator.post(f"{KEYS}/{key['id']}/rotate").json()
    with transaction(site.sessions) as session:
        wanted = select(AuditEntry).where(AuditEntry.action.startswith("api_key."))
        entries = session.scalars(wanted.order_by(AuditEntry.seq)).all()
    assert [entry.action for entry in entries][-2:] == ["api_key.created", "api_key.rotated"]
    assert '"scopes":["read_results"]' in entries[-1].content
    assert f'"replaces":"{key["id"]}"' in entries[-1].content
    for secret in (key["token"], rotated["token"]):
        assert secret[16:59] not in "".join(entry.content for entry in entries)


def test_an_administrator_may_make_any_key_and_the_program_too(site: Site) -> None:
    with transaction(site.sessions) as session:
        admin = api_keys.create_key(session, SYSTEM, name="all", role=Role.ADMINISTRATOR)
        principal = api_keys.authenticate(session, admin.token)
        assert principal.permissions == PERMISSIONS[Role.ADMINISTRATOR]
        limited = Principal(
            "key:x", "x", Role.ADMINISTRATOR, sees_all=True,
            scopes=frozenset({Permission.MANAGE_KEYS}),
        )  # fmt: skip
        with pytest.raises(NotPermitted, match="key_too_narrow"):
            api_keys.create_key(session, limited, name="y", role=Role.TECHNICIAN)
