"""Between the outbox and the sender: what goes out next, and what each try came to."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries import deliveries as queries
from app.db.tables import Delivery, DeliveryAttempt, Report, WebhookEndpoint
from app.domain.delivery_rules import Answer, Tried, next_wait
from app.outbound import fhir_r4
from app.outbound.results import Sender
from app.security.permissions import SYSTEM
from app.services import audit
from app.services.report_contents import kept_content
from app.services.webhooks import secrets_of

SENT_AT_ONCE: Final = queries.SENT_AT_ONCE
GONE_REASON: Final = "The receiver answered 410 Gone: it wants no more messages."


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """One message as it is about to leave; `at` is the database's clock, `number` the try's."""

    delivery_id: uuid.UUID
    endpoint_id: uuid.UUID
    kind: str
    url: str
    message_id: str
    body: str
    problem: str | None
    """Why there is no body, where one could not be made."""
    number: int
    at: dt.datetime
    secrets: tuple[str, ...]
    authorization: str | None
    reads_back: bool
    receipt: str | None
    is_due: bool
    """Else it will be in a moment."""
    is_failing: bool
    """Whether the destination did not take the message before."""


def pick(
    session: Session, sender: Sender, *, within: dt.timedelta, except_for: Collection[uuid.UUID]
) -> list[Outgoing]:
    """What may leave now, in the order in which it fell due; bodies of reports are made here."""
    rows = queries.due(session, within=within, except_for=except_for)
    counts = queries.count_attempts(session, [row[0].id for row in rows])
    at = queries.clock(session)
    return [
        _outgoing(session, sender, delivery, endpoint, number=counts.get(delivery.id, 0) + 1, at=at)
        for delivery, endpoint in rows
    ]


def _outgoing(
    session: Session,
    sender: Sender,
    delivery: Delivery,
    endpoint: WebhookEndpoint,
    *,
    number: int,
    at: dt.datetime,
) -> Outgoing:
    body, problem = _frozen_body(session, sender, delivery)
    return Outgoing(
        delivery_id=delivery.id,
        endpoint_id=endpoint.id,
        kind=endpoint.kind,
        url=endpoint.url,
        message_id=delivery.message_id,
        body=body,
        problem=problem,
        number=number,
        at=at,
        secrets=secrets_of(endpoint, at),
        authorization=endpoint.authorization,
        reads_back=endpoint.reads_back,
        receipt=delivery.receipt,
        is_due=delivery.next_attempt_at <= at,
        is_failing=endpoint.failures_in_a_row > 0,
    )


def _frozen_body(session: Session, sender: Sender, delivery: Delivery) -> tuple[str, str | None]:
    """Made once: a later program version may write the same report in other words."""
    if delivery.payload is None:
        report = session.get_one(Report, delivery.report_id)
        try:
            made = fhir_r4.bundle(kept_content(report), sender, transaction=True)
        except ValueError as error:
            return "", f"The report cannot be written as FHIR: {error}"
        delivery.payload = made.decode()
        session.flush()
    return delivery.payload, None


def record(
    session: Session,
    sent: Outgoing,
    tried: Tried,
    *,
    waits_seconds: Sequence[float],
    chance: float,
) -> None:
    """Keep what a try came to and what follows; a delivery that was taken back stays as it is."""
    delivery = queries.locked_delivery(session, sent.delivery_id)
    endpoint = queries.locked_endpoint(session, sent.endpoint_id)
    if delivery is None or endpoint is None or delivery.state != "pending":
        return
    at = queries.clock(session)
    session.add(_attempt(sent, tried))
    delivery.n_tries += 1
    if tried.answer.is_taken:
        delivery.acknowledged_at = delivery.acknowledged_at or at
        delivery.receipt = tried.receipt or delivery.receipt
    _note_health(endpoint, tried, at)
    if tried.is_over(reads_back=sent.reads_back):
        _close(delivery, "confirmed" if tried.is_confirmed else "acknowledged", at)
        delivery.confirmed_at = at if tried.is_confirmed else None
        session.flush()
        return
    wait = next_wait(delivery.n_tries, waits_seconds, tried.answer, chance=chance)
    if wait is not None:
        delivery.next_attempt_at = at + wait
    else:
        _close(delivery, "failed", at)
    session.flush()
    _note_consequences(session, delivery, endpoint, tried.answer, at)


def _attempt(sent: Outgoing, tried: Tried) -> DeliveryAttempt:
    return DeliveryAttempt(
        delivery_id=sent.delivery_id,
        number=sent.number,
        began_at=sent.at,
        duration_ms=tried.duration_ms,
        outcome=tried.outcome,
        status=tried.answer.status,
        answer_head=tried.answer.head,
        read_back_status=tried.read_back_status,
        error=tried.error,
    )


def _note_health(endpoint: WebhookEndpoint, tried: Tried, at: dt.datetime) -> None:
    if tried.error is None:
        endpoint.failures_in_a_row, endpoint.last_success_at = 0, at
        return
    endpoint.failures_in_a_row += 1
    endpoint.last_failure_at, endpoint.last_error = at, tried.error


def _close(delivery: Delivery, state: str, at: dt.datetime) -> None:
    delivery.state, delivery.finished_at = state, at


def _note_consequences(
    session: Session, delivery: Delivery, endpoint: WebhookEndpoint, answer: Answer, at: dt.datetime
) -> None:
    if answer.is_gone and endpoint.disabled_at is None:
        endpoint.disabled_at, endpoint.disabled_reason = at, GONE_REASON
        audit.record(
            session, actor=SYSTEM.id, action="webhook.disabled", entity="webhook",
            entity_id=str(endpoint.id), after={"reason": GONE_REASON},
        )  # fmt: skip
    if delivery.state == "failed":
        audit.record(
            session, actor=SYSTEM.id, action="delivery.given_up", entity="delivery",
            entity_id=str(delivery.id),
            after={"webhook_id": str(endpoint.id), "n_tries": delivery.n_tries},
        )  # fmt: skip
