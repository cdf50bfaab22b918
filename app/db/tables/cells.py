from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.dialects.postgresql import ARRAY, REAL
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import LargeBinary, Text

from app.db.base import Base, Id, Ref


class Cell(Base):
    """A segmented cell and its verdict. Written by COPY; the crop is a view of the image."""

    __tablename__ = "cells"
    __table_args__ = (CheckConstraint("verdict IN ('accepted','rejected')", name="verdict"),)

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
    outline: Mapped[bytes] = mapped_column(LargeBinary)
    """32 radii in quarter pixels at equal angles from (row, column); angle 0 along the columns."""
    verdict: Mapped[str]
    findings: Mapped[list[str]] = mapped_column(ARRAY(Text))
