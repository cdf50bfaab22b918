import uuid
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Row, Select, and_, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.db.queries.verdicts import cell_is_used, cell_verdict
from app.db.tables import (
    Cell,
    InstrumentProfile,
    ModelVersion,
    Prediction,
    Sample,
    Scan,
    ScanImage,
    Well,
)


def image_with_profile(
    session: Session, image_id: uuid.UUID
) -> Row[ScanImage, InstrumentProfile] | None:
    return session.execute(
        select(ScanImage, InstrumentProfile)
        .join(Well, Well.id == ScanImage.well_id)
        .join(InstrumentProfile, InstrumentProfile.id == Well.profile_id)
        .where(ScanImage.id == image_id)
    ).one_or_none()


def image_with_sample(
    session: Session, image_id: uuid.UUID
) -> Row[ScanImage, Well, Sample, InstrumentProfile] | None:
    return session.execute(
        select(ScanImage, Well, Sample, InstrumentProfile)
        .join(Well, Well.id == ScanImage.well_id)
        .join(Sample, Sample.id == Well.sample_id)
        .join(InstrumentProfile, InstrumentProfile.id == Well.profile_id)
        .where(ScanImage.id == image_id)
    ).one_or_none()


def newest_scans(condition: ColumnElement[bool]) -> Select[uuid.UUID]:
    """The newest scan of each well that meets the condition; only it counts."""
    return (
        select(Scan.id)
        .join(Well, Well.id == Scan.well_id)
        .where(condition)
        .ext(distinct_on(Scan.well_id))
        .order_by(Scan.well_id, Scan.ordinal.desc())
    )


def images_of_sample(
    session: Session, sample_id: uuid.UUID
) -> Sequence[Row[ScanImage, Well, InstrumentProfile, int]]:
    """Images of the newest scans with their wells and numbers of cells used, in file order."""
    n_cells = (
        select(func.count())
        .where(Cell.image_id == ScanImage.id, cell_is_used())
        .correlate(ScanImage)
        .scalar_subquery()
    )
    return session.execute(
        select(ScanImage, Well, InstrumentProfile, n_cells)
        .join(Well, Well.id == ScanImage.well_id)
        .join(InstrumentProfile, InstrumentProfile.id == Well.profile_id)
        .where(ScanImage.scan_id.in_(newest_scans(Well.sample_id == sample_id)))
        .order_by(Well.outlet, Well.number, ScanImage.filename, ScanImage.id)
    ).all()


def cells_with_predictions(
    session: Session, condition: ColumnElement[bool], model_version_id: uuid.UUID | None
) -> Sequence[Row[Cell, str, Prediction | None]]:
    """Cells that meet the condition with the verdict that holds, from top to bottom."""
    return session.execute(
        select(Cell, cell_verdict(), Prediction)
        .join(ScanImage, ScanImage.id == Cell.image_id)
        .outerjoin(
            Prediction,
            and_(Prediction.cell_id == Cell.id, Prediction.model_version_id == model_version_id),
        )
        .where(condition)
        .order_by(Cell.row, Cell.column, Cell.id)
    ).all()


def cells_in_image(session: Session, image_id: uuid.UUID) -> Sequence[Cell]:
    return session.scalars(select(Cell).where(Cell.image_id == image_id).order_by(Cell.id)).all()


def outlets_of_version(session: Session, version_id: uuid.UUID | None) -> list[int]:
    version = None if version_id is None else session.get(ModelVersion, version_id)
    return [] if version is None else list(version.manifest["outlets"])
