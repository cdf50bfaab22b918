import uuid
from collections.abc import Sequence

from sqlalchemy import Row, Select, Subquery, exists, func, select
from sqlalchemy.dialects.postgresql import ARRAY, REAL, aggregate_order_by, distinct_on
from sqlalchemy.orm import Session

from app.db.queries.verdicts import cell_is_used, image_is_used
from app.db.tables import (
    Analysis,
    AnalysisImage,
    Cell,
    Donor,
    LockedSample,
    ReferenceMeasurement,
    Sample,
    ScanImage,
    Score,
    Well,
)


def _newest_scores() -> Subquery:
    """The newest answered analysis of each sample, whatever its answer."""
    return (
        select(
            Analysis.sample_id,
            Analysis.id.label("analysis_id"),
            Score.rigidity_score,
            Score.created_at.label("scored_at"),
        )
        .join(Score, Score.analysis_id == Analysis.id)
        .where(Analysis.state == "done")
        .ext(distinct_on(Analysis.sample_id))
        .order_by(Analysis.sample_id, Analysis.created_at.desc())
        .subquery()
    )


def _scored() -> Select[uuid.UUID, uuid.UUID, str]:
    """Sample, analysis and donor code of samples with a score, newest score first."""
    newest = _newest_scores()
    return (
        select(newest.c.sample_id, newest.c.analysis_id, Donor.code)
        .join(Sample, Sample.id == newest.c.sample_id)
        .join(Donor, Donor.id == Sample.donor_id)
        .where(newest.c.rigidity_score.is_not(None), Sample.state != "withdrawn")
        .order_by(newest.c.scored_at.desc(), newest.c.sample_id)
    )


def locked_scored(session: Session) -> Sequence[Row[uuid.UUID, uuid.UUID, str]]:
    """Samples that an administrator locked, as far as they have a score."""
    is_locked = exists().where(LockedSample.sample_id == Sample.id)
    return session.execute(_scored().where(is_locked)).all()


def has_locked(session: Session) -> bool:
    return session.scalar(select(LockedSample.sample_id).limit(1)) is not None


def newest_scored(
    session: Session, *, limit: int, with_drawn: bool, with_reference: bool = False
) -> Sequence[Row[uuid.UUID, uuid.UUID, str]]:
    wanted = _scored()
    if not with_drawn:
        wanted = wanted.where(~Sample.is_demonstration)
    if with_reference:
        wanted = wanted.where(exists().where(ReferenceMeasurement.sample_id == Sample.id))
    return session.execute(wanted.limit(limit)).all()


def images_to_rescore(
    session: Session, analysis: Analysis
) -> Sequence[Row[uuid.UUID, uuid.UUID, int, Sequence[float], Sequence[float]]]:
    """Well, image, number, rows and columns of the cells that count, as a score reads them.

    By well, then by content, as in `app.db.queries.analyses.used_images`; an image without a cell
    has one row and column, of nothing.
    """
    order = (Cell.row, Cell.column, Cell.id)
    rows = func.array_agg(aggregate_order_by(Cell.row, *order), type_=ARRAY(REAL))
    columns = func.array_agg(aggregate_order_by(Cell.column, *order), type_=ARRAY(REAL))
    return session.execute(
        select(Well.id, ScanImage.id, func.count(Cell.id), rows, columns)
        .join(ScanImage, ScanImage.well_id == Well.id)
        .join(AnalysisImage, AnalysisImage.image_id == ScanImage.id)
        .outerjoin(Cell, (Cell.image_id == ScanImage.id) & cell_is_used())
        .where(AnalysisImage.analysis_id == analysis.id, Well.outlet.is_(None), image_is_used())
        .group_by(Well.id, Well.number, ScanImage.id, ScanImage.sha256)
        .order_by(Well.number, ScanImage.sha256)
    ).all()


def locked_samples(session: Session) -> Sequence[Row[LockedSample, str]]:
    return session.execute(
        select(LockedSample, Donor.code)
        .join(Sample, Sample.id == LockedSample.sample_id)
        .join(Donor, Donor.id == Sample.donor_id)
        .order_by(LockedSample.created_at.desc())
    ).all()
