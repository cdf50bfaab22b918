"""Destinations: made, changed, switched off and on, their secrets rotated, deleted."""

import base64
import datetime as dt
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from app.db.queries import deliveries as queries
from app.db.tables import Delivery, WebhookEndpoint
from app.domain.errors import Conflict, InvalidInput
from app.domain.network_addresses import parse_allowed
from app.outbound.addresses import Guard, Place
from app.security.permissions import Principal
from app.services import audit
from app.services.deliveries import (
    DeliveryView,
    get_delivery,
    refuse_disabled,
    visible_endpoint,
    wake,
)
from app.services.events import (
    REPORT_EVENTS,
    SAMPLE_EVENTS,
    TEST_EVENT,
    EventType,
    body_of,
    new_message_id,
)
from app.services.paging import Listing, cut, decode
from app.services.webhook_addresses import check_move, check_url, checked_header
from app.settings import Settings

MOST_PER_OWNER: Final = 20
OVERLAP: Final = dt.timedelta(hours=24)
"""How long the secrets before the newest one sign along."""
MOST_OLD_SECRETS: Final = 3
SECRET_BYTES: Final = 32
LONGEST_DESCRIPTION: Final = 200
SERVICE_PORTS: Final = {"postgresql": 5432, "redis": 6379, "rediss": 6379}


@dataclass(frozen=True, kw_only=True)
class NewWebhook:
    """What a destination is to be. `authorization` is the header that a FHIR server asks for."""

    url: str
    events: tuple[str, ...]
    kind: str = "webhook"
    description: str = ""
    reads_back: bool = False
    authorization: str | None = None


@dataclass(frozen=True, kw_only=True)
class WebhookChange:
    """What is to be different; None leaves it."""

    url: str | None = None
    events: tuple[str, ...] | None = None
    description: str | None = None
    enabled: bool | None = None
    reads_back: bool | None = None
    authorization: str | None = None


@dataclass(frozen=True, kw_only=True)
class WebhookView:
    """A destination as it is shown; its secret never is.

    `health` is unused, ok, failing or disabled; the counts are of deliveries.
    """

    id: uuid.UUID
    kind: str
    url: str
    description: str
    events: tuple[str, ...]
    reads_back: bool
    has_authorization: bool
    own_samples_only: bool
    enabled: bool
    disabled_reason: str | None
    health: str
    failures_in_a_row: int
    last_success_at: dt.datetime | None
    last_failure_at: dt.datetime | None
    last_error: str | None
    n_waiting: int
    n_delivered: int
    n_given_up: int
    previous_secret_until: dt.datetime | None
    created_at: dt.datetime
    created_by: str


@dataclass(frozen=True, kw_only=True)
class SecretView(WebhookView):
    """The only time that `secret` is seen; null where the request was a repeat."""

    secret: str | None


def make_guard(settings: Settings) -> Guard:
    """Who may be called from this installation."""
    return Guard(
        allowed=parse_allowed(settings.outbound_allowed or ""),
        own_services=tuple(_own_services(settings)),
    )


def _own_services(settings: Settings) -> list[Place]:
    places = [(settings.host, settings.port)]
    if settings.public_url is not None and settings.public_url.host and settings.public_url.port:
        places.append((settings.public_url.host, settings.public_url.port))
    for address in (settings.database_url, settings.broker_url):
        if address is None:
            continue
        try:
            url = make_url(address)
        except ArgumentError:
            continue
        usual = SERVICE_PORTS.get(url.get_backend_name())
        if url.host and (url.port or usual):
            places.append((url.host, url.port or usual or 0))
    return places


def create_webhook(
    session: Session, principal: Principal, new: NewWebhook, guard: Guard
) -> SecretView:
    """Make a destination with a new secret.

    Raises
    ------
    InvalidInput
        ``webhook_url``, ``webhook_events`` or ``webhook_kind``.
    Conflict
        ``webhooks_too_many``.
    """
    check_url(new.url, guard)
    events = _checked_events(principal, new.kind, new.events)
    if queries.count_endpoints(session, principal.id) >= MOST_PER_OWNER:
        raise Conflict(
            "webhooks_too_many", f"There are {MOST_PER_OWNER} webhooks already; delete one first."
        )
    endpoint = WebhookEndpoint(
        kind=new.kind,
        url=new.url,
        description=new.description.strip()[:LONGEST_DESCRIPTION],
        events=events,
        is_own_only=not principal.sees_all,
        reads_back=new.reads_back and new.kind == "fhir",
        secret=_new_secret(),
        authorization=checked_header(new.authorization),
        created_by=principal.id,
    )
    session.add(endpoint)
    session.flush()
    session.refresh(endpoint)
    _note(session, principal, endpoint, "webhook.created", after=_noted(endpoint))
    return _with_secret(_views(session, [endpoint])[0], endpoint.secret)


def list_webhooks(
    session: Session, principal: Principal, *, cursor: str | None = None, limit: int = 50
) -> Listing[WebhookView]:
    """Newest first."""
    rows = queries.list_endpoints(
        session, owner=principal.owner, after=decode(cursor), limit=limit + 1
    )
    page = cut(rows, limit, lambda row: (row.created_at, row.id))
    return Listing(_views(session, page.items), page.next_cursor)


def get_webhook(session: Session, principal: Principal, webhook_id: uuid.UUID) -> WebhookView:
    return _views(session, [visible_endpoint(session, principal, webhook_id)])[0]


def change_webhook(
    session: Session,
    principal: Principal,
    webhook_id: uuid.UUID,
    change: WebhookChange,
    guard: Guard,
) -> WebhookView:
    """Change what is given; switched on again, it sends what has waited.

    Raises
    ------
    InvalidInput
        ``webhook_url``, ``webhook_events`` or ``webhook_authorization``.
    """
    endpoint = visible_endpoint(session, principal, webhook_id, lock=True)
    before = _noted(endpoint)
    if change.url is not None:
        check_url(change.url, guard)
        check_move(endpoint, change.url, change.authorization)
        endpoint.url = change.url
    if change.events is not None:
        endpoint.events = _checked_events(principal, endpoint.kind, change.events)
    if change.description is not None:
        endpoint.description = change.description.strip()[:LONGEST_DESCRIPTION]
    if change.reads_back is not None:
        endpoint.reads_back = change.reads_back and endpoint.kind == "fhir"
    if change.authorization is not None:
        endpoint.authorization = checked_header(change.authorization)
    if change.enabled is not None:
        _switch(session, endpoint, on=change.enabled)
    session.flush()
    view = _views(session, [endpoint])[0]
    _note(session, principal, endpoint, "webhook.changed", before=before, after=_noted(endpoint))
    return view


def _switch(session: Session, endpoint: WebhookEndpoint, *, on: bool) -> None:
    if on:
        endpoint.disabled_at = endpoint.disabled_reason = None
        endpoint.failures_in_a_row = 0
        wake(session)
    elif endpoint.disabled_at is None:
        endpoint.disabled_at = queries.clock(session)
        endpoint.disabled_reason = "Switched off by hand."


def delete_webhook(session: Session, principal: Principal, webhook_id: uuid.UUID) -> None:
    """It hears nothing more, and what waits for it is dropped; its log stays in the database."""
    endpoint = visible_endpoint(session, principal, webhook_id, lock=True)
    endpoint.deleted_at = queries.clock(session)
    queries.cancel_pending(session, endpoint.id)
    session.flush()
    _note(session, principal, endpoint, "webhook.deleted", before=_noted(endpoint))


def rotate_secret(session: Session, principal: Principal, webhook_id: uuid.UUID) -> SecretView:
    """A new secret; for a day the old one signs, too, so that the receiver changes over at leisure.

    So do the ones before it that still did: where the answer with a new secret was lost and another
    is asked for, the receiver has none but the oldest.
    """
    endpoint = visible_endpoint(session, principal, webhook_id, lock=True)
    at = queries.clock(session)
    signing = secrets_of(endpoint, at)[:MOST_OLD_SECRETS]
    endpoint.previous_secret, endpoint.previous_secret_until = " ".join(signing), at + OVERLAP
    endpoint.secret = _new_secret()
    session.flush()
    view = _views(session, [endpoint])[0]
    _note(session, principal, endpoint, "webhook.secret_rotated")
    return _with_secret(view, endpoint.secret)


def secrets_of(endpoint: WebhookEndpoint, at: dt.datetime) -> tuple[str, ...]:
    """What signs now: the newest first, and the ones before for as long as they sign along."""
    until = endpoint.previous_secret_until
    if endpoint.previous_secret is None or until is None or until <= at:
        return (endpoint.secret,)
    return (endpoint.secret, *endpoint.previous_secret.split())


def _with_secret(view: WebhookView, secret: str) -> SecretView:
    return SecretView(**vars(view), secret=secret)


def send_test(session: Session, principal: Principal, webhook_id: uuid.UUID) -> DeliveryView:
    """A message that tells of nothing, sent like any other.

    Raises
    ------
    Conflict
        ``webhook_disabled``, or ``webhook_kind`` of a FHIR server, which takes reports alone.
    """
    endpoint = visible_endpoint(session, principal, webhook_id)
    refuse_disabled(endpoint)
    if endpoint.kind != "webhook":
        raise Conflict(
            "webhook_kind",
            "A FHIR server gets reports alone; release a demonstration sample to try it.",
        )
    sequence = queries.next_sequence(session, endpoint.id)
    data = {"webhook_id": str(endpoint.id), "sequence": sequence}
    delivery = Delivery(
        endpoint_id=endpoint.id,
        message_id=new_message_id(),
        event=TEST_EVENT,
        subject_id=endpoint.id,
        sequence=sequence,
        payload=body_of(TEST_EVENT, queries.clock(session), data),
    )
    session.add(delivery)
    session.flush()
    session.refresh(delivery)
    wake(session)
    view = get_delivery(session, principal, webhook_id, delivery.id)
    _note(session, principal, endpoint, "webhook.tested")
    return view


def events_open_to(principal: Principal, kind: str = "webhook") -> tuple[str, ...]:
    """What a destination of this person or program may hear of."""
    if kind == "fhir":
        return tuple(event.value for event in EventType if event in REPORT_EVENTS)
    return tuple(event.value for event in EventType if principal.sees_all or event in SAMPLE_EVENTS)


def _checked_events(principal: Principal, kind: str, events: Sequence[str]) -> list[str]:
    if kind not in ("webhook", "fhir"):
        raise InvalidInput("webhook_kind", "A destination is of kind webhook or fhir.")
    open_to = events_open_to(principal, kind)
    wanted = set(events) or (set(open_to) if kind == "fhir" else set())
    if not wanted or not wanted <= set(open_to):
        raise InvalidInput(
            "webhook_events", f"Choose at least one of these events: {', '.join(open_to)}."
        )
    return [event for event in open_to if event in wanted]


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _noted(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """What the audit trail keeps: never a secret."""
    return {
        "kind": endpoint.kind,
        "url": endpoint.url,
        "events": list(endpoint.events),
        "reads_back": endpoint.reads_back,
        "enabled": endpoint.disabled_at is None,
    }


def _note(
    session: Session,
    principal: Principal,
    endpoint: WebhookEndpoint,
    action: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    audit.record(
        session, actor=principal.id, action=action, entity="webhook", entity_id=str(endpoint.id),
        before=before, after=after,
    )  # fmt: skip


def _views(session: Session, rows: Sequence[WebhookEndpoint]) -> tuple[WebhookView, ...]:
    counts = queries.count_by_state(session, [row.id for row in rows])
    at = queries.clock(session)
    return tuple(_view(row, counts[row.id], at) for row in rows)


def _view(row: WebhookEndpoint, counts: dict[str, int], at: dt.datetime) -> WebhookView:
    until = row.previous_secret_until
    return WebhookView(
        id=row.id,
        kind=row.kind,
        url=row.url,
        description=row.description,
        events=tuple(row.events),
        reads_back=row.reads_back,
        has_authorization=row.authorization is not None,
        own_samples_only=row.is_own_only,
        enabled=row.disabled_at is None,
        disabled_reason=row.disabled_reason,
        health=_health(row),
        failures_in_a_row=row.failures_in_a_row,
        last_success_at=row.last_success_at,
        last_failure_at=row.last_failure_at,
        last_error=row.last_error,
        n_waiting=counts.get("pending", 0),
        n_delivered=counts.get("acknowledged", 0) + counts.get("confirmed", 0),
        n_given_up=counts.get("failed", 0),
        previous_secret_until=until if until is not None and until > at else None,
        created_at=row.created_at,
        created_by=row.created_by,
    )


def _health(row: WebhookEndpoint) -> str:
    if row.disabled_at is not None:
        return "disabled"
    if row.failures_in_a_row:
        return "failing"
    return "unused" if row.last_success_at is None else "ok"
