"""The sender is killed again and again: every message arrives, in order, under its one id."""

import random
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import func, select
from standardwebhooks import Webhook

from app.db.session import transaction
from app.db.tables import Delivery
from app.domain.network_addresses import parse_allowed
from app.outbound.addresses import Guard
from app.security.permissions import SYSTEM
from app.services import webhooks
from app.services.events import EventType
from app.services.webhooks import NewWebhook
from tests.faults.conftest import ToyHouse
from tests.faults.processes import START_SECONDS, WORKER_OPTIONS, Process, wait_until
from tests.integration.delivery_office import announce
from tests.integration.test_delivery_campaign import count_out_of_order
from tests.receivers import Receiver, Reply, running_receiver

pytestmark = pytest.mark.faults

N_SUBJECTS, N_EVENTS, N_KILLS = 12, 10, 5


@dataclass
class PostOffice:
    """The real sweeper, the real outbound worker, and a receiver that takes its time."""

    house: ToyHouse
    receiver: Receiver
    secret: str

    def start_sender(self) -> Process:
        celery = (sys.executable, "-m", "celery", "-A", "worker.main", "worker", "-Q", "outbound")
        command = (*celery, "-c", "1", "-n", "outbound@test", *WORKER_OPTIONS)
        process = Process(command, env=self.house.env, log=self.house.folder / "outbound.log")
        self.house.started.callback(process.kill)
        return process

    def announce(self, subjects: list[uuid.UUID]) -> None:
        for subject in subjects:
            with transaction(self.house.sessions) as session:
                announce(session, subject)

    def await_another(self) -> None:
        seen = len(self.receiver.received)
        wait_until(lambda: len(self.receiver.received) > seen, seconds=START_SECONDS)

    def n_waiting(self) -> int:
        with transaction(self.house.sessions) as session:
            waiting = select(func.count()).where(Delivery.state == "pending")
            return session.scalars(waiting).one()


@pytest.fixture
def post_office(house: ToyHouse) -> Iterator[PostOffice]:
    with running_receiver(lambda _: Reply(hang_seconds=0.02)) as receiver:
        allowed = f"127.0.0.1:{receiver.port}"
        house.env |= {
            "PLIANT_OUTBOUND_ALLOWED": allowed,
            "PLIANT_WEBHOOK_RETRY_SECONDS": "0.1,0.2,0.5,1,1,1,1,1,1",
        }
        new = NewWebhook(url=receiver.url, events=tuple(EventType))
        with transaction(house.sessions) as session:
            guard = Guard(allowed=parse_allowed(allowed))
            made = webhooks.create_webhook(session, SYSTEM, new, guard)
        yield PostOffice(house, receiver, made.secret or "")


def test_a_sender_killed_five_times_loses_nothing_and_keeps_the_order(
    post_office: PostOffice,
) -> None:
    chance = random.Random(5)
    house, receiver = post_office.house, post_office.receiver
    house.start_sweeper("worker.sweeper")
    sender = post_office.start_sender()
    subjects = [uuid.uuid4() for _ in range(N_SUBJECTS)]
    for kill in range(N_EVENTS):
        post_office.announce(subjects)
        if kill >= N_KILLS:
            continue
        post_office.await_another()
        time.sleep(chance.uniform(0, 0.1))
        sender.kill()
        house.execute("UPDATE jobs SET lease_until = clock_timestamp() WHERE state = 'running'")
        sender.start()
    wait_until(lambda: post_office.n_waiting() == 0, seconds=START_SECONDS)

    with transaction(house.sessions) as session:
        written = session.execute(select(Delivery.message_id, Delivery.state)).all()
    assert len(written) == N_SUBJECTS * N_EVENTS
    assert {row.state for row in written} == {"acknowledged"}
    assert {one.id for one in receiver.received} == {row.message_id for row in written}
    assert count_out_of_order(receiver.received) == 0
    for one in receiver.received:
        Webhook(post_office.secret).verify(one.body, one.headers)
