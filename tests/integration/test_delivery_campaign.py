"""Messages to receivers that are down, slow, lying and flapping: none lost, none out of order.

`make test-extended` runs 5,000 deliveries with the usual table of waits, a thousand times faster.
"""

import datetime as dt
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from app.db.session import SessionMaker, transaction
from app.db.tables import Delivery, DeliveryAttempt
from app.domain.delivery_rules import parse_retry_seconds
from app.settings import Settings
from tests.integration.delivery_office import Office
from tests.receivers import Behaviour, Received, Receiver, Reply, closed_port, running_receiver

SCALED = ",".join(
    f"{seconds / 1000:g}" for seconds in parse_retry_seconds(Settings().webhook_retry_seconds)
)
TIMEOUT_SECONDS = 0.5
ALLOWED_SECONDS = 300
"""How old a signature may be: the Standard Webhooks libraries' limit."""


@dataclass(frozen=True)
class Party:
    """A destination that misbehaves in its own way."""

    name: str
    receiver: Receiver
    secret: str
    endpoint_id: uuid.UUID


@dataclass(frozen=True)
class Outcome:
    """What the campaign came to."""

    n_deliveries: int
    n_attempts: int
    n_lost: int
    n_unsigned: int
    n_out_of_order: int
    seconds: float


def moody(replies: tuple[Reply, ...]) -> Behaviour:
    """Treats a message badly up to four times, by its id, then takes it."""
    tries: Counter[str] = Counter()

    def behave(request: Received) -> Reply:
        n_bad = int(request.id[-4:], 16) % 5
        tries[request.id] += 1
        n_try = tries[request.id]
        return replies[(n_try + n_bad) % len(replies)] if n_try <= n_bad else Reply()

    return behave


FLAPPING = moody((Reply(500), Reply(503, headers={"retry-after": "1"}), Reply(302), Reply(429)))
SLOW = moody((Reply(hang_seconds=TIMEOUT_SECONDS * 1.5), Reply(500), Reply(502), Reply(504)))
LYING = moody((Reply(breaks_off=True), Reply(200, breaks_off=True), Reply(404), Reply(400)))


@contextmanager
def parties(office: Office, down_seconds: float) -> Iterator[tuple[Office, list[Party]]]:
    """Five destinations; nobody listens at the last one's port for the first seconds."""
    port = closed_port()
    with ExitStack() as stack:
        kinds: dict[str, Behaviour] = {
            "steady": lambda _: Reply(), "slow": SLOW, "lying": LYING, "flapping": FLAPPING,
        }  # fmt: skip
        found = {
            name: stack.enter_context(running_receiver(behave)) for name, behave in kinds.items()
        }
        found["down"] = Receiver(f"http://127.0.0.1:{port}/in", port)
        office = office.allow(*(receiver.port for receiver in found.values()))
        over = threading.Event()
        late = threading.Thread(target=open_late, args=(found["down"], down_seconds, over))
        late.start()
        try:
            yield office, [party(office, name, receiver) for name, receiver in found.items()]
        finally:
            over.set()
            late.join()


def party(office: Office, name: str, receiver: Receiver) -> Party:
    endpoint_id, secret = office.add(receiver.url)
    return Party(name, receiver, secret, endpoint_id)


def open_late(receiver: Receiver, seconds: float, over: threading.Event) -> None:
    over.wait(seconds)
    with running_receiver(into=receiver):
        over.wait()


def campaign(office: Office, *, n_subjects: int, events_each: int, down_seconds: float) -> Outcome:
    began = time.monotonic()
    with parties(office, down_seconds) as (ready, everybody):
        subjects = [uuid.uuid4() for _ in range(n_subjects)]
        announcing = threading.Thread(target=announce_all, args=(ready, subjects, events_each))
        announcing.start()
        while announcing.is_alive() or ready.states().get("pending"):
            ready.send()
            time.sleep(0.05)
        announcing.join()
        return judge(ready.sessions, everybody, time.monotonic() - began)


def announce_all(office: Office, subjects: list[uuid.UUID], events_each: int) -> None:
    for _ in range(events_each):
        for subject in subjects:
            office.announce(subject)


def judge(sessions: SessionMaker, everybody: list[Party], seconds: float) -> Outcome:
    n_lost = n_unsigned = n_out_of_order = n_deliveries = 0
    for one in everybody:
        with transaction(sessions) as session:
            theirs = select(Delivery.message_id, Delivery.state)
            rows = session.execute(theirs.where(Delivery.endpoint_id == one.endpoint_id)).all()
        accepted = {request.id for request in one.receiver.accepted}
        n_deliveries += len(rows)
        n_lost += sum(row.state != "acknowledged" or row.message_id not in accepted for row in rows)
        n_unsigned += sum(not is_signed(request, one.secret) for request in one.receiver.received)
        n_out_of_order += count_out_of_order(one.receiver.received)
    with transaction(sessions) as session:
        n_attempts = len(session.scalars(select(DeliveryAttempt.id)).all())
    return Outcome(n_deliveries, n_attempts, n_lost, n_unsigned, n_out_of_order, seconds)


def is_signed(request: Received, secret: str) -> bool:
    """Whether the signature holds, made within five minutes of its arrival."""
    at = int(request.headers["webhook-timestamp"])
    moment = dt.datetime.fromtimestamp(at, dt.UTC)
    signed = Webhook(secret).sign(request.id, moment, request.body)
    return (
        abs(at - request.at) < ALLOWED_SECONDS
        and signed in request.headers["webhook-signature"].split()
    )


def count_out_of_order(received: list[Received]) -> int:
    """Messages that came after a later one about the same subject; repeats are none."""
    last: dict[str, int] = defaultdict(int)
    n_wrong = 0
    for request in received:
        data = request.message["data"]
        n_wrong += data["sequence"] < last[data["sample_id"]]
        last[data["sample_id"]] = max(last[data["sample_id"]], data["sequence"])
    return n_wrong


def test_200_deliveries_to_bad_receivers_arrive_signed_and_in_order(bare: Office) -> None:
    office = bare.set(
        webhook_retry_seconds="0.01,0.02,0.05,0.1,0.2,0.5,1,1,1",
        webhook_timeout_seconds=TIMEOUT_SECONDS,
    )
    outcome = campaign(office, n_subjects=8, events_each=5, down_seconds=1.0)
    assert outcome.n_deliveries == 200
    assert (outcome.n_lost, outcome.n_unsigned, outcome.n_out_of_order) == (0, 0, 0)
    assert outcome.n_attempts > 300, "receivers were bad, or this proves nothing"


@pytest.mark.extended
def test_5000_deliveries_at_a_thousandth_of_the_usual_waits(bare: Office, tmp_path: Path) -> None:
    office = bare.set(
        webhook_retry_seconds=SCALED, webhook_timeout_seconds=TIMEOUT_SECONDS, data_dir=tmp_path
    )
    outcome = campaign(office, n_subjects=100, events_each=10, down_seconds=20.0)
    print(outcome)  # noqa: T201  the figures that are reported
    assert outcome.n_deliveries == 5000
    assert (outcome.n_lost, outcome.n_unsigned, outcome.n_out_of_order) == (0, 0, 0)
