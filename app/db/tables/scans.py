from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, Id, JsonList, Moment, Ref


class Scan(Base):
    """One imaging pass over a well; only a well's newest scan counts."""

    __tablename__ = "scans"
    __table_args__ = (UniqueConstraint("well_id", "ordinal"),)

    id: Mapped[Id]
    well_id: Mapped[Ref] = mapped_column(ForeignKey("wells.id"))
    ordinal: Mapped[int]
    created_at: Mapped[CreatedAt]


class ScanImage(Base):
    """One uploaded bitmap, kept as received under its SHA-256; the row proves it is durable."""

    __tablename__ = "images"
    __table_args__ = (
        UniqueConstraint("sha256"),  # the same bytes in a second well are a possible mix-up
        UniqueConstraint("well_id", "id"),
        CheckConstraint("verdict IN ('pending','accepted','partly','rejected')", name="verdict"),
        CheckConstraint("corrected_verdict IN ('accepted','rejected')", name="corrected_verdict"),
        Index(None, "scan_id", "verdict"),
        Index(
            "ix_images_corrected", "scan_id", postgresql_where=text("corrected_verdict IS NOT NULL")
        ),
    )

    id: Mapped[Id]
    scan_id: Mapped[Ref] = mapped_column(ForeignKey("scans.id"))
    well_id: Mapped[Ref] = mapped_column(ForeignKey("wells.id"))
    sha256: Mapped[str]
    filename: Mapped[str]
    """Display only; never part of a path."""
    format: Mapped[str]
    n_bytes: Mapped[int]
    verdict: Mapped[str] = mapped_column(server_default="pending")
    """As found; never overwritten."""
    findings: Mapped[JsonList]
    corrected_verdict: Mapped[str | None]
    """What a technician said instead; None where the verdict as found holds."""
    mean_grey: Mapped[float | None]
    sd_grey: Mapped[float | None]
    focus: Mapped[float | None]
    usable_share: Mapped[float | None]
    usable_mask: Mapped[bytes | None] = mapped_column(LargeBinary)
    """`numpy.packbits` of the coarse mask, row by row; None where the whole field is usable."""
    usable_rows: Mapped[int | None] = mapped_column(SmallInteger)
    usable_columns: Mapped[int | None] = mapped_column(SmallInteger)
    pipeline_version: Mapped[str | None]
    inspected_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]
