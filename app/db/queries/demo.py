import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import Analysis, Donor, ReferenceMeasurement, Sample, Score, Well


def demonstration_sample(session: Session, donor_code: str) -> uuid.UUID | None:
    return session.scalar(
        select(Sample.id)
        .join(Donor, Donor.id == Sample.donor_id)
        .where(Donor.code == donor_code, Sample.is_demonstration)
    )


def unsorted_well(session: Session, sample_id: uuid.UUID, number: int) -> uuid.UUID | None:
    return session.scalar(
        select(Well.id).where(
            Well.sample_id == sample_id, Well.outlet.is_(None), Well.number == number
        )
    )


def has_reference_by(session: Session, sample_id: uuid.UUID, actor: str) -> bool:
    wanted = select(ReferenceMeasurement.id).where(
        ReferenceMeasurement.sample_id == sample_id, ReferenceMeasurement.created_by == actor
    )
    return session.scalar(wanted.limit(1)) is not None


def has_analysis_by(session: Session, sample_id: uuid.UUID, actor: str) -> bool:
    wanted = select(Analysis.id).where(
        Analysis.sample_id == sample_id, Analysis.created_by == actor
    )
    return session.scalar(wanted.limit(1)) is not None


def oldest_scored_demonstration(session: Session) -> uuid.UUID | None:
    return session.scalar(
        select(Sample.id)
        .join(Analysis, Analysis.sample_id == Sample.id)
        .join(Score, Score.analysis_id == Analysis.id)
        .where(Sample.is_demonstration, Score.rigidity_score.is_not(None))
        .order_by(Sample.created_at)
        .limit(1)
    )
