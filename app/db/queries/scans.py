import uuid

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.tables import Sample, ScanImage, Well


def lock_content(session: Session, sha256: str) -> None:
    """One upload of these bytes at a time, until the transaction is over."""
    key = int.from_bytes(bytes.fromhex(sha256[:16]), signed=True)
    session.execute(select(func.pg_advisory_xact_lock(key)))


def image_of_content(session: Session, sha256: str) -> tuple[ScanImage, Sample] | None:
    """Where these bytes lie already, in whichever well."""
    wanted = (
        select(ScanImage, Sample)
        .join(Well, Well.id == ScanImage.well_id)
        .join(Sample, Sample.id == Well.sample_id)
        .where(ScanImage.sha256 == sha256)
    )
    row = session.execute(wanted).one_or_none()
    return (row[0], row[1]) if row else None


def locked_image(session: Session, image_id: uuid.UUID) -> ScanImage:
    return session.get_one(ScanImage, image_id, with_for_update=True, populate_existing=True)


def image_in_well(session: Session, well_id: uuid.UUID, sha256: str) -> ScanImage | None:
    wanted = select(ScanImage).where(ScanImage.well_id == well_id, ScanImage.sha256 == sha256)
    return session.scalars(wanted).one_or_none()
