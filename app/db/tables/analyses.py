import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REAL
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, Id, Json, JsonList, Moment, Ref


class Analysis(Base):
    """One run over a sample: the images there when it was asked for, one model version."""

    __tablename__ = "analyses"
    __table_args__ = (
        CheckConstraint("state IN ('queued','running','done','failed')", name="state"),
        Index(None, "sample_id", "created_at"),
    )

    id: Mapped[Id]
    sample_id: Mapped[Ref] = mapped_column(ForeignKey("samples.id"))
    model_version_id: Mapped[Ref] = mapped_column(ForeignKey("model_versions.id"), index=True)
    parameters: Mapped[Json]
    frozen_at: Mapped[CreatedAt]
    """When its images and wells were counted; an analysis that follows corrections keeps it."""
    n_corrections: Mapped[int] = mapped_column(server_default="0")
    """Of the sample when it was asked for: all of these, and maybe later ones, are in its score."""
    state: Mapped[str] = mapped_column(server_default="queued")
    failure: Mapped[dict[str, str] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]
    finished_at: Mapped[Moment | None]


class AnalysisImage(Base):
    """An image that an analysis waits for; done once judged and, if usable, classified."""

    __tablename__ = "analysis_images"
    __table_args__ = (
        UniqueConstraint("analysis_id", "image_id"),
        Index("ix_analysis_images_open", "image_id", postgresql_where=text("NOT is_done")),
    )

    id: Mapped[Id]
    analysis_id: Mapped[Ref] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"))
    image_id: Mapped[Ref] = mapped_column(ForeignKey("images.id"))
    is_done: Mapped[bool] = mapped_column(server_default=text("false"))


class Classification(Base):
    """An image whose cells one model version has classified; written once, with the cells' rows."""

    __tablename__ = "classifications"

    image_id: Mapped[Ref] = mapped_column(ForeignKey("images.id"), primary_key=True)
    model_version_id: Mapped[Ref] = mapped_column(ForeignKey("model_versions.id"), primary_key=True)
    p_accepted: Mapped[bytes | None] = mapped_column(LargeBinary)
    """float32 probabilities over outlets of the cells accepted as found, in reading order.

    The same figures as in the predictions: thousands of array values cost far more to read. None
    in rows from before; of no use where the image or a cell of it was corrected.
    """
    looks: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Summed looks of the same cells (`app.domain.cell_looks.LookSums`); None in older rows.

    Corrections leave it as it is: a few cells hardly move a sample's means.
    """
    job_id: Mapped[Ref]
    created_at: Mapped[CreatedAt]


class Prediction(Base):
    """One cell, one model version: probabilities over the version's outlets, in its order."""

    __tablename__ = "predictions"

    cell_id: Mapped[Ref] = mapped_column(
        ForeignKey("cells.id", ondelete="CASCADE"), primary_key=True
    )
    model_version_id: Mapped[Ref] = mapped_column(ForeignKey("model_versions.id"), primary_key=True)
    p_deformable: Mapped[float] = mapped_column(REAL)
    p_outlet: Mapped[list[float]] = mapped_column(ARRAY(REAL))


class Score(Base):
    """The donor score of an analysis, or the reasons why there is none."""

    __tablename__ = "scores"
    __table_args__ = (
        CheckConstraint(
            "(rigidity_score IS NULL) = (jsonb_array_length(reasons) > 0)", name="number_or_reasons"
        ),
    )

    analysis_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("analyses.id", ondelete="CASCADE"), primary_key=True
    )
    job_id: Mapped[Ref] = mapped_column(unique=True)
    method: Mapped[str]
    rigidity_score: Mapped[float | None]
    reasons: Mapped[JsonList]
    details: Mapped[Json]
    """Intervals, shares, counts, per-well figures: `app.domain.donor_score` says which."""
    created_at: Mapped[CreatedAt]
