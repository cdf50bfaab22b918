"""Controls, their runs, seals and violations."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import Row, exists, func, or_, select
from sqlalchemy.orm import Session

from app.db.queries.verdicts import image_is_used
from app.db.tables import (
    Analysis,
    AnalysisImage,
    Control,
    ControlResolution,
    ControlRun,
    ControlViolation,
    Donor,
    FrozenLimits,
    ModelVersion,
    Sample,
    ScanImage,
    Score,
    SealedAnswer,
    Well,
)


def all_controls(session: Session) -> Sequence[Control]:
    """In force before ended ones, digital before wet, oldest first; a laboratory has tens."""
    order = (Control.ended_at.is_not(None), Control.kind, Control.created_at)
    return session.scalars(select(Control).order_by(*order)).all()


def controls_in_force(session: Session, kind: str) -> Sequence[Control]:
    wanted = select(Control).where(Control.kind == kind, Control.ended_at.is_(None))
    return session.scalars(wanted.order_by(Control.created_at)).all()


def locked_control(session: Session, control_id: uuid.UUID) -> Control | None:
    """The control, locked: runs of one control are judged one after the other."""
    return session.get(Control, control_id, with_for_update=True, populate_existing=True)


def has_name(session: Session, name: str) -> bool:
    wanted = select(Control.id).where(Control.name == name, Control.ended_at.is_(None))
    return session.scalar(wanted) is not None


def runs_of(session: Session, control_ids: Collection[uuid.UUID]) -> Sequence[ControlRun]:
    """All runs in the order they were recorded."""
    wanted = select(ControlRun).where(ControlRun.control_id.in_(control_ids))
    return session.scalars(wanted.order_by(ControlRun.created_at, ControlRun.id)).all()


def recent_runs(session: Session, control_id: uuid.UUID, *, limit: int) -> list[ControlRun]:
    """The newest runs of a control, oldest of them first."""
    wanted = select(ControlRun).where(ControlRun.control_id == control_id)
    newest = wanted.order_by(ControlRun.created_at.desc(), ControlRun.id.desc()).limit(limit)
    return list(reversed(session.scalars(newest).all()))


def series_runs(
    session: Session,
    control_id: uuid.UUID,
    *,
    model_version_id: uuid.UUID | None,
    pipeline_version: str | None,
    environment: str,
    limit: int,
) -> list[ControlRun]:
    """The newest measured runs of one series, oldest of them first."""
    wanted = (
        select(ControlRun)
        .where(
            ControlRun.control_id == control_id,
            ControlRun.model_version_id.is_not_distinct_from(model_version_id),
            ControlRun.pipeline_version.is_not_distinct_from(pipeline_version),
            ControlRun.environment == environment,
            ControlRun.measured_at.is_not(None),
        )
        .order_by(ControlRun.created_at.desc(), ControlRun.id.desc())
        .limit(limit)
    )
    return list(reversed(session.scalars(wanted).all()))


def newest_run(
    session: Session, control_id: uuid.UUID, model_version_id: uuid.UUID
) -> Row[ControlRun, dt.timedelta] | None:
    """The newest run under a model version, and its age by the database's clock."""
    age = func.clock_timestamp() - ControlRun.measured_at
    return session.execute(
        select(ControlRun, age)
        .where(
            ControlRun.control_id == control_id,
            ControlRun.model_version_id == model_version_id,
            ControlRun.measured_at.is_not(None),
        )
        .order_by(ControlRun.created_at.desc(), ControlRun.id.desc())
        .limit(1)
    ).one_or_none()


def newest_wet_run(
    session: Session, model_version_id: uuid.UUID
) -> Row[ControlRun, Control, dt.timedelta] | None:
    """The newest measured run of any material in force and in date, and its age."""
    age = func.clock_timestamp() - ControlRun.measured_at
    return session.execute(
        select(ControlRun, Control, age)
        .join(Control, Control.id == ControlRun.control_id)
        .where(
            Control.kind == "wet",
            Control.ended_at.is_(None),
            Control.expires_on >= func.current_date(),
            ControlRun.measured_at.is_not(None),
            or_(
                ControlRun.model_version_id.is_(None),
                ControlRun.model_version_id == model_version_id,
            ),
        )
        .order_by(ControlRun.measured_at.desc())
        .limit(1)
    ).one_or_none()


def answer_of(
    session: Session, control_id: uuid.UUID, model_version_id: uuid.UUID, pipeline_version: str
) -> SealedAnswer | None:
    return session.get(SealedAnswer, (control_id, model_version_id, pipeline_version))


def answers_under(
    session: Session, control_id: uuid.UUID, pipeline_version: str
) -> Sequence[SealedAnswer]:
    """Sealed answers of one control under a pipeline, whatever the model version; oldest first."""
    return session.scalars(
        select(SealedAnswer)
        .where(
            SealedAnswer.control_id == control_id,
            SealedAnswer.pipeline_version == pipeline_version,
        )
        .order_by(SealedAnswer.is_shipped.desc(), SealedAnswer.created_at)
    ).all()


def answers_of_control(session: Session, control_id: uuid.UUID) -> Sequence[SealedAnswer]:
    wanted = select(SealedAnswer).where(SealedAnswer.control_id == control_id)
    return session.scalars(wanted.order_by(SealedAnswer.created_at)).all()


def limits_of(session: Session, control_id: uuid.UUID) -> dict[str, FrozenLimits]:
    """Frozen limits by series."""
    wanted = select(FrozenLimits).where(FrozenLimits.control_id == control_id)
    return {row.series: row for row in session.scalars(wanted)}


def last_resolution(session: Session, control_id: uuid.UUID) -> ControlResolution | None:
    wanted = select(ControlResolution).where(ControlResolution.control_id == control_id)
    newest = wanted.order_by(ControlResolution.created_at.desc())
    return session.scalars(newest.limit(1)).one_or_none()


def resolutions_of(session: Session, control_id: uuid.UUID) -> Sequence[ControlResolution]:
    """Newest first."""
    wanted = select(ControlResolution).where(ControlResolution.control_id == control_id)
    return session.scalars(wanted.order_by(ControlResolution.created_at.desc())).all()


def violations_of(session: Session, control_id: uuid.UUID) -> Sequence[ControlViolation]:
    """Newest first, warnings too."""
    wanted = select(ControlViolation).where(ControlViolation.control_id == control_id)
    return session.scalars(wanted.order_by(ControlViolation.created_at.desc())).all()


def open_violations(
    session: Session, control_ids: Collection[uuid.UUID]
) -> Sequence[Row[ControlViolation, ControlRun]]:
    """Rules broken and not resolved, with their runs; oldest first."""
    return session.execute(
        select(ControlViolation, ControlRun)
        .join(ControlRun, ControlRun.id == ControlViolation.run_id)
        .where(
            ControlViolation.control_id.in_(control_ids),
            ControlViolation.resolution_id.is_(None),
            ControlViolation.is_warning.is_(False),
        )
        .order_by(ControlViolation.created_at)
    ).all()


def versions_in_use(session: Session, *, within: dt.timedelta) -> Sequence[ModelVersion]:
    """The active version, and those that a recent analysis was made with."""
    recent = exists().where(
        Analysis.model_version_id == ModelVersion.id,
        Analysis.created_at > func.clock_timestamp() - within,
    )
    return session.scalars(
        select(ModelVersion)
        .where(or_(ModelVersion.state == "active", recent))
        .order_by(ModelVersion.created_at)
    ).all()


def runs_with_new_scores(session: Session) -> Sequence[Row[ControlRun, Analysis, Score]]:
    """Runs that wait for their sample's score, with the first score that came."""
    return session.execute(
        select(ControlRun, Analysis, Score)
        .join(Analysis, Analysis.sample_id == ControlRun.sample_id)
        .join(Score, Score.analysis_id == Analysis.id)
        .where(ControlRun.measured_at.is_(None), Score.rigidity_score.is_not(None))
        .order_by(ControlRun.created_at, Score.created_at)
    ).all()


def mean_grey_of(session: Session, analysis_id: uuid.UUID) -> float | None:
    """Mean grey over the used images of an analysis's unsorted wells."""
    return session.scalar(
        select(func.avg(ScanImage.mean_grey))
        .join(AnalysisImage, AnalysisImage.image_id == ScanImage.id)
        .join(Well, Well.id == ScanImage.well_id)
        .where(AnalysisImage.analysis_id == analysis_id, Well.outlet.is_(None), image_is_used())
    )


def run_of_sample(session: Session, sample_id: uuid.UUID) -> ControlRun | None:
    return session.scalar(select(ControlRun).where(ControlRun.sample_id == sample_id))


def samples_to_mark(session: Session, *, limit: int) -> Sequence[Row[Sample, Donor]]:
    """The newest samples that could be runs of a control; drawn ones could not."""
    return session.execute(
        select(Sample, Donor)
        .join(Donor, Donor.id == Sample.donor_id)
        .where(
            Sample.is_demonstration.is_(False),
            Sample.state != "withdrawn",
            ~exists().where(ControlRun.sample_id == Sample.id),
        )
        .order_by(Sample.created_at.desc())
        .limit(limit)
    ).all()
