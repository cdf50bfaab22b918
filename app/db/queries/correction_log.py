import uuid
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from app.db.queries.images import newest_scans
from app.db.tables import Cell, Correction, ScanImage, Well


def corrections_of_image(session: Session, image_id: uuid.UUID) -> Sequence[Correction]:
    """Newest first."""
    return session.scalars(
        select(Correction)
        .where(Correction.image_id == image_id)
        .order_by(Correction.created_at.desc(), Correction.id)
    ).all()


def corrected_cells(session: Session, sample_id: uuid.UUID) -> dict[str | None, int]:
    """How many cells of the newest scans are as a technician said, by what was said."""
    wanted = (
        select(Cell.corrected_verdict, func.count())
        .join(ScanImage, ScanImage.id == Cell.image_id)
        .where(*_is_corrected(sample_id))
        .group_by(Cell.corrected_verdict)
    )
    return {row[0]: row[1] for row in session.execute(wanted)}


def corrected_images(session: Session, sample_id: uuid.UUID) -> dict[str | None, int]:
    """How many images of the newest scans are as a technician said, by what was said."""
    wanted = (
        select(ScanImage.corrected_verdict, func.count())
        .where(
            ScanImage.corrected_verdict.is_not(None),
            ScanImage.scan_id.in_(newest_scans(Well.sample_id == sample_id)),
        )
        .group_by(ScanImage.corrected_verdict)
    )
    return {row[0]: row[1] for row in session.execute(wanted)}


def correctors(session: Session, sample_id: uuid.UUID) -> Sequence[str]:
    """Whose words were said of what is corrected in the newest scans."""
    return session.scalars(
        select(Correction.created_by)
        .join(ScanImage, ScanImage.id == Correction.image_id)
        .outerjoin(Cell, Cell.id == Correction.cell_id)
        .where(
            Correction.sample_id == sample_id,
            ScanImage.scan_id.in_(newest_scans(Well.sample_id == sample_id)),
            or_(
                Cell.corrected_verdict.is_not(None),
                and_(Correction.cell_id.is_(None), ScanImage.corrected_verdict.is_not(None)),
            ),
        )
        .distinct()
    ).all()


def images_with_corrected_cells(session: Session, sample_id: uuid.UUID) -> dict[uuid.UUID, int]:
    """Images of the newest scans in which single cells were corrected, and how many in each."""
    wanted = (
        select(Cell.image_id, func.count())
        .join(ScanImage, ScanImage.id == Cell.image_id)
        .where(*_is_corrected(sample_id))
        .group_by(Cell.image_id)
    )
    return {row[0]: row[1] for row in session.execute(wanted)}


def _is_corrected(sample_id: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    """Found by the words said of them: they are few, and the sample's cells tens of thousands."""
    return (
        Cell.id.in_(select(Correction.cell_id).where(Correction.sample_id == sample_id)),
        Cell.corrected_verdict.is_not(None),
        ScanImage.scan_id.in_(newest_scans(Well.sample_id == sample_id)),
    )
