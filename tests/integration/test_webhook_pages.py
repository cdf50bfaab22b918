"""The webhooks' pages: add and see the secret once, the log with its tries, sending again."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.security.permissions import Role
from tests.integration.conftest import Site
from tests.integration.test_webhooks_api import WEBHOOKS, make, send_all
from tests.receivers import Receiver, Reply, running_receiver

FORM = {
    "url": "https://1.1.1.1/in", "description": "LIMS, production", "kind": "webhook",
    "event": ["sample.released", "sample.amended"],
}  # fmt: skip


@pytest.fixture
def administrator(site: Site) -> TestClient:
    return site.as_role(Role.ADMINISTRATOR)


@pytest.fixture
def receiver(site: Site) -> Iterator[Receiver]:
    with running_receiver() as running:
        allowed = {"outbound_allowed": f"127.0.0.1:{running.port}"}
        site.app.state.settings = site.settings.model_copy(update=allowed)
        yield running


def test_an_empty_list_says_what_to_do(administrator: TestClient) -> None:
    page = administrator.get("/webhooks").text
    assert "Nobody is told of anything yet" in page
    assert 'action="/webhooks"' in page


def test_a_webhook_is_added_and_its_secret_shown_once(administrator: TestClient) -> None:
    answer = administrator.post("/webhooks", data=FORM)
    (secret,) = re.findall(r"whsec_[A-Za-z0-9+/=]+", answer.text)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    later = administrator.get("/webhooks").text
    assert "LIMS, production" in later
    assert secret not in later
    (item,) = administrator.get(WEBHOOKS).json()["items"]
    assert item["events"] == ["sample.released", "sample.amended"]


def test_a_refused_address_is_told_and_what_was_typed_stays(administrator: TestClient) -> None:
    answer = administrator.post("/webhooks", data=FORM | {"url": "https://10.0.0.9/in"})
    assert answer.status_code == 422
    assert "PLIANT_OUTBOUND_ALLOWED" in answer.text
    assert 'value="https://10.0.0.9/in"' in answer.text
    assert re.search(r'value="sample.amended" checked', answer.text)
    assert administrator.get(WEBHOOKS).json()["items"] == []


def test_a_fhir_server_is_added_with_its_header_which_is_never_shown(
    administrator: TestClient,
) -> None:
    fhir = {"kind": "fhir", "reads_back": "yes", "authorization": "Bearer canary"}
    shown = administrator.post("/webhooks", data=FORM | fhir)
    (item,) = administrator.get(WEBHOOKS).json()["items"]
    page = administrator.get(f"/webhooks/{item['id']}").text
    assert "FHIR server, read back before a report is over" in page
    assert "canary" not in shown.text + page
    assert "Send a test message</button>" not in page


def test_the_log_shows_every_try_and_sends_again(
    site: Site, administrator: TestClient, receiver: Receiver, tmp_path: Path
) -> None:
    path = f"/webhooks/{make(administrator, url=receiver.url)['id']}"
    assert "Nothing was sent yet" in administrator.get(path).text
    receiver.behave = lambda _: Reply(500, "<script>alert(1)</script>")
    assert "on its way" in administrator.post(f"{path}/test").text
    send_all(site, tmp_path)
    page = administrator.get(path).text
    assert "Answered 500." in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "Failing" in page

    receiver.behave = lambda _: Reply()
    (replay,) = re.findall(r'action="(/webhooks/[^"]+/replay)"', page)
    assert "under its old id" in administrator.post(replay).text
    send_all(site, tmp_path)
    page = administrator.get(path).text
    assert "Acknowledged" in page
    assert page.count('<th scope="row">') == 2
    assert receiver.received[0].id == receiver.received[1].id
    assert "No message is in this state" in administrator.get(f"{path}?state=failed").text


def test_a_webhook_is_switched_off_and_on_given_a_new_secret_and_deleted(
    administrator: TestClient,
) -> None:
    made = make(administrator)
    path = f"/webhooks/{made['id']}"
    off = administrator.post(f"{path}/switch", data={"enabled": "no"}).text
    assert "Switched off by hand." in off
    assert "Send again" not in off
    assert "Switch off" in administrator.post(f"{path}/switch", data={"enabled": "yes"}).text
    rotated = administrator.post(f"{path}/rotate").text
    (secret,) = re.findall(r"whsec_[A-Za-z0-9+/=]+", rotated)
    assert secret != made["secret"]
    assert "signs along until" in rotated
    gone = administrator.post(f"{path}/delete")
    assert (gone.status_code, gone.headers["location"]) == (303, "/webhooks")
    assert administrator.get(path).status_code == 404


def change_of(page: str) -> dict[str, str]:
    (read,) = re.findall(r'name="read" value="([0-9a-f]+)"', page)
    return {"read": read, "url": "https://1.1.1.1/moved", "description": "LIMS, new"}


def test_the_address_and_the_events_are_changed_where_they_are_shown(
    administrator: TestClient,
) -> None:
    path = f"/webhooks/{make(administrator)['id']}"
    page = administrator.get(path).text
    assert re.search(r'value="sample.released" checked', page)
    form = change_of(page) | {"event": "sample.amended"}
    changed = administrator.post(f"{path}/change", data=form)
    assert (changed.status_code, "Changed." in changed.text) == (200, True)
    now = administrator.get(f"/api/v1{path}").json()
    assert (now["url"], now["description"]) == (form["url"], form["description"])
    assert now["events"] == ["sample.amended"]

    late = administrator.post(f"{path}/change", data=form | {"url": "https://1.1.1.1/late"})
    assert (late.status_code, "Somebody changed this" in late.text) == (412, True)
    assert administrator.get(f"/api/v1{path}").json()["url"] == form["url"]


def test_a_refused_change_keeps_what_was_typed(administrator: TestClient) -> None:
    path = f"/webhooks/{make(administrator)['id']}"
    form = change_of(administrator.get(path).text)
    for wrong in ({"url": "https://10.0.0.9/in", "event": "sample.scored"}, {"event": "nonsense"}):
        refused = administrator.post(f"{path}/change", data=form | wrong)
        assert refused.status_code == 422
        assert f'value="{(form | wrong)["url"]}"' in refused.text
    assert administrator.get(f"/api/v1{path}").json()["events"] == ["sample.released"]


@pytest.mark.parametrize("role", [Role.TECHNICIAN])
def test_only_who_runs_the_installation_sees_webhooks(site: Site, role: Role) -> None:
    client = site.as_role(role)
    assert client.get("/webhooks").status_code == 403
    assert "/webhooks" not in client.get("/samples").text
    assert 'href="/webhooks"' in site.as_role(Role.ADMINISTRATOR).get("/samples").text
