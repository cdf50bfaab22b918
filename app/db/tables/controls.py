import datetime as dt
import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, Id, Json, Moment, Ref


class Control(Base):
    """A material, or sealed images, that is measured again and again."""

    __tablename__ = "controls"
    __table_args__ = (
        CheckConstraint("kind IN ('digital','wet')", name="kind"),
        CheckConstraint("(kind = 'digital') = (content_sha256 IS NOT NULL)", name="sealed"),
        CheckConstraint("(kind = 'wet') = (expires_on IS NOT NULL)", name="expires"),
        CheckConstraint("(ended_at IS NULL) = (ended_reason IS NULL)", name="ended_with_reason"),
        Index("uq_controls_name", "name", unique=True, postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[Id]
    kind: Mapped[str]
    name: Mapped[str]
    """With the lot, for a material."""
    content: Mapped[dict[str, object] | None] = mapped_column(JSONB(none_as_null=True))
    """Of a digital control: its images with hash and format, and the imaging parameters."""
    content_sha256: Mapped[str | None]
    is_shipped: Mapped[bool] = mapped_column(server_default=text("false"))
    expires_on: Mapped[dt.date | None]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]
    ended_at: Mapped[Moment | None]
    ended_by: Mapped[str | None]
    ended_reason: Mapped[str | None]


class SealedAnswer(Base):
    """What a control must answer under one model version and pipeline; inserted only."""

    __tablename__ = "sealed_answers"

    control_id: Mapped[Ref] = mapped_column(ForeignKey("controls.id"), primary_key=True)
    model_version_id: Mapped[Ref] = mapped_column(ForeignKey("model_versions.id"), primary_key=True)
    pipeline_version: Mapped[str] = mapped_column(primary_key=True)
    answer: Mapped[str]
    """Canonical JSON text, as it was hashed."""
    answer_sha256: Mapped[str]
    is_shipped: Mapped[bool]
    environment: Mapped[str]
    """The machine and libraries that gave it."""
    created_at: Mapped[CreatedAt]


class ControlResolution(Base):
    """Why a control broke a rule and what was done about it, which unlocks release."""

    __tablename__ = "control_resolutions"

    id: Mapped[Id]
    control_id: Mapped[Ref] = mapped_column(ForeignKey("controls.id"), index=True)
    cause: Mapped[str]
    action: Mapped[str]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]


class ControlRun(Base):
    """One measurement of a control."""

    __tablename__ = "control_runs"
    __table_args__ = (
        CheckConstraint("trigger IN ('start','nightly','asked','sample','typed')", name="trigger"),
        CheckConstraint("(figures IS NULL) = (measured_at IS NULL)", name="measured"),
        UniqueConstraint("sample_id"),
        Index(None, "control_id", "created_at"),
    )

    id: Mapped[Id]
    control_id: Mapped[Ref] = mapped_column(ForeignKey("controls.id"))
    trigger: Mapped[str]
    model_version_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("model_versions.id"))
    pipeline_version: Mapped[str | None]
    environment: Mapped[str] = mapped_column(server_default="")
    """The machine and libraries of a digital run; runs of one series share it."""
    sample_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("samples.id"))
    analysis_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("analyses.id"), index=True)
    figures: Mapped[dict[str, float | None] | None] = mapped_column(JSONB(none_as_null=True))
    """By name; None while its sample has no score yet."""
    is_match: Mapped[bool | None]
    """Of a digital run: whether it answered as sealed."""
    message: Mapped[str | None]
    """What did not match, or why there is no figure."""
    measured_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]
    left_out_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("control_resolutions.id"))
    """The resolution that took it out of the limits; it stays on the chart."""


class FrozenLimits(Base):
    """Final limits of one series of a control; inserted once."""

    __tablename__ = "frozen_limits"

    control_id: Mapped[Ref] = mapped_column(ForeignKey("controls.id"), primary_key=True)
    series: Mapped[str] = mapped_column(primary_key=True)
    limits: Mapped[Json]
    created_at: Mapped[CreatedAt]


class ControlViolation(Base):
    """A rule that a run broke; a warning, or a lock on release until it is resolved."""

    __tablename__ = "control_violations"
    __table_args__ = (
        Index(
            "ix_control_violations_open", "control_id",
            postgresql_where=text("resolution_id IS NULL AND NOT is_warning"),
        ),
    )  # fmt: skip

    id: Mapped[Id]
    control_id: Mapped[Ref] = mapped_column(ForeignKey("controls.id"), index=True)
    run_id: Mapped[Ref] = mapped_column(ForeignKey("control_runs.id"), index=True)
    rule: Mapped[str]
    figure: Mapped[str | None]
    is_warning: Mapped[bool]
    message: Mapped[str]
    basis: Mapped[Json]
    """Methods, limits and runs that took part."""
    created_at: Mapped[CreatedAt]
    resolution_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("control_resolutions.id"))


class TimetableSlot(Base):
    """One turn of timetabled work; whoever inserts it does the work."""

    __tablename__ = "timetable_slots"

    name: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[CreatedAt]
