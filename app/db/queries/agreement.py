import datetime as dt
import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import (
    ColumnElement,
    Date,
    Row,
    Select,
    SQLColumnExpression,
    and_,
    cast,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from app.db.tables import (
    Analysis,
    Donor,
    ModelVersion,
    OutsidePair,
    PairNote,
    ReferenceMeasurement,
    Sample,
    Score,
)


def scored_with_reference(
    session: Session,
    *,
    owner: str | None,
    model_version_id: uuid.UUID | None,
    measured_with: str | None,
    first_on: dt.date | None,
    last_on: dt.date | None,
    is_demonstration: bool,
) -> Sequence[Row[Sample, Donor, Score, ModelVersion]]:
    """Samples with a reference and a score, by date; the newest analysis of each counts alone.

    Where that analysis came to no number there is no pair, whatever earlier ones said.
    """
    newest = select(Analysis.id).where(Analysis.state == "done")
    if model_version_id is not None:
        newest = newest.where(Analysis.model_version_id == model_version_id)
    if measured_with is not None:
        named = select(ModelVersion.id).where(ModelVersion.name == measured_with)
        newest = newest.where(Analysis.model_version_id.in_(named))
    newest = newest.ext(distinct_on(Analysis.sample_id)).order_by(
        Analysis.sample_id, Analysis.created_at.desc()
    )
    taken_on = _day_of(func.coalesce(Sample.sampled_at, Sample.created_at))
    wanted = (
        select(Sample, Donor, Score, ModelVersion)
        .join(Donor, Donor.id == Sample.donor_id)
        .join(Analysis, Analysis.sample_id == Sample.id)
        .join(Score, Score.analysis_id == Analysis.id)
        .join(ModelVersion, ModelVersion.id == Analysis.model_version_id)
        .where(
            Analysis.id.in_(newest),
            Score.rigidity_score.is_not(None),
            Sample.is_demonstration.is_(is_demonstration),
            Sample.state != "withdrawn",
            exists().where(ReferenceMeasurement.sample_id == Sample.id),
            *_within(taken_on, first_on, last_on),
        )
        .order_by(taken_on, Sample.id)
    )
    if owner is not None:
        wanted = wanted.where(Sample.created_by == owner)
    return session.execute(wanted).all()


def outside_pairs(
    session: Session,
    *,
    owner: str | None,
    model_version_id: uuid.UUID | None,
    measured_with: str | None,
    first_on: dt.date | None,
    last_on: dt.date | None,
) -> Sequence[Row[OutsidePair, ModelVersion | None]]:
    """By date, withdrawn ones too."""
    measured_on = func.coalesce(OutsidePair.measured_on, _day_of(OutsidePair.created_at))
    wanted = _with_version().where(*_within(measured_on, first_on, last_on))
    if model_version_id is not None:
        wanted = wanted.where(OutsidePair.model_version_id == model_version_id)
    if measured_with is not None:
        wanted = wanted.where(OutsidePair.measured_with == measured_with)
    if owner is not None:
        wanted = wanted.where(OutsidePair.created_by == owner)
    return session.execute(wanted.order_by(measured_on, OutsidePair.created_at)).all()


def methods_elsewhere(session: Session, *, owner: str | None) -> Sequence[str]:
    """What made the image scores of pairs measured elsewhere, by name."""
    wanted = select(OutsidePair.measured_with).distinct().order_by(OutsidePair.measured_with)
    if owner is not None:
        wanted = wanted.where(OutsidePair.created_by == owner)
    return session.scalars(wanted).all()


def outside_pair(session: Session, pair_id: uuid.UUID) -> OutsidePair | None:
    """One pair, locked for a change."""
    wanted = select(OutsidePair).where(OutsidePair.id == pair_id).with_for_update()
    return session.scalar(wanted.execution_options(populate_existing=True))


def has_equal_pair(session: Session, pair: OutsidePair) -> bool:
    """Whether a pair with the same sample, method and figures is there and was not withdrawn."""
    same = and_(
        OutsidePair.donor_code == pair.donor_code,
        OutsidePair.storage_day.is_not_distinct_from(pair.storage_day),
        OutsidePair.measured_with == pair.measured_with,
        OutsidePair.measured_on.is_not_distinct_from(pair.measured_on),
        OutsidePair.reference_score == pair.reference_score,
        OutsidePair.image_score == pair.image_score,
        OutsidePair.withdrawn_at.is_(None),
    )
    return session.scalar(select(OutsidePair.id).where(same).limit(1)) is not None


def notes_of(
    session: Session, sample_ids: Collection[uuid.UUID], pair_ids: Collection[uuid.UUID]
) -> Sequence[PairNote]:
    """Oldest first."""
    return session.scalars(
        select(PairNote)
        .where(or_(PairNote.sample_id.in_(sample_ids), PairNote.outside_pair_id.in_(pair_ids)))
        .order_by(PairNote.created_at)
    ).all()


def _with_version() -> Select[OutsidePair, ModelVersion | None]:
    joined = select(OutsidePair, ModelVersion)
    return joined.outerjoin(ModelVersion, ModelVersion.id == OutsidePair.model_version_id)


def _day_of(moment: SQLColumnExpression[dt.datetime]) -> ColumnElement[dt.date]:
    return cast(func.timezone("UTC", moment), Date)


def _within(
    day: ColumnElement[dt.date], first_on: dt.date | None, last_on: dt.date | None
) -> list[ColumnElement[bool]]:
    """Both ends belong to the period."""
    bounds = [] if first_on is None else [day >= first_on]
    return bounds if last_on is None else [*bounds, day <= last_on]
