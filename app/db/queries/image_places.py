import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import Cell, ScanImage


def images_of_scan(session: Session, scan_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """In file order."""
    return session.scalars(
        select(ScanImage.id)
        .where(ScanImage.scan_id == scan_id)
        .order_by(ScanImage.filename, ScanImage.id)
    ).all()


def cells_in_order(session: Session, image_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """From top to bottom, as everywhere."""
    return session.scalars(
        select(Cell.id).where(Cell.image_id == image_id).order_by(Cell.row, Cell.column, Cell.id)
    ).all()
