"""Webhooks as a list with a form, and one of them with its log."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import Chip, FormValues, MomentText, moment_text
from app.services.deliveries import AttemptView, DeliveryView
from app.services.events import TEST_EVENT, EventType
from app.services.webhooks import WebhookView

HEALTH: Final = {
    "unused": Chip("Nothing sent yet"),
    "ok": Chip("Taking messages", "good"),
    "failing": Chip("Failing", "bad"),
    "disabled": Chip("Switched off", "warning"),
}
STATES: Final = {
    "pending": Chip("Waiting", "busy"),
    "acknowledged": Chip("Acknowledged", "good"),
    "confirmed": Chip("Confirmed", "good"),
    "failed": Chip("Given up", "bad"),
    "cancelled": Chip("Dropped", "warning"),
}
FormPairs = Sequence[tuple[str, str]]
KINDS: Final = {"webhook": "Webhook", "fhir": "FHIR server"}
EVENTS: Final[Mapping[str, str]] = {
    EventType.SAMPLE_SCORED: "A sample has a score",
    EventType.SAMPLE_RELEASED: "A result was released",
    EventType.SAMPLE_AMENDED: "A released result was amended or withdrawn",
    EventType.IMAGE_REJECTED: "An image cannot be used",
    EventType.TRAINING_RUN_FINISHED: "A training run has ended",
    EventType.MODEL_VERSION_ACTIVATED: "Another model version is active",
    TEST_EVENT: "Test",
}


@dataclass(frozen=True)
class EventChoice:
    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True)
class WebhookRow:
    href: str
    url: str
    name: str
    kind: str
    health: Chip
    told: str
    """What it does well or badly, in a sentence."""
    counts: str
    created: MomentText


@dataclass(frozen=True)
class SecretShown:
    """A new secret, once."""

    url: str
    secret: str
    is_rotated: bool


@dataclass(frozen=True, kw_only=True)
class WebhooksPage:
    rows: tuple[WebhookRow, ...]
    choices: tuple[EventChoice, ...]
    values: FormValues
    next_href: str | None
    notice: Notice | None = None
    shown: SecretShown | None = None


@dataclass(frozen=True)
class TryRow:
    number: int
    began: MomentText
    took: str
    outcome: Chip
    answer: str
    said: str


@dataclass(frozen=True)
class DeliveryRow:
    id: str
    event: str
    event_name: str
    sequence: int
    state: Chip
    is_open: bool
    """Whether it is shown unfolded: what is not over yet, or was given up."""
    message_id: str
    subject_href: str | None
    announced: MomentText
    next_try: MomentText | None
    acknowledged: MomentText | None
    confirmed: MomentText | None
    body: str | None
    tries: tuple[TryRow, ...]


@dataclass(frozen=True)
class StateLink:
    text: str
    href: str
    is_current: bool


@dataclass(frozen=True, kw_only=True)
class ChangeForm:
    """What may be different; `read` names what was there when the page was made."""

    url: str
    description: str
    choices: tuple[EventChoice, ...]
    read: str
    is_open: bool
    """Whether it is shown unfolded: what was typed was refused."""


@dataclass(frozen=True, kw_only=True)
class WebhookPage:
    href: str
    row: WebhookRow
    change: ChangeForm
    events: tuple[str, ...]
    is_enabled: bool
    may_test: bool
    reads_back: bool
    has_authorization: bool
    old_secret_until: MomentText | None
    deliveries: tuple[DeliveryRow, ...]
    states: tuple[StateLink, ...]
    is_filtered: bool
    next_href: str | None
    notice: Notice | None = None
    shown: SecretShown | None = None


def webhooks_page(
    views: Sequence[WebhookView],
    *,
    open_to: Sequence[str],
    next_cursor: str | None,
    values: FormValues,
    chosen: Collection[str],
    notice: Notice | None = None,
    shown: SecretShown | None = None,
) -> WebhooksPage:
    return WebhooksPage(
        rows=tuple(_row(view) for view in views),
        choices=tuple(EventChoice(name, EVENTS[name], name in chosen) for name in open_to),
        values=values,
        next_href=None if next_cursor is None else f"/webhooks?cursor={next_cursor}",
        notice=notice,
        shown=shown,
    )


def change_form(
    view: WebhookView, *, open_to: Sequence[str], read: str, typed: FormPairs | None = None
) -> ChangeForm:
    """The webhook as it is, or what was typed and refused."""
    if typed is None:
        url, description, chosen = view.url, view.description, frozenset(view.events)
    else:
        values = FormValues(typed)
        url, description = values["url"], values["description"]
        chosen = frozenset(value for name, value in typed if name == "event")
    return ChangeForm(
        url=url,
        description=description,
        choices=tuple(EventChoice(name, EVENTS[name], name in chosen) for name in open_to),
        read=read,
        is_open=typed is not None,
    )


def webhook_page(
    view: WebhookView,
    deliveries: Sequence[DeliveryView],
    change: ChangeForm,
    *,
    state: str | None,
    next_cursor: str | None,
    notice: Notice | None = None,
    shown: SecretShown | None = None,
) -> WebhookPage:
    href = f"/webhooks/{view.id}"
    kept = f"state={state}&" if state else ""
    until = view.previous_secret_until
    return WebhookPage(
        href=href,
        row=_row(view),
        change=change,
        events=tuple(EVENTS[name] for name in view.events),
        is_enabled=view.enabled,
        may_test=view.enabled and view.kind == "webhook",
        reads_back=view.reads_back,
        has_authorization=view.has_authorization,
        old_secret_until=None if until is None else moment_text(until),
        deliveries=tuple(_delivery(one) for one in deliveries),
        states=_state_links(href, state),
        is_filtered=state is not None,
        next_href=None if next_cursor is None else f"{href}?{kept}cursor={next_cursor}",
        notice=notice,
        shown=shown,
    )


def _state_links(href: str, state: str | None) -> tuple[StateLink, ...]:
    every = StateLink("All", href, state is None)
    links = (StateLink(STATES[one].text, f"{href}?state={one}", one == state) for one in STATES)
    return (every, *links)


def _row(view: WebhookView) -> WebhookRow:
    return WebhookRow(
        href=f"/webhooks/{view.id}",
        url=view.url,
        name=view.description or view.url,
        kind=KINDS[view.kind],
        health=HEALTH[view.health],
        told=_told(view),
        counts=_counts(view),
        created=moment_text(view.created_at),
    )


def _counts(view: WebhookView) -> str:
    numbers = f"{view.n_waiting} waiting, {view.n_delivered} delivered"
    return f"{numbers}, {view.n_given_up} given up"


def _told(view: WebhookView) -> str:
    if not view.enabled:
        return f"{view.disabled_reason} Its messages wait until it is switched on."
    if view.failures_in_a_row:
        times = "time" if view.failures_in_a_row == 1 else "times in a row"
        return f"Failed {view.failures_in_a_row} {times}, last: {view.last_error}"
    if view.last_success_at is None:
        return "Send a test message to see whether it arrives."
    return f"Last message taken {moment_text(view.last_success_at).text}."


def _delivery(view: DeliveryView) -> DeliveryRow:
    is_of_sample = view.event.startswith(("sample.", "image."))
    return DeliveryRow(
        id=str(view.id),
        event=view.event,
        event_name=EVENTS.get(view.event, view.event),
        sequence=view.sequence,
        state=STATES[view.state],
        is_open=view.state in ("pending", "failed"),
        message_id=view.message_id,
        subject_href=f"/samples/{view.subject_id}" if is_of_sample else None,
        announced=moment_text(view.created_at),
        next_try=None if view.next_attempt_at is None else moment_text(view.next_attempt_at),
        acknowledged=None if view.acknowledged_at is None else moment_text(view.acknowledged_at),
        confirmed=None if view.confirmed_at is None else moment_text(view.confirmed_at),
        body=_readable(view.payload),
        tries=tuple(_try(one) for one in view.attempts),
    )


def _readable(body: str | None) -> str | None:
    """The body in lines; what was sent has none."""
    return None if body is None else json.dumps(json.loads(body), indent=2, ensure_ascii=False)


def _try(view: AttemptView) -> TryRow:
    answer = "no answer" if view.status is None else str(view.status)
    if view.read_back_status is not None:
        answer = f"{answer}, read back: {view.read_back_status}"
    outcomes = {
        "acknowledged": Chip("Acknowledged", "good"),
        "confirmed": Chip("Confirmed", "good"),
    }
    outcome = outcomes.get(view.outcome, Chip("Failed", "bad"))
    if view.outcome == "acknowledged" and view.error is not None:
        outcome = Chip("Acknowledged, not confirmed", "warning")
    return TryRow(
        number=view.number,
        began=moment_text(view.began_at),
        took=f"{view.duration_ms} ms",
        outcome=outcome,
        answer=answer,
        said=" ".join(text for text in (view.error, view.answer_head) if text),
    )
