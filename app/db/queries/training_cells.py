"""Sorted wells and the cells in them that count: what a training run can learn from."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY, REAL, UUID, aggregate_order_by
from sqlalchemy.orm import Session

from app.db.queries.images import newest_scans
from app.db.queries.verdicts import cell_is_used, image_verdict
from app.db.tables import (
    Cell,
    Donor,
    InstrumentProfile,
    Sample,
    ScanImage,
    TrainingRunImage,
    Well,
)


@dataclass(frozen=True)
class SortedWellRow:
    """A well of one outlet and its cells that count, in its newest scan."""

    well_id: uuid.UUID
    sample_id: uuid.UUID
    sampled_at: dt.datetime
    donor_code: str
    outlet: int
    number: int
    is_demonstration: bool
    n_cells: int
    n_pending_images: int


@dataclass(frozen=True)
class ImageCellsRow:
    """The cells of one image that count, from top to bottom; places in px."""

    well_id: uuid.UUID
    image_id: uuid.UUID
    sha256: str
    height: int
    width: int
    cell_ids: Sequence[uuid.UUID]
    rows: Sequence[float]
    columns: Sequence[float]


def sorted_wells(
    session: Session,
    *,
    samples: Collection[uuid.UUID] | None = None,
    donors: Collection[str] | None = None,
    with_demonstration: bool = False,
) -> list[SortedWellRow]:
    """Sorted wells of these samples and of these donors, all where neither is named.

    The demonstration's are among all of them only if asked for.

    By donor, sample, outlet and number: an order that no change of a row disturbs.
    """
    is_chosen = true() if with_demonstration else _is_chosen(samples, donors)
    scans = newest_scans(Well.outlet.is_not(None))
    n_cells = (
        select(ScanImage.well_id, func.count().label("n"))
        .join(Cell, and_(Cell.image_id == ScanImage.id, cell_is_used()))
        .where(ScanImage.scan_id.in_(scans))
        .group_by(ScanImage.well_id)
        .subquery()
    )
    n_pending = (
        select(ScanImage.well_id, func.count().label("n"))
        .where(ScanImage.scan_id.in_(scans), image_verdict() == "pending")
        .group_by(ScanImage.well_id)
        .subquery()
    )
    wanted = (
        select(
            Well.id, Sample.id, Sample.created_at, Donor.code, Well.outlet, Well.number,
            Sample.is_demonstration, func.coalesce(n_cells.c.n, 0), func.coalesce(n_pending.c.n, 0),
        )
        .join(Sample, Sample.id == Well.sample_id)
        .join(Donor, Donor.id == Sample.donor_id)
        .outerjoin(n_cells, n_cells.c.well_id == Well.id)
        .outerjoin(n_pending, n_pending.c.well_id == Well.id)
        .where(Well.outlet.is_not(None), is_chosen)
        .order_by(Donor.code, Sample.created_at, Sample.id, Well.outlet, Well.number)
    )  # fmt: skip
    return [SortedWellRow(*row) for row in session.execute(wanted)]


def _is_chosen(
    samples: Collection[uuid.UUID] | None, donors: Collection[str] | None
) -> ColumnElement[bool]:
    if samples is None and donors is None:
        return Sample.is_demonstration.is_(False)
    return or_(Sample.id.in_(samples or ()), Donor.code.in_(donors or ()))


def known_samples(session: Session, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    return set(session.scalars(select(Sample.id).where(Sample.id.in_(ids))))


def known_donors(session: Session, codes: Collection[str]) -> set[str]:
    return set(session.scalars(select(Donor.code).where(Donor.code.in_(codes))))


def cells_of_wells(session: Session, well_ids: Collection[uuid.UUID]) -> list[ImageCellsRow]:
    """By content within each well; one statement, so that a correction is in all of it or none."""
    order = (Cell.row, Cell.column, Cell.id)
    rows = session.execute(
        select(
            ScanImage.well_id, ScanImage.id, ScanImage.sha256,
            InstrumentProfile.height, InstrumentProfile.width,
            func.array_agg(aggregate_order_by(Cell.id, *order), type_=ARRAY(UUID(as_uuid=True))),
            func.array_agg(aggregate_order_by(Cell.row, *order), type_=ARRAY(REAL)),
            func.array_agg(aggregate_order_by(Cell.column, *order), type_=ARRAY(REAL)),
        )
        .select_from(ScanImage)
        .join(Cell, and_(Cell.image_id == ScanImage.id, cell_is_used()))
        .join(Well, Well.id == ScanImage.well_id)
        .join(InstrumentProfile, InstrumentProfile.id == Well.profile_id)
        .where(ScanImage.scan_id.in_(newest_scans(Well.id.in_(well_ids))))
        .group_by(ScanImage.id, InstrumentProfile.id)
        .order_by(ScanImage.well_id, ScanImage.sha256)
    )  # fmt: skip
    return [ImageCellsRow(*row) for row in rows]


def frozen_image(session: Session, run_id: uuid.UUID, ordinal: int) -> TrainingRunImage:
    return session.get_one(TrainingRunImage, (run_id, ordinal))


def cells_by_id(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Cell]:
    return {cell.id: cell for cell in session.scalars(select(Cell).where(Cell.id.in_(ids)))}
