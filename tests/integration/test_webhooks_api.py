"""Webhooks by their calls: secrets shown once, own ones alone, the log, sending again."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook
from starlette.testclient import TestClient

from app.db.session import SessionMaker, transaction
from app.db.tables import AuditEntry, IdempotentAnswer, Job
from app.jobs.kinds import JobKind
from app.security.permissions import Role
from app.storage import open_store
from tests.integration.conftest import Site
from tests.receivers import Receiver, Reply, running_receiver
from worker import runner
from worker.context import Context
from worker.tasks import HANDLERS

WEBHOOKS = "/api/v1/webhooks"
PUBLIC = {"url": "https://1.1.1.1/in", "events": ["sample.released"]}


@pytest.fixture
def administrator(site: Site) -> TestClient:
    return site.as_role(Role.ADMINISTRATOR)


@pytest.fixture
def receiver(site: Site) -> Iterator[Receiver]:
    """Yield a receiver that this installation may call."""
    with running_receiver() as running:
        allowed = {"outbound_allowed": f"127.0.0.1:{running.port}"}
        site.app.state.settings = site.settings.model_copy(update=allowed)
        yield running


def send_all(site: Site, folder: Path) -> None:
    sessions: SessionMaker = site.sessions
    store = open_store(folder.as_uri())
    context = Context(settings=site.app.state.settings, sessions=sessions, store=store)
    with transaction(sessions) as session:
        is_due = (Job.kind == JobKind.DELIVER, Job.state == "queued")
        waiting = session.scalars(select(Job.id).where(*is_due)).all()
    for job_id in waiting:
        runner.run(job_id, context, HANDLERS)


def make(client: TestClient, **changes: object) -> dict[str, Any]:
    answer = client.post(WEBHOOKS, json=PUBLIC | changes)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_the_secret_is_in_the_first_answer_and_nowhere_else(
    site: Site, administrator: TestClient
) -> None:
    key = {"Idempotency-Key": "once"}
    first = administrator.post(WEBHOOKS, json=PUBLIC, headers=key)
    again = administrator.post(WEBHOOKS, json=PUBLIC, headers=key)
    secret = first.json()["secret"]
    assert secret.startswith("whsec_")
    assert (again.status_code, again.json()["secret"]) == (201, None)
    assert again.json()["id"] == first.json()["id"]
    assert first.headers["location"] == f"{WEBHOOKS}/{first.json()['id']}"
    seen = [administrator.get(WEBHOOKS).text, administrator.get(first.headers["location"]).text]
    with transaction(site.sessions) as session:
        seen += [str(one.answer) for one in session.scalars(select(IdempotentAnswer))]
        seen += [one.content for one in session.scalars(select(AuditEntry))]
    assert len(seen) > 3
    assert not [text for text in seen if secret in text]


def test_a_lims_sees_its_own_webhooks_and_others_do_not_exist_for_it(
    site: Site, administrator: TestClient
) -> None:
    one, other = site.as_role(Role.LIMS), site.as_role(Role.LIMS)
    own, foreign, top = make(one), make(other), make(administrator)
    assert [item["id"] for item in one.get(WEBHOOKS).json()["items"]] == [own["id"]]
    assert len(administrator.get(WEBHOOKS).json()["items"]) == 3
    assert own["own_samples_only"]
    assert not top["own_samples_only"]
    for hidden in (foreign["id"], top["id"], str(uuid.uuid4())):
        path = f"{WEBHOOKS}/{hidden}"
        delivery = f"{path}/deliveries/{uuid.uuid4()}/replay"
        answers = [
            one.get(path), one.patch(path, json={"enabled": False}), one.delete(path),
            one.post(f"{path}/rotate-secret"), one.post(f"{path}/test"),
            one.get(f"{path}/deliveries"), one.post(delivery),
        ]  # fmt: skip
        assert {answer.status_code for answer in answers} == {404}
        assert {answer.json()["code"] for answer in answers} == {"webhook_unknown"}


def test_a_lims_cannot_ask_for_what_is_not_about_samples(site: Site) -> None:
    lims = site.as_role(Role.LIMS)
    for event in ("model_version.activated", "training_run.finished"):
        answer = lims.post(WEBHOOKS, json=PUBLIC | {"events": [event]})
        assert (answer.status_code, answer.json()["code"]) == (422, "webhook_events")


@pytest.mark.parametrize(
    "url",
    [
        "http://1.1.1.1/in", "https://127.0.0.1/in", "https://10.0.0.1/in", "https://[::1]/in",
        "https://169.254.169.254/latest/meta-data", "ftp://1.1.1.1/", "https://a:b@1.1.1.1/",
        "https://localhost:8000/", "nonsense",
    ],
)  # fmt: skip
def test_an_address_that_must_not_be_called_is_refused_at_once(
    administrator: TestClient, url: str
) -> None:
    answer = administrator.post(WEBHOOKS, json=PUBLIC | {"url": url})
    assert (answer.status_code, answer.json()["code"]) == (422, "webhook_url")
    kept = make(administrator)
    changed = administrator.patch(f"{WEBHOOKS}/{kept['id']}", json={"url": url})
    assert changed.json()["code"] == "webhook_url"
    assert administrator.get(f"{WEBHOOKS}/{kept['id']}").json()["url"] == PUBLIC["url"]


def test_a_webhook_changes_is_switched_off_and_on_and_goes(administrator: TestClient) -> None:
    path = f"{WEBHOOKS}/{make(administrator)['id']}"
    changed = administrator.patch(
        path, json={"events": ["sample.amended", "sample.scored"], "description": " LIMS "}
    ).json()
    assert changed["events"] == ["sample.scored", "sample.amended"]
    assert changed["description"] == "LIMS"
    assert administrator.patch(path, json={"enabled": False}).json()["health"] == "disabled"
    refused = administrator.post(f"{path}/test")
    assert (refused.status_code, refused.json()["code"]) == (409, "webhook_disabled")
    assert administrator.patch(path, json={"enabled": True}).json()["health"] == "unused"
    assert administrator.patch(path, json={"events": []}).json()["code"] == "webhook_events"
    assert administrator.delete(path).status_code == 204
    assert administrator.get(path).status_code == 404


def test_a_change_of_what_somebody_else_changed_meanwhile_is_refused(
    administrator: TestClient,
) -> None:
    path = f"{WEBHOOKS}/{make(administrator)['id']}"
    read = administrator.get(path).headers["etag"]
    administrator.patch(path, json={"description": "first"})
    late = administrator.patch(path, json={"description": "late"}, headers={"If-Match": read})
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")


def test_messages_that_go_out_meanwhile_spoil_no_change_of_a_webhook(
    administrator: TestClient,
) -> None:
    path = f"{WEBHOOKS}/{make(administrator)['id']}"
    read = administrator.get(path).headers["etag"]
    administrator.post(f"{path}/test").raise_for_status()
    waiting = administrator.get(path, headers={"If-None-Match": read})
    assert (waiting.status_code, waiting.json()["n_waiting"]) == (200, 1)
    new = {"url": "https://1.1.1.1/moved", "events": ["sample.amended"]}
    moved = administrator.patch(path, json=new, headers={"If-Match": read})
    assert (moved.status_code, moved.json()["url"]) == (200, new["url"])
    assert moved.headers["etag"] == administrator.get(path).headers["etag"]
    late = administrator.patch(path, json=new, headers={"If-Match": read})
    assert late.json()["code"] == "precondition_failed"


def test_a_test_message_is_sent_logged_and_sent_again(
    site: Site, administrator: TestClient, receiver: Receiver, tmp_path: Path
) -> None:
    made = make(administrator, url=receiver.url)
    path = f"{WEBHOOKS}/{made['id']}"
    sent = administrator.post(f"{path}/test")
    assert (sent.status_code, sent.json()["state"]) == (202, "pending")
    send_all(site, tmp_path)
    (request,) = receiver.received
    Webhook(made["secret"]).verify(request.body, request.headers)
    assert request.message["type"] == "webhook.test"
    (logged,) = administrator.get(f"{path}/deliveries").json()["items"]
    assert (logged["state"], logged["message_id"]) == ("acknowledged", request.id)
    assert logged["payload"] == request.body
    assert [one["status"] for one in logged["attempts"]] == [204]

    again = administrator.post(f"{path}/deliveries/{logged['id']}/replay")
    assert (again.status_code, again.json()["state"]) == (202, "pending")
    send_all(site, tmp_path)
    assert receiver.received[1].id == request.id
    assert administrator.get(path).json()["health"] == "ok"
    with transaction(site.sessions) as session:
        actions = set(session.scalars(select(AuditEntry.action)))
    assert {"webhook.created", "webhook.tested", "delivery.replayed"} <= actions


def test_the_log_comes_in_pages_and_by_state(
    site: Site, administrator: TestClient, receiver: Receiver, tmp_path: Path
) -> None:
    path = f"{WEBHOOKS}/{make(administrator, url=receiver.url)['id']}"
    receiver.behave = lambda one: Reply(500 if one.message["data"]["sequence"] == 5 else 200)
    for _ in range(5):
        administrator.post(f"{path}/test").raise_for_status()
    send_all(site, tmp_path)
    seen, cursor = [], None
    while True:
        page = administrator.get(
            f"{path}/deliveries", params={"limit": 2} | ({"cursor": cursor} if cursor else {})
        ).json()
        seen += [item["sequence"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [5, 4, 3, 2, 1]
    (waiting,) = administrator.get(f"{path}/deliveries", params={"state": "pending"}).json()[
        "items"
    ]
    assert waiting["sequence"] == 5
    assert waiting["next_attempt_at"] is not None
    assert waiting["attempts"][0]["error"] == "Answered 500."
    assert administrator.get(path).json()["health"] == "failing"


def test_a_rotated_secret_is_new_and_says_until_when_the_old_one_signs(
    administrator: TestClient,
) -> None:
    made = make(administrator)
    rotated = administrator.post(f"{WEBHOOKS}/{made['id']}/rotate-secret")
    assert rotated.status_code == 201
    assert rotated.json()["secret"] not in (None, made["secret"])
    assert rotated.json()["previous_secret_until"] is not None


def test_nobody_fills_the_outbox_with_destinations(administrator: TestClient) -> None:
    for _ in range(20):
        make(administrator)
    answer = administrator.post(WEBHOOKS, json=PUBLIC)
    assert (answer.status_code, answer.json()["code"]) == (409, "webhooks_too_many")
