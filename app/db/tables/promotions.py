import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, literal_column
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, Id, JsonList, Moment, Ref


class Activation(Base):
    """From when until when a model version scored new analyses; no two at the same time."""

    __tablename__ = "activations"
    __table_args__ = (
        ExcludeConstraint(
            (func.tstzrange(literal_column("began_at"), literal_column("ended_at")), "&&"),
            name="ex_activations_one_at_a_time",
        ),
        CheckConstraint("reason <> ''", name="reason"),
    )

    id: Mapped[Id]
    model_version_id: Mapped[Ref] = mapped_column(ForeignKey("model_versions.id"), index=True)
    began_at: Mapped[Moment]
    ended_at: Mapped[Moment | None]
    activated_by: Mapped[str]
    reason: Mapped[str]
    is_rollback: Mapped[bool]
    """The version had been live before; the gate asked nothing of its figures."""
    overridden: Mapped[JsonList]
    """Rules of the gate that did not hold, with their figures, as they stood then."""


class ImpactPreview(Base):
    """What a version would have scored where another's scores are known; never a sample's score."""

    __tablename__ = "impact_previews"
    __table_args__ = (
        CheckConstraint("state IN ('queued','running','done','failed')", name="state"),
        Index(None, "model_version_id", "created_at"),
    )

    id: Mapped[Id]
    model_version_id: Mapped[Ref] = mapped_column(ForeignKey("model_versions.id"))
    compared_with_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("model_versions.id"))
    """The version that was active when the preview began; None where there was none."""
    locked_set_sha256: Mapped[str | None] = mapped_column(index=True)
    """Names the locked set by its samples; None where it was empty."""
    state: Mapped[str] = mapped_column(server_default="queued")
    samples_done: Mapped[int] = mapped_column(server_default="0")
    samples_total: Mapped[int | None]
    samples: Mapped[list[dict[str, object]] | None] = mapped_column(JSONB(none_as_null=True))
    """One object per sample, `app.domain.impact` says which; None until it is done."""
    failure: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]
    finished_at: Mapped[Moment | None]


class LockedSample(Base):
    """A sample that every candidate is tried on; without any, the newest with a reference are."""

    __tablename__ = "locked_samples"

    sample_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("samples.id"), primary_key=True)
    reason: Mapped[str]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]
