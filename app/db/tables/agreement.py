import datetime as dt
import uuid

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, Id, Moment


class OutsidePair(Base):
    """An image score and a reference score of one sample, both measured elsewhere."""

    __tablename__ = "outside_pairs"
    __table_args__ = (
        CheckConstraint("storage_day >= 0", name="storage_day"),
        CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_reason IS NULL)", name="withdrawn_with_reason"
        ),
    )

    id: Mapped[Id]
    donor_code: Mapped[str]
    storage_day: Mapped[int | None]
    reference_score: Mapped[float]
    image_score: Mapped[float]
    measured_with: Mapped[str]
    """What made the image score: a network, a program, a laboratory."""
    model_version_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("model_versions.id"), index=True
    )
    measured_on: Mapped[dt.date | None]
    source: Mapped[str | None]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]
    withdrawn_at: Mapped[Moment | None]
    withdrawn_by: Mapped[str | None]
    withdrawn_reason: Mapped[str | None]


class PairNote(Base):
    """What a person says of a pair, such as why it stands out; never changed, only added to."""

    __tablename__ = "pair_notes"
    __table_args__ = (
        CheckConstraint("(sample_id IS NULL) <> (outside_pair_id IS NULL)", name="one_subject"),
    )

    id: Mapped[Id]
    sample_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("samples.id"), index=True)
    outside_pair_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("outside_pairs.id"), index=True
    )
    text: Mapped[str]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]
