"""People over REST: let in once by a link, shut out at once, and always somebody in charge."""

import threading
import uuid
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.db.session import transaction
from app.domain.errors import Conflict
from app.security.permissions import SYSTEM, Role
from app.services import accounts, browser_sessions
from tests.integration.conftest import Site
from tests.integration.signed_samples import PASSWORD

ACCOUNTS = "/api/v1/accounts"


@pytest.fixture
def administrator(site: Site) -> TestClient:
    return site.as_role(Role.ADMINISTRATOR)


def invited(client: TestClient, name: str, role: str = "technician") -> dict[str, Any]:
    answer = client.post(ACCOUNTS, json={"name": name, "role": role}).raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def signed_in(site: Site, path: str) -> TestClient:
    """Use a link, choose a password."""
    client = site.client()
    client.headers["Sec-Fetch-Site"] = "same-origin"
    answer = client.post(path, data={"action": "set", "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    return client


def code_of(answer: Any) -> tuple[int, str]:  # noqa: ANN401  two HTTP libraries' answers
    return answer.status_code, answer.json()["code"]


def test_somebody_is_invited_signs_in_once_and_is_shut_out_at_once(
    site: Site, administrator: TestClient
) -> None:
    ann = invited(administrator, "Ann")
    browser = signed_in(site, ann["sign_in_path"])
    assert browser.get("/api/v1/samples").status_code == 200
    again = site.client().post(
        ann["sign_in_path"], data={"password": PASSWORD}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert again.status_code == 401
    link = administrator.post(f"{ACCOUNTS}/{ann['id']}/sign-in-link").json()["sign_in_path"]
    disabled = administrator.post(f"{ACCOUNTS}/{ann['id']}/disable").json()
    assert disabled["is_disabled"]
    assert browser.get("/api/v1/samples").status_code == 401
    refused = administrator.post(f"{ACCOUNTS}/{ann['id']}/sign-in-link")
    assert code_of(refused) == (409, "account_disabled")
    administrator.post(f"{ACCOUNTS}/{ann['id']}/enable").raise_for_status()
    assert browser.get("/api/v1/samples").status_code == 401, "old sessions stay ended"
    late = site.client().post(
        link, data={"password": PASSWORD}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert late.status_code == 401, "a link from before the disabling is void"


def test_a_person_is_signed_out_everywhere_by_an_administrator(
    site: Site, administrator: TestClient
) -> None:
    ann = invited(administrator, "Ann")
    browser = signed_in(site, ann["sign_in_path"])
    administrator.post(f"{ACCOUNTS}/{ann['id']}/end-sessions").raise_for_status()
    assert browser.get("/api/v1/samples").status_code == 401


def test_a_role_is_changed_by_others_only_and_acts_at_once(
    site: Site, administrator: TestClient
) -> None:
    boss = invited(administrator, "Boss", "administrator")
    ann = invited(administrator, "Ann")
    browser = signed_in(site, boss["sign_in_path"])
    own = browser.post(f"{ACCOUNTS}/{boss['id']}/role", json={"role": "technician"})
    assert code_of(own) == (409, "own_account")
    assert code_of(browser.post(f"{ACCOUNTS}/{boss['id']}/disable")) == (409, "own_account")
    changed = browser.post(f"{ACCOUNTS}/{ann['id']}/role", json={"role": "verifier"})
    assert changed.json()["role"] == "verifier"


def test_the_last_administrator_stays(administrator: TestClient) -> None:
    boss = invited(administrator, "Boss", "administrator")
    address = f"{ACCOUNTS}/{boss['id']}"
    assert code_of(administrator.post(f"{address}/disable")) == (409, "last_administrator")
    refused = administrator.post(f"{address}/role", json={"role": "lims"})
    assert code_of(refused) == (409, "last_administrator")
    second = invited(administrator, "Second", "administrator")
    assert administrator.post(f"{address}/disable").status_code == 200
    refused = administrator.post(f"{ACCOUNTS}/{second['id']}/disable")
    assert code_of(refused) == (409, "last_administrator")


def test_two_administrators_cannot_disable_each_other_at_the_same_moment(site: Site) -> None:
    with transaction(site.sessions) as session:
        pair = [
            accounts.create_account(session, SYSTEM, name=name, role=Role.ADMINISTRATOR).id
            for name in ("Ann", "Ben")
        ]
    refusals: list[str] = []
    start = threading.Barrier(2)

    def disable(account_id: uuid.UUID) -> None:
        start.wait()
        try:
            with transaction(site.sessions) as session:
                accounts.disable_account(session, SYSTEM, account_id)
        except Conflict as refusal:
            refusals.append(refusal.code)

    threads = [threading.Thread(target=disable, args=(one,)) for one in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refusals == ["last_administrator"]


def test_a_browser_signed_in_long_ago_is_asked_for_the_password(
    site: Site, administrator: TestClient
) -> None:
    boss = invited(administrator, "Boss", "administrator")
    browser = signed_in(site, boss["sign_in_path"])
    with transaction(site.sessions) as session:
        principal = browser_sessions.authenticate(session, browser.cookies["pliant"])
        assert principal.name == "Boss"
        session.connection().exec_driver_sql(
            "UPDATE browser_sessions SET reauthenticated_at = now() - interval '6 minutes'"
        )
    for address, body in (
        (ACCOUNTS, {"name": "Eve", "role": "technician"}),
        ("/api/v1/api-keys", {"name": "robot", "role": "lims"}),
    ):
        asked = browser.post(address, json=body)
        assert code_of(asked) == (403, "reauthentication_needed")
        proven = browser.post(address, json=body | {"password": PASSWORD})
        assert proven.status_code == 201


def test_a_limited_key_cannot_make_an_administrator(site: Site, administrator: TestClient) -> None:
    narrow = administrator.post(
        "/api/v1/api-keys",
        json={"name": "hr", "role": "administrator", "scopes": ["manage_accounts"]},
    ).json()
    client = site.client(narrow["token"])
    boss = invited(administrator, "Boss", "administrator")
    body = {"name": "Eve", "role": "administrator"}
    assert code_of(client.post(ACCOUNTS, json=body)) == (403, "key_too_narrow")
    refused = client.post(f"{ACCOUNTS}/{boss['id']}/sign-in-link")
    assert code_of(refused) == (403, "key_too_narrow")


def test_a_repeated_invitation_makes_one_account_and_keeps_no_link(
    administrator: TestClient,
) -> None:
    body, headers = {"name": "Ann", "role": "technician"}, {"Idempotency-Key": "ann"}
    first = administrator.post(ACCOUNTS, json=body, headers=headers).json()
    again = administrator.post(ACCOUNTS, json=body, headers=headers).json()
    assert again == first | {"sign_in_path": None}
    names = [one["name"] for one in administrator.get(ACCOUNTS).json()["items"]]
    assert names == ["Ann"]
