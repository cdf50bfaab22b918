"""What is there of the published donors: their samples, runs by name, shares by model version."""

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import Row, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.db.tables import (
    Analysis,
    Donor,
    ReferenceMeasurement,
    Sample,
    Score,
    TrainingRun,
    Well,
)


def samples_of_donors(session: Session, codes: Collection[str]) -> Sequence[Row[str, uuid.UUID]]:
    """Donor code and sample, oldest first."""
    return session.execute(
        select(Donor.code, Sample.id)
        .join(Sample, Sample.donor_id == Donor.id)
        .where(Donor.code.in_(codes))
        .order_by(Sample.created_at)
    ).all()


def has_wells(session: Session, sample_id: uuid.UUID, *, is_sorted: bool) -> bool:
    kind = Well.outlet.is_not(None) if is_sorted else Well.outlet.is_(None)
    wanted = select(func.count()).where(Well.sample_id == sample_id, kind)
    return bool(session.scalar(wanted))


def newest_runs(session: Session, names: Collection[str]) -> dict[str, TrainingRun]:
    """The newest run of each name."""
    runs = session.scalars(
        select(TrainingRun)
        .ext(distinct_on(TrainingRun.name))
        .where(TrainingRun.name.in_(names))
        .order_by(TrainingRun.name, TrainingRun.created_at.desc())
    )
    return {run.name: run for run in runs}


def newest_analysis(
    session: Session, sample_id: uuid.UUID, version_id: uuid.UUID
) -> Row[Analysis, Score | None] | None:
    return session.execute(
        select(Analysis, Score)
        .outerjoin(Score, Score.analysis_id == Analysis.id)
        .where(Analysis.sample_id == sample_id, Analysis.model_version_id == version_id)
        .order_by(Analysis.created_at.desc())
        .limit(1)
    ).one_or_none()


def deformable_fraction(session: Session, sample_id: uuid.UUID) -> float | None:
    """Of the newest reference that was entered by outlet."""
    return session.scalar(
        select(ReferenceMeasurement.deformable_fraction)
        .where(
            ReferenceMeasurement.sample_id == sample_id,
            or_(
                ReferenceMeasurement.counts.is_not(None),
                ReferenceMeasurement.fractions.is_not(None),
            ),
        )
        .order_by(ReferenceMeasurement.created_at.desc())
        .limit(1)
    )
