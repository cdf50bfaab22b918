import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Row, Select, SQLColumnExpression, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.db.queries.verdicts import cell_default, cell_verdict
from app.db.tables import Cell, Correction, InstrumentProfile, Sample, ScanImage, Well


def samples_of_cells(
    session: Session, cell_ids: Collection[uuid.UUID]
) -> Sequence[Row[uuid.UUID, Sample]]:
    """Each known cell's id with its sample."""
    return session.execute(
        select(Cell.id, Sample)
        .join(ScanImage, ScanImage.id == Cell.image_id)
        .join(Well, Well.id == ScanImage.well_id)
        .join(Sample, Sample.id == Well.sample_id)
        .where(Cell.id.in_(cell_ids))
    ).all()


def cells_with_verdicts(
    session: Session, cell_ids: Collection[uuid.UUID]
) -> Sequence[Row[Cell, InstrumentProfile, str, str]]:
    """Cells by id: the verdict that holds, and the one that would without a word on the cell."""
    return session.execute(
        select(Cell, InstrumentProfile, cell_verdict(), cell_default())
        .join(ScanImage, ScanImage.id == Cell.image_id)
        .join(Well, Well.id == ScanImage.well_id)
        .join(InstrumentProfile, InstrumentProfile.id == Well.profile_id)
        .where(Cell.id.in_(cell_ids))
        .order_by(Cell.id)
        .execution_options(populate_existing=True)
    ).all()


def corrected_among(session: Session, cell_ids: Collection[uuid.UUID]) -> Sequence[uuid.UUID]:
    """Those of the cells whose verdict is a technician's."""
    return session.scalars(
        select(Cell.id).where(Cell.id.in_(cell_ids), Cell.corrected_verdict.is_not(None))
    ).all()


def has_cells(session: Session, image_id: uuid.UUID) -> bool:
    return session.scalar(select(Cell.id).where(Cell.image_id == image_id).limit(1)) is not None


def count_corrections(session: Session, sample_id: uuid.UUID) -> int:
    """Those in the sample's unsorted wells: no others can move its score."""
    return session.scalar(counted_corrections(sample_id)) or 0


def counted_corrections(sample_id: uuid.UUID | SQLColumnExpression[uuid.UUID]) -> Select[int]:
    return (
        select(func.count())
        .select_from(Correction)
        .join(ScanImage, ScanImage.id == Correction.image_id)
        .join(Well, Well.id == ScanImage.well_id)
        .where(Correction.sample_id == sample_id, Well.outlet.is_(None))
    )


def latest_corrector(session: Session, sample_id: uuid.UUID) -> str:
    return session.scalars(
        select(Correction.created_by)
        .where(Correction.sample_id == sample_id)
        .order_by(Correction.created_at.desc())
        .limit(1)
    ).one()


def latest_of_images(
    session: Session, image_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, Correction]:
    """The last word on each image as a whole."""
    return _latest(session, Correction.image_id.in_(image_ids) & Correction.cell_id.is_(None))


def latest_of_cells(
    session: Session, cell_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, Correction]:
    """The last word on each cell."""
    return _latest(session, Correction.cell_id.in_(cell_ids))


def _latest(session: Session, condition: ColumnElement[bool]) -> dict[uuid.UUID, Correction]:
    """The newest of each subject."""
    subject = func.coalesce(Correction.cell_id, Correction.image_id)
    wanted = (
        select(subject, Correction)
        .where(condition)
        .ext(distinct_on(subject))
        .order_by(subject, Correction.created_at.desc())
    )
    return {row[0]: row[1] for row in session.execute(wanted)}
