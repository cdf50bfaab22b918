import datetime as dt
import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, Id, Json, Moment, Ref


class InstrumentProfile(Base):
    """Microscope and camera: scale, field size, and the imaging parameters saved with them."""

    __tablename__ = "instrument_profiles"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    um_per_px: Mapped[float]
    width: Mapped[int]
    height: Mapped[int]
    polarity: Mapped[str]
    parameters: Mapped[Json]
    is_built_in: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[CreatedAt]


class Sample(Base):
    """Red cells of one donor taken at one time; `state` follows the result's life cycle."""

    __tablename__ = "samples"
    __table_args__ = (
        CheckConstraint(
            "state IN ('received','running','computed','unavailable','submitted','released',"
            "'amended','withdrawn')",
            name="state",
        ),
        CheckConstraint(
            "container IN ('citrate_tube','blood_bag','segment','plastic_tube')", name="container"
        ),
        CheckConstraint("storage_day IS NULL OR storage_day >= 0", name="storage_day"),
        Index(None, "created_at", "id"),
        Index(None, "state", "created_at"),
        Index("ix_samples_local_identifiers", "local_identifiers", postgresql_using="gin"),
        Index("ix_samples_din_beginning", "din", postgresql_ops={"din": "text_pattern_ops"}),
    )

    id: Mapped[Id]
    donor_id: Mapped[Ref] = mapped_column(ForeignKey("donors.id"), index=True)
    state: Mapped[str] = mapped_column(server_default="received")
    din: Mapped[str | None] = mapped_column(index=True)
    din_raw: Mapped[str | None]
    din_is_checked: Mapped[bool | None]
    accession_number: Mapped[str | None] = mapped_column(index=True)
    placer_order_number: Mapped[str | None]
    filler_order_number: Mapped[str | None]
    local_identifiers: Mapped[Json] = mapped_column(server_default=text("'{}'"))
    """Numbers by which other programs know the sample, by the scheme's name at this site."""
    collected_on: Mapped[dt.date | None]
    storage_day: Mapped[int | None]
    storage_day_is_derived: Mapped[bool] = mapped_column(server_default=text("false"))
    container: Mapped[str]
    additive: Mapped[str | None]
    sampled_at: Mapped[Moment | None]
    notes: Mapped[str | None]
    is_demonstration: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]
    """The principal, `account:<id>`, `key:<id>` or `system`; a lims key sees its own rows only."""


# Expressions can only be named once the columns are there.
for _column in (
    Sample.accession_number,
    Sample.placer_order_number,
    Sample.filler_order_number,
):
    Index(
        f"ix_samples_{_column.key}_lower",
        func.lower(_column).label("folded"),
        postgresql_ops={"folded": "text_pattern_ops"},
    )
Index(
    "ix_samples_din_end",
    func.reverse(Sample.din).label("reversed"),
    postgresql_ops={"reversed": "text_pattern_ops"},
)


class Well(Base):
    """An imaging-plate well; `outlet` is null for unsorted cells."""

    __tablename__ = "wells"
    __table_args__ = (
        UniqueConstraint("sample_id", "outlet", "number", postgresql_nulls_not_distinct=True),
        CheckConstraint("outlet BETWEEN 1 AND 12", name="outlet"),
        CheckConstraint("number >= 1", name="number"),
    )

    id: Mapped[Id]
    sample_id: Mapped[Ref] = mapped_column(ForeignKey("samples.id"), index=True)
    outlet: Mapped[int | None]
    number: Mapped[int]
    plate_barcode: Mapped[str | None]
    position: Mapped[str | None]
    profile_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("instrument_profiles.id"))
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]
