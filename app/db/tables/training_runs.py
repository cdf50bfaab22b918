import uuid
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, Id, Json, JsonList, Moment, Ref


class TrainingRun(Base):
    """One retraining: what it learns from, how, how far it is, and the candidate it led to."""

    __tablename__ = "training_runs"
    __table_args__ = (
        CheckConstraint("state IN ('queued','running','done','failed','cancelled')", name="state"),
        Index(None, "created_at", "id"),
    )

    id: Mapped[Id]
    name: Mapped[str]
    state: Mapped[str] = mapped_column(server_default="queued")
    config: Mapped[Json]
    selection: Mapped[Json]
    """What was asked for: samples, donors, and the codes of all donors that came of it."""
    warnings: Mapped[JsonList]
    n_cells: Mapped[int]
    n_images: Mapped[int]
    dataset_sha256: Mapped[str]
    """Of images, places of cells and labels; the same on every server that holds the same."""
    is_demonstration: Mapped[bool]
    """Whether any of its cells was drawn by the demonstration."""
    progress: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    history: Mapped[JsonList] = mapped_column(server_default=text("'[]'::jsonb"))
    """One object per epoch done."""
    checkpoints: Mapped[JsonList] = mapped_column(server_default=text("'[]'::jsonb"))
    """Names of the stored files that an interrupted run goes on from."""
    metrics: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    failure: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))
    model_version_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("model_versions.id"), index=True
    )
    """Not unique: a run repeated with its seed gives the same network."""
    job_id: Mapped[Ref]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]
    started_at: Mapped[Moment | None]
    finished_at: Mapped[Moment | None]


class TrainingRunImage(Base):
    """The cells that a run learns from in one image, frozen with their label."""

    __tablename__ = "training_run_images"
    __table_args__ = (CheckConstraint("outlet BETWEEN 1 AND 12", name="outlet"),)

    training_run_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("training_runs.id", ondelete="CASCADE"), primary_key=True
    )
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    """By donor, sample, outlet, well and content: no change of a row disturbs the order."""
    image_id: Mapped[Ref] = mapped_column(ForeignKey("images.id"), index=True)
    donor_code: Mapped[str]
    outlet: Mapped[int]
    well_number: Mapped[int]
    well_name: Mapped[str]
    """Of the well among all the run's wells, from donor, sample, outlet and number."""
    cell_ids: Mapped[bytes] = mapped_column(LargeBinary)
    """16 bytes for each cell, from top to bottom."""
