"""Messages on their way: signed, in order, tried again, given up, sent again by hand."""

import base64
import datetime as dt
import hashlib
import hmac
import random
import socket
import threading
import time
import uuid

import pytest
from sqlalchemy import func, select, update
from standardwebhooks import Webhook

from app.db.session import transaction
from app.db.tables import AuditEntry, Delivery, Job, Sample, WebhookEndpoint
from app.domain.delivery_rules import JITTER
from app.jobs.kinds import JobKind
from app.security.permissions import SYSTEM
from app.services import deliveries, events, webhooks
from app.services.events import EventType
from app.services.webhooks import WebhookChange, make_guard
from tests.integration.delivery_office import Office, announce, receiving
from tests.receivers import Received, Receiver, Reply, silent_port
from worker import runner
from worker.delivery import only_sender
from worker.tasks import HANDLERS


def hmac_signature(request: Received, secret: str) -> str:
    """Written out from the Standard Webhooks text, without the library that signs."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{request.id}.{request.headers['webhook-timestamp']}.{request.body}".encode()
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def test_a_message_is_signed_as_the_library_and_an_hmac_written_out_expect(bare: Office) -> None:
    with receiving(bare) as (office, receiver, _, secret):
        office.announce(uuid.uuid4())
        office.send()
        (request,) = receiver.received
        Webhook(secret).verify(request.body, request.headers)
        assert request.headers["webhook-signature"] == hmac_signature(request, secret)
        assert request.headers["content-type"] == "application/json"
        assert request.message["type"] == "sample.scored"
        assert request.message["data"]["sequence"] == 1
        assert office.states() == {"acknowledged": 1}


def test_each_try_keeps_the_id_and_the_body_and_is_signed_anew(bare: Office) -> None:
    replies = iter([Reply(status=500), Reply(status=503)])
    with receiving(bare, webhook_retry_seconds="1.1,0.05") as (office, receiver, _, secret):
        receiver.behave = lambda _: next(replies, Reply())
        office.announce(uuid.uuid4())
        office.send()
        time.sleep(1.1 * (1 + JITTER) + 0.1)
        office.send()
        first, second, third = receiver.received
        assert first.id == second.id == third.id
        assert first.body == second.body == third.body
        assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
        assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
        for request in receiver.received:
            Webhook(secret).verify(request.body, request.headers)
        assert [row.outcome for row in office.attempts()] == ["failed", "failed", "acknowledged"]


def test_while_a_secret_rotates_old_ones_sign_along_and_afterwards_the_new_one_alone(
    bare: Office,
) -> None:
    with receiving(bare) as (office, receiver, endpoint_id, old):
        with transaction(office.sessions) as session:
            lost = webhooks.rotate_secret(session, SYSTEM, endpoint_id).secret or ""
            new = webhooks.rotate_secret(session, SYSTEM, endpoint_id).secret or ""
        office.announce(uuid.uuid4())
        office.send()
        for secret in (old, lost, new):
            Webhook(secret).verify(receiver.received[0].body, receiver.received[0].headers)
        with transaction(office.sessions) as session:
            until = WebhookEndpoint.previous_secret_until
            session.execute(update(WebhookEndpoint).values({until: until - dt.timedelta(days=1)}))
        office.announce(uuid.uuid4())
        office.send()
        (signature,) = receiver.received[1].headers["webhook-signature"].split()
        assert signature == hmac_signature(receiver.received[1], new)


def test_messages_about_a_sample_arrive_in_order_though_single_ones_fail(bare: Office) -> None:
    chance = random.Random(3)
    with receiving(bare) as (office, receiver, _, _):
        receiver.behave = lambda _: Reply(status=chance.choice([204, 500]))
        subjects = [uuid.uuid4() for _ in range(3)]
        for _ in range(5):
            for subject in subjects:
                office.announce(subject)
        office.send()
        assert office.states() == {"acknowledged": 15}
        assert len(receiver.received) > len(receiver.accepted) == 15
        for subject in subjects:
            assert sequences(receiver, subject) == [1, 2, 3, 4, 5]


def sequences(receiver: Receiver, subject: uuid.UUID) -> list[int]:
    told = [one.message["data"] for one in receiver.accepted]
    return [data["sequence"] for data in told if data["sample_id"] == str(subject)]


def test_after_the_last_try_a_delivery_is_given_up_and_the_next_one_goes_on(
    bare: Office,
) -> None:
    with receiving(bare, webhook_retry_seconds="0.01,0.01") as (office, receiver, endpoint_id, _):
        receiver.behave = lambda one: Reply(
            status=500 if one.message["data"]["sequence"] == 1 else 204
        )
        office.announce(uuid.uuid4(), n=2)
        office.send()
        assert office.states() == {"failed": 1, "acknowledged": 1}
        assert len(receiver.received) == 4
        assert office.endpoint(endpoint_id).failures_in_a_row == 0
        with transaction(office.sessions) as session:
            actions = session.scalars(select(AuditEntry.action)).all()
        assert "delivery.given_up" in actions


def test_gone_switches_the_webhook_off_and_nothing_of_it_is_lost(bare: Office) -> None:
    with receiving(bare) as (office, receiver, endpoint_id, _):
        receiver.behave = lambda _: Reply(status=410)
        office.announce(uuid.uuid4())
        office.send()
        office.announce(uuid.uuid4())
        office.send()
        assert len(receiver.received) == 1
        assert "410" in (office.endpoint(endpoint_id).disabled_reason or "")
        receiver.behave = lambda _: Reply()
        with transaction(office.sessions) as session:
            on = WebhookChange(enabled=True)
            guard = make_guard(office.context.settings)
            webhooks.change_webhook(session, SYSTEM, endpoint_id, on, guard)
        time.sleep(0.05)
        office.send()
        assert office.states() == {"acknowledged": 2}


def test_retry_after_is_honoured(bare: Office) -> None:
    with receiving(bare) as (office, receiver, _, _):
        receiver.behave = lambda _: Reply(status=429, headers={"retry-after": "600"})
        office.announce(uuid.uuid4())
        office.send()
        with transaction(office.sessions) as session:
            row = session.scalars(select(Delivery)).one()
            wait = row.next_attempt_at - session.scalars(select(func.clock_timestamp())).one()
        assert 590 < wait.total_seconds() <= 600


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply(hang_seconds=5), "No answer within"),
        (Reply(breaks_off=True), "RemoteProtocolError"),
        (Reply(status=500, body="out of \x00 order"), "Answered 500."),
        (Reply(status=404, body="x" * 100_000), "Answered 404."),
    ],
)
def test_every_way_to_fail_is_told_in_the_log(bare: Office, reply: Reply, told: str) -> None:
    with receiving(bare, webhook_retry_seconds="60", webhook_timeout_seconds=0.3) as (
        office,
        receiver,
        _,
        _,
    ):
        receiver.behave = lambda _: reply
        office.announce(uuid.uuid4())
        office.send()
        (attempt,) = office.attempts()
        assert told in (attempt.error or "")
        assert attempt.duration_ms < 4000, "given up long before the slow one answers"
        assert office.states() == {"pending": 1}


def test_a_dripping_receiver_is_left_when_the_time_is_over(bare: Office) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = int(listening.getsockname()[1])
        over = threading.Event()
        threading.Thread(target=drip, args=(listening, over), daemon=True).start()
        office = bare.allow(port).set(webhook_retry_seconds="60", webhook_timeout_seconds=0.5)
        office.add(f"http://127.0.0.1:{port}/in")
        office.announce(uuid.uuid4())
        began = time.monotonic()
        office.send()
        assert time.monotonic() - began < 3
        over.set()
        (attempt,) = office.attempts()
        assert "No answer within" in (attempt.error or "")


def drip(listening: socket.socket, over: threading.Event) -> None:
    connection, _ = listening.accept()
    with connection:
        while not over.wait(0.1):
            try:
                connection.sendall(b"H")
            except OSError:
                return


def test_an_answer_cut_short_after_its_status_still_counts(bare: Office) -> None:
    with receiving(bare) as (office, receiver, _, _):
        receiver.behave = lambda _: Reply(status=200, body="ok", says_longer=50)
        office.announce(uuid.uuid4())
        office.send()
        assert office.states() == {"acknowledged": 1}


def test_a_dead_destination_delays_no_other(bare: Office) -> None:
    with (
        silent_port() as silent,
        receiving(bare, silent, webhook_retry_seconds="60", webhook_timeout_seconds=8.0) as (
            office, receiver, _, _,
        ),
    ):  # fmt: skip
        office.add(f"http://127.0.0.1:{silent}/in")
        began = time.time()
        for _ in range(5):
            office.announce(uuid.uuid4())
        office.send()
        assert len(receiver.accepted) == 5
        assert max(one.at for one in receiver.accepted) - began < 8.0
        assert time.time() - began >= 8.0, "the silent one was waited for"


def test_what_is_announced_in_a_transaction_that_fails_is_never_sent(bare: Office) -> None:
    with receiving(bare) as (office, receiver, _, _):
        with pytest.raises(ZeroDivisionError), transaction(office.sessions) as session:
            announce(session, uuid.uuid4())
            _ = 1 / 0
        office.send()
        assert receiver.received == []
        assert office.states() == {}


def test_a_message_is_sent_again_by_hand_under_its_old_id(bare: Office) -> None:
    with receiving(bare) as (office, receiver, endpoint_id, secret):
        office.announce(uuid.uuid4())
        office.send()
        with transaction(office.sessions) as session:
            delivery_id = session.scalars(select(Delivery.id)).one()
            view = deliveries.replay(session, SYSTEM, endpoint_id, delivery_id)
        assert (view.state, view.n_tries) == ("pending", 0)
        office.send()
        first, second = receiver.received
        assert (first.id, first.body) == (second.id, second.body)
        Webhook(secret).verify(second.body, second.headers)
        with transaction(office.sessions) as session:
            view = deliveries.get_delivery(session, SYSTEM, endpoint_id, delivery_id)
        assert [one.number for one in view.attempts] == [1, 2]


def test_a_second_sender_leaves_the_work_to_the_first(bare: Office) -> None:
    with receiving(bare) as (office, receiver, _, _):
        office.announce(uuid.uuid4())
        with only_sender(office.sessions) as is_ours:
            assert is_ours
            with transaction(office.sessions) as session:
                job_id = session.scalars(select(Job.id)).one()
            runner.run(job_id, office.context, HANDLERS)
            assert receiver.received == []
        office.send()
        assert len(receiver.accepted) == 1


def test_the_clock_wakes_the_sender_once_and_only_for_what_is_due(bare: Office) -> None:
    with receiving(bare) as (office, _, _, _):
        office.announce(uuid.uuid4())
        with transaction(office.sessions) as session:
            session.execute(update(Delivery).values(next_attempt_at=func.clock_timestamp()))
            session.execute(update(Job).values(state="done"))
        for _ in range(2):
            with transaction(office.sessions) as session:
                deliveries.wake_if_due(session)
        with transaction(office.sessions) as session:
            is_waiting = (Job.kind == JobKind.DELIVER, Job.state == "queued")
            assert session.scalar(select(func.count()).where(*is_waiting)) == 1


def test_two_transactions_about_one_sample_are_numbered_in_the_order_of_their_commits(
    bare: Office,
) -> None:
    with receiving(bare) as (office, receiver, _, _):
        subject, began = uuid.uuid4(), threading.Event()

        def second() -> None:
            began.set()
            office.announce(subject)

        with transaction(office.sessions) as session:
            announce(session, subject)
            thread = threading.Thread(target=second)
            thread.start()
            began.wait()
            time.sleep(0.2)
        thread.join()
        office.send()
        assert sequences(receiver, subject) == [1, 2]


def test_no_message_names_a_donor(bare: Office) -> None:
    with receiving(bare) as (office, receiver, _, _):
        sample_id = office.take_sample()
        with transaction(office.sessions) as session:
            sample = session.get_one(Sample, sample_id)
            about = events._about(EventType.SAMPLE_SCORED, sample, {})
            events._announce(session, about)
        office.send()
        assert receiver.received[0].message["data"] == {
            "sample_id": str(sample_id), "state": "received", "demonstration": False, "sequence": 1,
        }  # fmt: skip
        assert "CANARY" not in receiver.received[0].body
