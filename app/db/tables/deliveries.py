import datetime as dt
import uuid

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, Id, Moment, Ref


class WebhookEndpoint(Base):
    """A destination: an address that is told of events, or a FHIR server that gets reports."""

    __tablename__ = "webhook_endpoints"
    __table_args__ = (
        CheckConstraint("kind IN ('webhook','fhir')", name="kind"),
        CheckConstraint("(disabled_at IS NULL) = (disabled_reason IS NULL)", name="disabled"),
        CheckConstraint(
            "(previous_secret IS NULL) = (previous_secret_until IS NULL)", name="previous_secret"
        ),
        Index(None, "created_at", "id"),
    )

    id: Mapped[Id]
    kind: Mapped[str]
    url: Mapped[str]
    description: Mapped[str]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    is_own_only: Mapped[bool]
    """Whether it hears only of samples that its owner made, as the owner sees only these."""
    reads_back: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether a delivery is over only once the receiver gave back what it was sent."""
    secret: Mapped[str]
    """Readable, since a signature is made from it: docs/decisions/0019."""
    previous_secret: Mapped[str | None]
    """Signs along until its time is over, so that a receiver may change it at leisure; a space
    parts it from ones before it that still did."""
    previous_secret_until: Mapped[Moment | None]
    authorization: Mapped[str | None]
    """The Authorization header that the receiver asks for."""
    disabled_at: Mapped[Moment | None]
    disabled_reason: Mapped[str | None]
    deleted_at: Mapped[Moment | None]
    failures_in_a_row: Mapped[int] = mapped_column(server_default="0")
    last_success_at: Mapped[Moment | None]
    last_failure_at: Mapped[Moment | None]
    last_error: Mapped[str | None]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]


class EventCounter(Base):
    """How many events a subject has had; its row lock makes their order that of the commits."""

    __tablename__ = "event_counters"

    subject_id: Mapped[uuid.UUID] = mapped_column(UUID(as_uuid=True), primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)


class Delivery(Base):
    """One message to one destination, from its event's transaction until it is over."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint(
            "state IN ('pending','acknowledged','confirmed','failed','cancelled')", name="state"
        ),
        UniqueConstraint("endpoint_id", "subject_id", "sequence"),
        Index(
            "ix_deliveries_pending", "endpoint_id", "subject_id", "sequence",
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "ix_deliveries_due", "next_attempt_at", postgresql_where=text("state = 'pending'")
        ),
        Index(None, "endpoint_id", "created_at", "id"),
    )  # fmt: skip

    id: Mapped[Id]
    endpoint_id: Mapped[Ref] = mapped_column(ForeignKey("webhook_endpoints.id"))
    message_id: Mapped[str] = mapped_column(unique=True)
    """The same on each try, so that a receiver knows what it has seen."""
    event: Mapped[str]
    subject_id: Mapped[Ref]
    """The sample, training run or model version; messages about one leave in order."""
    sequence: Mapped[int] = mapped_column(BigInteger)
    report_id: Mapped[uuid.UUID | None] = mapped_column(
        UUID(as_uuid=True), ForeignKey("reports.id"), index=True
    )
    payload: Mapped[str | None] = mapped_column(Text)
    """The body as it is sent, on each try alike; of a report, made at the first one."""
    state: Mapped[str] = mapped_column(server_default="pending")
    n_tries: Mapped[int] = mapped_column(server_default="0")
    """Tries since it was announced or sent again by hand; all of them are in its attempts."""
    next_attempt_at: Mapped[dt.datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    receipt: Mapped[str | None]
    """Where the receiver says it keeps the message."""
    acknowledged_at: Mapped[Moment | None]
    confirmed_at: Mapped[Moment | None]
    finished_at: Mapped[Moment | None]
    request_id: Mapped[str | None]
    """Of the request whose change it tells of."""
    created_at: Mapped[CreatedAt]


class DeliveryAttempt(Base):
    """One try: when, how long it took, what the receiver said; inserted only."""

    __tablename__ = "delivery_attempts"
    __table_args__ = (
        CheckConstraint("outcome IN ('acknowledged','confirmed','failed')", name="outcome"),
        UniqueConstraint("delivery_id", "number"),
    )

    id: Mapped[Id]
    delivery_id: Mapped[Ref] = mapped_column(ForeignKey("deliveries.id"))
    number: Mapped[int]
    began_at: Mapped[Moment]
    duration_ms: Mapped[int]
    outcome: Mapped[str]
    status: Mapped[int | None]
    """HTTP status of the answer; None where there was none."""
    answer_head: Mapped[str | None]
    read_back_status: Mapped[int | None]
    error: Mapped[str | None]
