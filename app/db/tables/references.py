from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, Id, Moment, Ref


class ReferenceMeasurement(Base):
    """One sort of a sample through the microfluidic device, as entered."""

    __tablename__ = "reference_measurements"
    __table_args__ = (CheckConstraint("entered_as IN ('counts','fractions','score')", name="form"),)

    id: Mapped[Id]
    sample_id: Mapped[Ref] = mapped_column(ForeignKey("samples.id"), index=True)
    entered_as: Mapped[str]
    counts: Mapped[dict[str, int] | None] = mapped_column(JSONB(none_as_null=True))
    fractions: Mapped[dict[str, float] | None] = mapped_column(JSONB(none_as_null=True))
    n_cells: Mapped[int | None]
    rigidity_score: Mapped[float]
    interval_low: Mapped[float]
    interval_high: Mapped[float]
    deformable_fraction: Mapped[float | None]
    method: Mapped[str]
    sorted_at: Mapped[Moment | None]
    device: Mapped[str | None]
    source: Mapped[str | None]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]
