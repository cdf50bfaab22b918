"""An outbox with nothing else around it, a receiver beside it, and a sender run by hand."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.session import SessionMaker, transaction
from app.db.tables import Delivery, DeliveryAttempt, Job, WebhookEndpoint
from app.security.permissions import SYSTEM
from app.services import deliveries, events, samples, webhooks
from app.services.events import Event, EventType
from app.services.samples import Container, NewSample
from app.services.webhooks import NewWebhook, make_guard
from tests.receivers import Receiver, running_receiver
from worker import runner
from worker.context import Context
from worker.tasks import HANDLERS

QUICK = "0.02,0.04,0.08,0.16,0.16,0.16,0.16,0.16,0.16"


@dataclass(frozen=True)
class Office:
    """An outbox with nothing else around it: events are announced straight to it."""

    sessions: SessionMaker
    context: Context

    def allow(self, *ports: int) -> "Office":
        places = ",".join(f"127.0.0.1:{port}" for port in ports)
        settings = self.context.settings.model_copy(update={"outbound_allowed": places})
        return Office(self.sessions, replace(self.context, settings=settings))

    def set(self, **changes: object) -> "Office":
        settings = self.context.settings.model_copy(update=changes)
        return Office(self.sessions, replace(self.context, settings=settings))

    def add(self, url: str) -> tuple[uuid.UUID, str]:
        new = NewWebhook(url=url, events=tuple(EventType))
        with transaction(self.sessions) as session:
            made = webhooks.create_webhook(session, SYSTEM, new, make_guard(self.context.settings))
            assert made.secret is not None
            return made.id, made.secret

    def take_sample(self) -> uuid.UUID:
        new = NewSample(donor_code="D-CANARY", container=Container.BLOOD_BAG)
        with transaction(self.sessions) as session:
            return samples.create_sample(session, SYSTEM, new).id

    def announce(self, subject_id: uuid.UUID, n: int = 1) -> None:
        for _ in range(n):
            with transaction(self.sessions) as session:
                announce(session, subject_id)

    def send(self) -> None:
        """What the sweeper and the worker do: wake the sender while something is due, and run."""
        while True:
            with transaction(self.sessions) as session:
                deliveries.wake_if_due(session)
                waiting = session.scalars(select(Job.id).where(Job.state == "queued")).all()
            if not waiting:
                return
            for job_id in waiting:
                runner.run(job_id, self.context, HANDLERS)

    def states(self) -> dict[str, int]:
        with transaction(self.sessions) as session:
            counted = select(Delivery.state, func.count()).group_by(Delivery.state)
            return {state: int(count) for state, count in session.execute(counted)}

    def attempts(self) -> list[DeliveryAttempt]:
        with transaction(self.sessions) as session:
            order = (DeliveryAttempt.began_at, DeliveryAttempt.number)
            return list(session.scalars(select(DeliveryAttempt).order_by(*order)))

    def endpoint(self, endpoint_id: uuid.UUID) -> WebhookEndpoint:
        with transaction(self.sessions) as session:
            return session.get_one(WebhookEndpoint, endpoint_id)


def announce(session: Session, subject_id: uuid.UUID) -> None:
    told = {"sample_id": str(subject_id), "state": "computed"}
    event = Event(type=EventType.SAMPLE_SCORED, subject_id=subject_id, data=told)
    events._announce(session, event)


@contextmanager
def receiving(
    bare: Office, *more_ports: int, **changes: object
) -> Iterator[tuple[Office, Receiver, uuid.UUID, str]]:
    with running_receiver() as receiver:
        office = bare.allow(receiver.port, *more_ports).set(**changes)
        endpoint_id, secret = office.add(receiver.url)
        yield office, receiver, endpoint_id, secret
