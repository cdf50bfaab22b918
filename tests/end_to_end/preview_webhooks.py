"""The webhooks' pages in their states: none yet, some that do well and badly, one with its log."""

import datetime as dt
import uuid
from dataclasses import replace

from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.webhooks import (
    SecretShown,
    WebhookPage,
    WebhooksPage,
    change_form,
    webhook_page,
    webhooks_page,
)
from app.dashboard.contexts.wording import FormValues
from app.services.deliveries import AttemptView, DeliveryView
from app.services.events import EventType, body_of
from app.services.webhooks import WebhookView

AT = dt.datetime(2026, 11, 20, 9, 41, tzinfo=dt.UTC)
EVENTS = tuple(event.value for event in EventType)
SECRET = "whsec_bm90IGEgc2VjcmV0IG9mIGFueWJvZHksIGRyYXduIGhlcmU="
LIMS = WebhookView(
    id=uuid.UUID(int=1),
    kind="webhook",
    url="https://lims.blood-bank.example/pliant",
    description="LIMS, production",
    events=EVENTS[:3],
    reads_back=False,
    has_authorization=False,
    own_samples_only=False,
    enabled=True,
    disabled_reason=None,
    health="failing",
    failures_in_a_row=3,
    last_success_at=AT - dt.timedelta(days=1),
    last_failure_at=AT,
    last_error="No answer within 15 seconds.",
    n_waiting=2,
    n_delivered=118,
    n_given_up=1,
    previous_secret_until=AT + dt.timedelta(hours=20),
    created_at=AT - dt.timedelta(days=30),
    created_by="account:1",
)
FHIR = replace(
    LIMS, id=uuid.UUID(int=2), kind="fhir", url="https://10.1.4.20/fhir", description="",
    reads_back=True, has_authorization=True, health="ok", failures_in_a_row=0, n_waiting=0,
    n_given_up=0, last_success_at=AT,
)  # fmt: skip
OFF = replace(
    LIMS, id=uuid.UUID(int=3), description="Old middleware", enabled=False, health="disabled",
    disabled_reason="The receiver answered 410 Gone: it wants no more messages.",
)  # fmt: skip


def attempt(number: int, outcome: str, status: int | None, error: str | None) -> AttemptView:
    return AttemptView(
        number=number,
        began_at=AT + dt.timedelta(minutes=5 * number),
        duration_ms=15_003 if status is None else 84,
        outcome=outcome,
        status=status,
        answer_head="upstream timed out\nwhile connecting" if status == 502 else None,
        read_back_status=None,
        error=error,
    )


def delivery(state: str, *attempts: AttemptView) -> DeliveryView:
    event = EventType.SAMPLE_RELEASED.value
    told = {"sample_id": str(uuid.UUID(int=9)), "state": "released", "sequence": 4}
    is_taken = state in ("acknowledged", "confirmed")
    return DeliveryView(
        id=uuid.uuid5(uuid.UUID(int=0), state),
        message_id=f"msg_{uuid.uuid5(uuid.UUID(int=1), state).hex}",
        event=event,
        subject_id=uuid.UUID(int=9),
        sequence=4,
        report_id=uuid.UUID(int=8),
        state=state,
        n_tries=len(attempts),
        next_attempt_at=AT + dt.timedelta(hours=2) if state == "pending" else None,
        acknowledged_at=AT if is_taken else None,
        confirmed_at=AT if state == "confirmed" else None,
        finished_at=AT if is_taken else None,
        created_at=AT,
        request_id="a-request",
        payload=body_of(event, AT, told),
        attempts=attempts,
    )


def empty_list() -> WebhooksPage:
    return _list()


def full_list() -> WebhooksPage:
    page = _list(LIMS, FHIR, OFF)
    shown = SecretShown(LIMS.url, SECRET, is_rotated=False)
    said = "The webhook was added. Copy its secret now: it is not shown again."
    return replace(page, notice=Notice(said, "good"), shown=shown)


def _list(*views: WebhookView) -> WebhooksPage:
    return webhooks_page(
        views, open_to=EVENTS, next_cursor=None, values=FormValues(), chosen=EVENTS[:2]
    )


def failing() -> WebhookPage:
    silent = "No answer within 15 seconds."
    return webhook_page(
        LIMS,
        (
            delivery("pending"),
            delivery("failed", attempt(1, "failed", None, silent),
                     attempt(2, "failed", 502, "Answered 502.")),
            delivery("acknowledged", attempt(1, "acknowledged", 204, None)),
        ),
        change_form(LIMS, open_to=EVENTS, read="a1"),
        state=None,
        next_cursor="more",
    )  # fmt: skip


def unused() -> WebhookPage:
    change = change_form(FHIR, open_to=EVENTS[:3], read="b2")
    return webhook_page(FHIR, (), change, state="failed", next_cursor=None)
