import datetime as dt

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, Id, Json, Moment, Ref


class Job(Base):
    """A row of queued work. The row is the job; a message in the broker only rings."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(
            "state IN ('queued','running','done','failed','quarantined','cancelled')", name="state"
        ),
        Index("ix_jobs_due", "queue", "priority", "created_at",
              postgresql_where=text("state = 'queued'")),
        Index("ix_jobs_leases", "lease_until", postgresql_where=text("state = 'running'")),
    )  # fmt: skip

    id: Mapped[Id]
    kind: Mapped[str]
    queue: Mapped[str]
    priority: Mapped[int] = mapped_column(server_default="0")
    """Smaller is sooner."""
    subject_id: Mapped[Ref] = mapped_column(index=True)
    dedupe_key: Mapped[str | None] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(server_default="queued")
    attempts: Mapped[int] = mapped_column(server_default="0")
    max_attempts: Mapped[int]
    token: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Fencing token: grows with each claim; only its holder may record a result."""
    lease_until: Mapped[Moment | None]
    deadline_at: Mapped[Moment | None]
    not_before: Mapped[dt.datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.clock_timestamp()
    )
    published_at: Mapped[Moment | None]
    cancel_requested_at: Mapped[Moment | None]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    created_at: Mapped[CreatedAt]
    finished_at: Mapped[Moment | None]


class Heartbeat(Base):
    """When a process last reported, and what; how /readyz learns of the broker."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[Moment]
    report: Mapped[Json]
