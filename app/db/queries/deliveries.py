"""The outbox: who wants an event, what is due, what became of it."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Text,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from app.db.tables import ApiKey, Delivery, DeliveryAttempt, EventCounter, Job, WebhookEndpoint

Position = tuple[dt.datetime, uuid.UUID]
DueRow = Row[Delivery, WebhookEndpoint]

SENT_AT_ONCE: Final = 4
"""Messages on their way to one destination at a time, each about something else."""


def endpoints_wanting(
    session: Session, event: str, *, owner: str | None
) -> Sequence[WebhookEndpoint]:
    """Destinations of what `owner` made, disabled ones too: their messages wait.

    A program hears of its own samples for as long as it has a key that still opens.
    """
    is_theirs: ColumnElement[bool] = WebhookEndpoint.is_own_only.is_(False)
    if owner is not None:
        is_theirs = or_(is_theirs, and_(WebhookEndpoint.created_by == owner, _has_live_key(owner)))
    return session.scalars(
        select(WebhookEndpoint)
        .where(
            WebhookEndpoint.deleted_at.is_(None),
            WebhookEndpoint.events.contains([event]),
            is_theirs,
        )
        .order_by(WebhookEndpoint.created_at, WebhookEndpoint.id)
    ).all()


def _has_live_key(owner: str) -> ColumnElement[bool]:
    return exists().where(
        literal("key:") + cast(ApiKey.identity_id, Text) == owner,
        ApiKey.revoked_at.is_(None),
        ApiKey.expires_at > func.now(),
    )


def next_sequence(session: Session, subject_id: uuid.UUID) -> int:
    """Count an event; another transaction with one of the same subject waits for this one's end."""
    return session.scalars(
        insert(EventCounter)
        .values(subject_id=subject_id, last=1)
        .on_conflict_do_update(
            index_elements=[EventCounter.subject_id], set_={"last": EventCounter.last + 1}
        )
        .returning(EventCounter.last)
    ).one()


def clock(session: Session) -> dt.datetime:
    at: dt.datetime = session.scalars(select(func.clock_timestamp())).one()
    return at


def is_job_waiting(session: Session, queue: str, kind: str) -> bool:
    waiting = exists().where(Job.queue == queue, Job.kind == kind, Job.state == "queued")
    return bool(session.scalar(select(waiting)))


def is_job_at_hand(
    session: Session, queue: str, kind: str, *, rest_after_failure: dt.timedelta
) -> bool:
    """Whether such a job waits or runs, or one failed so lately that the next should wait."""
    failed = Job.state.in_(["failed", "quarantined"]) & (
        Job.finished_at > func.clock_timestamp() - rest_after_failure
    )
    is_live = Job.state.in_(["queued", "running"])
    found = exists().where(Job.queue == queue, Job.kind == kind, or_(is_live, failed))
    return bool(session.scalar(select(found)))


def _is_next(earlier: type[Delivery]) -> ColumnElement[bool]:
    """Nothing older about the same subject waits for the same destination."""
    return ~exists().where(
        earlier.endpoint_id == Delivery.endpoint_id,
        earlier.subject_id == Delivery.subject_id,
        earlier.sequence < Delivery.sequence,
        earlier.state == "pending",
    )


def due(
    session: Session,
    *,
    within: dt.timedelta = dt.timedelta(),
    except_for: Collection[uuid.UUID] = (),
) -> Sequence[DueRow]:
    """What may be sent now, or `within` a moment: of each destination the few that wait longest.

    A destination that failed last time gets one message at a time, so that one which never answers
    keeps few of the senders waiting.
    """
    heads = _heads(within, except_for).subquery().lateral()
    delivery = aliased(Delivery, heads)
    is_open = WebhookEndpoint.disabled_at.is_(None) & WebhookEndpoint.deleted_at.is_(None)
    return session.execute(
        select(delivery, WebhookEndpoint)
        .select_from(WebhookEndpoint)
        .join(heads, heads.c.endpoint_id == WebhookEndpoint.id)
        .where(is_open)
        .order_by(delivery.next_attempt_at)
    ).all()


def _heads(within: dt.timedelta, except_for: Collection[uuid.UUID]) -> Select[Delivery]:
    return (
        select(Delivery)
        .where(
            Delivery.endpoint_id == WebhookEndpoint.id,
            Delivery.state == "pending",
            Delivery.next_attempt_at <= func.clock_timestamp() + within,
            Delivery.id.not_in(except_for),
            _is_next(aliased(Delivery)),
        )
        .order_by(Delivery.next_attempt_at, Delivery.created_at)
        .limit(SENT_AT_ONCE)
        .correlate(WebhookEndpoint)
    )


def locked_endpoint(session: Session, endpoint_id: uuid.UUID) -> WebhookEndpoint | None:
    return session.get(WebhookEndpoint, endpoint_id, with_for_update=True, populate_existing=True)


def locked_delivery(session: Session, delivery_id: uuid.UUID) -> Delivery | None:
    return session.get(Delivery, delivery_id, with_for_update=True, populate_existing=True)


def count_attempts(session: Session, delivery_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    rows = session.execute(
        select(DeliveryAttempt.delivery_id, func.count())
        .where(DeliveryAttempt.delivery_id.in_(delivery_ids))
        .group_by(DeliveryAttempt.delivery_id)
    ).all()
    return {delivery_id: int(count) for delivery_id, count in rows}


def attempts_of(
    session: Session, delivery_ids: Collection[uuid.UUID]
) -> Mapping[uuid.UUID, list[DeliveryAttempt]]:
    """In the order in which they were made."""
    rows = session.scalars(
        select(DeliveryAttempt)
        .where(DeliveryAttempt.delivery_id.in_(delivery_ids))
        .order_by(DeliveryAttempt.number)
    ).all()
    found: dict[uuid.UUID, list[DeliveryAttempt]] = {id_: [] for id_ in delivery_ids}
    for row in rows:
        found[row.delivery_id].append(row)
    return found


def list_deliveries(
    session: Session,
    endpoint_id: uuid.UUID,
    *,
    state: str | None,
    after: Position | None,
    limit: int,
) -> Sequence[Delivery]:
    """Newest first."""
    wanted = select(Delivery).where(Delivery.endpoint_id == endpoint_id)
    if state is not None:
        wanted = wanted.where(Delivery.state == state)
    if after is not None:
        wanted = wanted.where(tuple_(Delivery.created_at, Delivery.id) < tuple_(*after))
    order = (Delivery.created_at.desc(), Delivery.id.desc())
    return session.scalars(wanted.order_by(*order).limit(limit)).all()


def list_endpoints(
    session: Session, *, owner: str | None, after: Position | None, limit: int
) -> Sequence[WebhookEndpoint]:
    """Newest first, without deleted ones."""
    wanted = select(WebhookEndpoint).where(WebhookEndpoint.deleted_at.is_(None))
    if owner is not None:
        wanted = wanted.where(WebhookEndpoint.created_by == owner)
    if after is not None:
        position = tuple_(WebhookEndpoint.created_at, WebhookEndpoint.id)
        wanted = wanted.where(position < tuple_(*after))
    order = (WebhookEndpoint.created_at.desc(), WebhookEndpoint.id.desc())
    return session.scalars(wanted.order_by(*order).limit(limit)).all()


def lock_open_endpoints(session: Session) -> Sequence[WebhookEndpoint]:
    """Everybody's that may be sent to."""
    is_open = WebhookEndpoint.disabled_at.is_(None) & WebhookEndpoint.deleted_at.is_(None)
    wanted = select(WebhookEndpoint).where(is_open).order_by(WebhookEndpoint.id)
    return session.scalars(wanted.with_for_update()).all()


def count_endpoints(session: Session, owner: str) -> int:
    counted = select(func.count()).select_from(WebhookEndpoint)
    is_live = WebhookEndpoint.deleted_at.is_(None)
    return session.scalars(counted.where(WebhookEndpoint.created_by == owner, is_live)).one()


def count_by_state(
    session: Session, endpoint_ids: Collection[uuid.UUID]
) -> Mapping[uuid.UUID, dict[str, int]]:
    rows = session.execute(
        select(Delivery.endpoint_id, Delivery.state, func.count())
        .where(Delivery.endpoint_id.in_(endpoint_ids))
        .group_by(Delivery.endpoint_id, Delivery.state)
    ).all()
    found: dict[uuid.UUID, dict[str, int]] = {id_: {} for id_ in endpoint_ids}
    for endpoint_id, state, count in rows:
        found[endpoint_id][state] = count
    return found


def cancel_pending(session: Session, endpoint_id: uuid.UUID) -> None:
    session.execute(
        update(Delivery)
        .where(Delivery.endpoint_id == endpoint_id, Delivery.state == "pending")
        .values(state="cancelled", finished_at=func.clock_timestamp())
    )
