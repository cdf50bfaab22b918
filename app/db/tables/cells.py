from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.dialects.postgresql import ARRAY, REAL
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import LargeBinary, Text

from app.db.base import Base, Id, Ref


class Cell(Base):
    """A segmented cell and its verdict. Written by COPY; the crop is a view of the image."""

    __tablename__ = "cells"
    __table_args__ = (
        CheckConstraint("verdict IN ('accepted','rejected')", name="verdict"),
        CheckConstraint("corrected_verdict IN ('accepted','rejected')", name="corrected_verdict"),
    )

    id: Mapped[Id]
    image_id: Mapped[Ref] = mapped_column(ForeignKey("images.id"), index=True)
    row: Mapped[float] = mapped_column(REAL)
    column: Mapped[float] = mapped_column(REAL)
    area_um2: Mapped[float] = mapped_column(REAL)
    diameter_um: Mapped[float] = mapped_column(REAL)
    circularity: Mapped[float] = mapped_column(REAL)
    elongation: Mapped[float] = mapped_column(REAL)
    rim_contrast: Mapped[float] = mapped_column(REAL)
    rim_width_um: Mapped[float] = mapped_column(REAL)
    shading_angle: Mapped[float] = mapped_column(REAL)
    crenation: Mapped[float | None] = mapped_column(REAL)
    contrast: Mapped[float | None] = mapped_column(REAL)
    outline: Mapped[bytes] = mapped_column(LargeBinary)
    """32 radii in quarter pixels at equal angles from (row, column); angle 0 along the columns."""
    verdict: Mapped[str]
    """As found; never overwritten."""
    p_verdict: Mapped[float | None] = mapped_column(REAL)
    """Probability that the verdict as found is right."""
    findings: Mapped[list[str]] = mapped_column(ARRAY(Text))
    corrected_verdict: Mapped[str | None]
    """What a technician said instead; None where the verdict as found holds."""
