"""What became of each message: the log, sending again, and waking the sender."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries import deliveries as queries
from app.db.tables import Delivery, DeliveryAttempt, WebhookEndpoint
from app.domain.errors import Conflict, NotFound
from app.jobs import ledger
from app.jobs.kinds import JobKind, Queue
from app.security.permissions import Principal
from app.services import audit
from app.services.paging import Listing, cut, decode

OUTBOX: Final = uuid.UUID(int=0)
"""Subject of the sender's jobs: it takes whatever is due, not one message."""
REST_AFTER_FAILURE: Final = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class AttemptView:
    """One try. `answer_head` is how the receiver's answer began; `error` why it did not do."""

    number: int
    began_at: dt.datetime
    duration_ms: int
    outcome: str
    status: int | None
    answer_head: str | None
    read_back_status: int | None
    error: str | None


@dataclass(frozen=True)
class DeliveryView:
    """One message to one destination.

    `state` is pending, acknowledged, confirmed, failed or cancelled. Acknowledged means that the
    receiver answered 2xx; confirmed, that it gave back what it was sent. `n_tries` counts since it
    was announced or sent again by hand; `attempts` holds every one.
    """

    id: uuid.UUID
    message_id: str
    event: str
    subject_id: uuid.UUID
    sequence: int
    report_id: uuid.UUID | None
    state: str
    n_tries: int
    next_attempt_at: dt.datetime | None
    acknowledged_at: dt.datetime | None
    confirmed_at: dt.datetime | None
    finished_at: dt.datetime | None
    created_at: dt.datetime
    request_id: str | None
    payload: str | None
    attempts: tuple[AttemptView, ...]


def wake(session: Session) -> None:
    """See to it, in the caller's transaction, that what it wrote is sent soon after its commit."""
    if not queries.is_job_waiting(session, Queue.OUTBOUND, JobKind.DELIVER):
        ledger.enqueue(session, JobKind.DELIVER, OUTBOX)


def wake_if_due(session: Session) -> None:
    """For the clock: retries fall due, and a sender may have died before it saw a message."""
    is_at_hand = queries.is_job_at_hand(
        session, Queue.OUTBOUND, JobKind.DELIVER, rest_after_failure=REST_AFTER_FAILURE
    )
    if not is_at_hand and queries.due(session):
        ledger.enqueue(session, JobKind.DELIVER, OUTBOX)


def visible_endpoint(
    session: Session, principal: Principal, endpoint_id: uuid.UUID, *, lock: bool = False
) -> WebhookEndpoint:
    if lock:
        endpoint = queries.locked_endpoint(session, endpoint_id)
    else:
        endpoint = session.get(WebhookEndpoint, endpoint_id)
    is_theirs = endpoint is not None and principal.owner in (None, endpoint.created_by)
    if endpoint is None or endpoint.deleted_at is not None or not is_theirs:
        raise NotFound("webhook_unknown", "There is no such webhook; see the list.")
    return endpoint


def list_deliveries(
    session: Session,
    principal: Principal,
    endpoint_id: uuid.UUID,
    *,
    state: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Listing[DeliveryView]:
    """Newest first, each with all its tries."""
    endpoint = visible_endpoint(session, principal, endpoint_id)
    rows = queries.list_deliveries(
        session, endpoint.id, state=state, after=decode(cursor), limit=limit + 1
    )
    page = cut(rows, limit, lambda row: (row.created_at, row.id))
    return Listing(_views(session, page.items), page.next_cursor)


def get_delivery(
    session: Session, principal: Principal, endpoint_id: uuid.UUID, delivery_id: uuid.UUID
) -> DeliveryView:
    endpoint = visible_endpoint(session, principal, endpoint_id)
    return _views(session, [_found(session.get(Delivery, delivery_id), endpoint)])[0]


def replay(
    session: Session, principal: Principal, endpoint_id: uuid.UUID, delivery_id: uuid.UUID
) -> DeliveryView:
    """Send the same message again, now, with all its tries; its id stays, so it is known again.

    Raises
    ------
    Conflict
        ``webhook_disabled``.
    """
    endpoint = visible_endpoint(session, principal, endpoint_id, lock=True)
    refuse_disabled(endpoint)
    delivery = _found(queries.locked_delivery(session, delivery_id), endpoint)
    before = delivery.state
    delivery.state, delivery.n_tries = "pending", 0
    delivery.next_attempt_at = queries.clock(session)
    delivery.finished_at = delivery.acknowledged_at = delivery.confirmed_at = None
    session.flush()
    wake(session)
    audit.record(
        session, actor=principal.id, action="delivery.replayed", entity="delivery",
        entity_id=str(delivery.id), before={"state": before},
        after={"webhook_id": str(endpoint.id), "message_id": delivery.message_id},
    )  # fmt: skip
    return _views(session, [delivery])[0]


def refuse_disabled(endpoint: WebhookEndpoint) -> None:
    if endpoint.disabled_at is not None:
        raise Conflict(
            "webhook_disabled",
            f"The webhook is switched off: {endpoint.disabled_reason} Switch it on first.",
        )


def _found(delivery: Delivery | None, endpoint: WebhookEndpoint) -> Delivery:
    if delivery is None or delivery.endpoint_id != endpoint.id:
        raise NotFound("delivery_unknown", "There is no such delivery; see the webhook's log.")
    return delivery


def _views(session: Session, rows: Sequence[Delivery]) -> tuple[DeliveryView, ...]:
    attempts = queries.attempts_of(session, [row.id for row in rows])
    return tuple(_view(row, attempts[row.id]) for row in rows)


def _view(row: Delivery, attempts: Sequence[DeliveryAttempt]) -> DeliveryView:
    return DeliveryView(
        id=row.id,
        message_id=row.message_id,
        event=row.event,
        subject_id=row.subject_id,
        sequence=row.sequence,
        report_id=row.report_id,
        state=row.state,
        n_tries=row.n_tries,
        next_attempt_at=row.next_attempt_at if row.state == "pending" else None,
        acknowledged_at=row.acknowledged_at,
        confirmed_at=row.confirmed_at,
        finished_at=row.finished_at,
        created_at=row.created_at,
        request_id=row.request_id,
        payload=row.payload,
        attempts=tuple(_attempt(attempt) for attempt in attempts),
    )


def _attempt(row: DeliveryAttempt) -> AttemptView:
    return AttemptView(
        number=row.number,
        began_at=row.began_at,
        duration_ms=row.duration_ms,
        outcome=row.outcome,
        status=row.status,
        answer_head=row.answer_head,
        read_back_status=row.read_back_status,
        error=row.error,
    )
