"""The pages of whoever runs the installation, as an administrator and as others meet them."""

import csv
import io
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from app.dashboard.contexts.permission_words import PERMISSION_WORDS
from app.db.session import transaction
from app.security.permissions import SYSTEM, Permission, Role
from app.services import accounts, api_keys
from tests.integration.conftest import Site
from tests.integration.signed_samples import PASSWORD

SCREEN_TEXT = re.compile(r"<[^>]+>")


def words(page: str) -> str:
    return " ".join(SCREEN_TEXT.sub(" ", page).split())


def person(site: Site, role: Role, name: str) -> TestClient:
    """Somebody who has just used a one-time link."""
    with transaction(site.sessions) as session:
        made = accounts.create_account(session, SYSTEM, name=name, role=role)
        path = accounts.make_sign_in_link(session, SYSTEM, made.id)
    client = site.client()
    client.headers["Sec-Fetch-Site"] = "same-origin"
    assert client.post(path, data={"password": PASSWORD}).status_code == 303
    return client


@pytest.fixture
def boss(site: Site) -> Iterator[TestClient]:
    with person(site, Role.ADMINISTRATOR, "Boss") as client:
        yield client


def test_the_group_administration_shows_what_one_may_open(site: Site, boss: TestClient) -> None:
    page = boss.get("/users").text
    menu = page.split("<summary>Administration</summary>")[1].split("</details>")[0]
    links = re.findall(r'href="([^"]+)"', menu)
    assert {"/model-versions", "/training-runs", "/users", "/api-keys", "/controls", "/audit",
            "/health"} <= set(links)  # fmt: skip
    for address in links:
        answer = boss.get(address)
        assert answer.status_code == 200, address
        assert f'href="{address}" aria-current="page"' in answer.text, address
    technician = person(site, Role.TECHNICIAN, "Tom").get("/samples").text
    assert "Administration" not in technician
    assert 'href="/controls"' in technician


def test_an_administrator_invites_somebody_and_sees_the_link_once(
    site: Site, boss: TestClient
) -> None:
    page = boss.post("/users", data={"name": "Ann", "role": "technician"}).text
    [link] = re.findall(r"<code>(http[^<]+/sign-in/[^<]+)</code>", page)
    assert link not in boss.get("/users").text
    ann = site.client()
    ann.headers["Sec-Fetch-Site"] = "same-origin"
    assert ann.post(link, data={"password": PASSWORD}).status_code == 303
    assert "last seen" in words(boss.get("/users").text)
    taken = boss.post("/users", data={"name": "ann", "role": "verifier"})
    assert taken.status_code == 409
    assert "already an account" in words(taken.text)
    assert boss.post("/users", data={"name": "Eve", "role": "king"}).status_code == 422


def test_somebody_is_shut_out_and_let_in_again_on_the_page(site: Site, boss: TestClient) -> None:
    ann = person(site, Role.TECHNICIAN, "Ann")
    with transaction(site.sessions) as session:
        found = {one.name: one.id for one in accounts.list_accounts(session)}
    address = f"/users/{found['Ann']}"
    assert "cannot sign in" in words(boss.post(f"{address}/disable").text)
    assert ann.get("/samples").status_code == 303
    assert "can sign in again" in words(boss.post(f"{address}/enable").text)
    changed = boss.post(f"{address}/role", data={"role": "verifier"})
    assert "Ann is verifier from now on" in words(changed.text)
    assert "signed out everywhere" in words(boss.post(f"{address}/end-sessions").text)
    own = boss.post(f"/users/{found['Boss']}/disable")
    assert own.status_code == 409
    assert "your own account" in words(own.text)


def test_the_roles_are_shown_with_every_permission_in_words(boss: TestClient) -> None:
    page = words(boss.get("/users").text)
    assert "Sign and release results" in page
    for permission in Permission:
        assert PERMISSION_WORDS[permission] in page


def test_a_key_is_made_limited_replaced_and_ended_on_the_page(site: Site, boss: TestClient) -> None:
    fields = {"name": "LIMS", "role": "lims", "days": "30", "limit": "some"}
    page = boss.post("/api-keys", data={**fields, "scope": ["read_samples", "read_results"]}).text
    [token] = re.findall(r"<code>(pliant_[^<…]+)</code>", page)
    assert site.client(token).get("/api/v1/samples").status_code == 200
    assert "Limited to: See scores, cells and reports; See samples, wells and images" in words(page)
    listed = boss.get("/api-keys").text
    assert token not in listed
    assert "last used" in words(listed)
    [key_id] = re.findall(r"/api-keys/([0-9a-f-]{36})/rotate", listed)
    page = boss.post(f"/api-keys/{key_id}/rotate", data={"overlap_hours": "1"}).text
    [second] = re.findall(r"<code>(pliant_[^<…]+)</code>", page)
    assert "Replaced, still works" in page
    for each in (token, second):
        assert site.client(each).get("/api/v1/samples").status_code == 200
    assert "no longer works" in words(boss.post(f"/api-keys/{key_id}/revoke").text)
    assert site.client(token).get("/api/v1/samples").status_code == 401
    nothing = boss.post("/api-keys", data=fields)
    assert nothing.status_code == 422
    assert "choose what it may do" in words(nothing.text)
    assert 'value="LIMS"' in nothing.text, "what was typed is kept"


def test_an_old_session_is_asked_for_the_password_before_it_makes_a_key(
    site: Site, boss: TestClient
) -> None:
    with transaction(site.sessions) as session:
        session.execute(
            text("UPDATE browser_sessions SET reauthenticated_at = now() - interval '6 minutes'")
        )
    assert "Your own password" in words(boss.get("/api-keys").text)
    fields = {"name": "robot", "role": "lims", "days": "30"}
    refused = boss.post("/api-keys", data={**fields, "password": "wrong password"})
    assert refused.status_code == 422
    assert "The password is not right" in words(refused.text)
    assert "wrong password" not in refused.text
    with transaction(site.sessions) as session:
        assert api_keys.list_keys(session) == ()
    assert "Copy the key" in words(
        boss.post("/api-keys", data={**fields, "password": PASSWORD}).text
    )


def test_the_trail_is_searched_checked_and_taken_away(site: Site, boss: TestClient) -> None:
    boss.post("/api-keys", data={"name": "=1+1", "role": "lims", "days": "30"})
    page = words(boss.get("/audit", params={"entity": "api_key"}).text)
    assert "api key: created" in page
    assert "Boss" in page
    answer = words(boss.get("/audit", params={"check": "yes"}).text)
    assert "The trail is whole" in answer
    table = boss.get("/audit/entries.csv", params={"entity": "api_key", "from": ""})
    [row] = csv.DictReader(io.StringIO(table.text))
    assert row["action"] == "api_key.created"
    assert boss.get("/audit", params={"from": "yesterday"}).status_code == 422
    assert "Nothing fits" in boss.get("/audit", params={"to": "2001-01-01"}).text


def test_a_broken_trail_is_told_in_words(
    site: Site, boss: TestClient, owner_database_url: str
) -> None:
    import psycopg  # noqa: PLC0415  the owner alone can change what is only to be added to

    with psycopg.connect(owner_database_url) as connection:
        connection.execute("ALTER TABLE audit DISABLE TRIGGER ALL")
        connection.execute("DELETE FROM audit WHERE seq = 2")
    answer = words(boss.get("/audit", params={"check": "yes"}).text)
    assert "The trail is broken at entry 2" in answer


def test_health_puts_what_needs_somebody_first(boss: TestClient) -> None:
    page = words(boss.get("/health").text)
    assert "needs somebody now" in page or "need somebody now" in page
    assert page.index("Act now") < page.index("✓ Well")
    assert "docs/operations.md" in page


TWENTY: dict[str, str] = {
    "name": "Room 2, 20×", "um_per_px": "0,365", "width": "1212", "height": "1 212",
    "polarity": "bright_cells",
}  # fmt: skip


def test_another_microscope_is_described_and_read_with_its_units(
    site: Site, boss: TestClient
) -> None:
    assert "Brightfield 40× Built in 0.1825 µm per pixel 2 424 × 2 424 px 442 × 442 µm" in (
        words(boss.get("/instrument-profiles").text)
    )
    page = words(boss.post("/instrument-profiles", data=TWENTY).text)
    assert "Choose Room 2, 20× for a well" in page
    assert "0.365 µm per pixel 1 212 × 1 212 px 442 × 442 µm Brighter" in page
    profiles = site.as_role(Role.ADMINISTRATOR).get("/api/v1/instrument-profiles").json()["items"]
    assert profiles[1]["parameters"]["polarity"] == "bright"
    technician = person(site, Role.TECHNICIAN, "Tom")
    assert "An administrator adds profiles" in technician.get("/instrument-profiles").text
    assert technician.post("/instrument-profiles", data=TWENTY).status_code == 403


@pytest.mark.parametrize(
    ("wrong", "status", "said"),
    [
        ({"name": "Brightfield 40×"}, 409, "already a profile named"),
        ({"um_per_px": "365"}, 422, "between 0.01 and 2 µm per pixel"),
        ({"um_per_px": "a third"}, 422, "The scale is not a number"),
        ({"width": ""}, 422, "sides have 16 to 4096 px"),
        ({"polarity": "grey"}, 422, "how cells look"),
    ],
)
def test_a_wrong_description_is_refused_and_kept_as_typed(
    boss: TestClient, wrong: dict[str, str], status: int, said: str
) -> None:
    boss.get("/instrument-profiles")
    answer = boss.post("/instrument-profiles", data=TWENTY | {"height": "777"} | wrong)
    assert answer.status_code == status
    assert said in words(answer.text)
    assert 'value="777"' in answer.text
