"""Newest scores with all that is told of them: plain columns of one statement.

Lists read fifty at a time, and an entity costs several times its columns; the statements are built
once, since writing them anew costs as much as running them.
"""

import datetime as dt
import uuid
from collections.abc import Collection
from functools import cache
from typing import Any, NamedTuple

from pydantic_core import from_json
from sqlalchemy import Select, Text, any_, bindparam, cast, exists, select, true
from sqlalchemy.orm import Session, aliased

from app.db.base import UUIDS
from app.db.queries.corrections import counted_corrections
from app.db.tables import Analysis, ModelVersion, ReferenceMeasurement, Report, Sample, Score


class ToldScore(NamedTuple):
    """A score with its analysis, its model version and the newest report of its sample, if any.

    JSON stays text until somebody asks, so that equal rows are known as equal at no cost.
    """

    sample_id: uuid.UUID
    analysis_id: uuid.UUID
    n_corrections: int
    computed_at: dt.datetime
    method: str
    rigidity_score: float | None
    reasons_json: str
    details_json: str
    version_id: uuid.UUID
    version_name: str
    version_sha256: str
    version_is_demonstration: bool
    report_analysis_id: uuid.UUID | None
    report_status: str | None
    report_at: dt.datetime | None

    @property
    def reasons(self) -> list[dict[str, Any]]:
        read: list[dict[str, Any]] = from_json(self.reasons_json)
        return read

    @property
    def details(self) -> dict[str, Any]:
        read: dict[str, Any] = from_json(self.details_json)
        return read


class NewestScore(NamedTuple):
    """The newest score of one sample, whose the sample is, and what else there is of it by now."""

    score: ToldScore
    created_by: str
    n_corrections: int
    has_references: bool


def told_scores(
    session: Session, sample_ids: Collection[uuid.UUID], model_version_id: uuid.UUID | None = None
) -> list[ToldScore]:
    """Of each sample's newest analysis that came to an answer, by one model version or by any."""
    asked = {"sample_ids": list(sample_ids), "version_id": model_version_id}
    wanted = _of_samples(is_of_one_version=model_version_id is not None)
    return [ToldScore(*row) for row in session.execute(wanted, asked)]


def newest_score(session: Session, sample_id: uuid.UUID) -> NewestScore | None:
    row = session.execute(_of_one_sample(), {"sample_id": sample_id}).one_or_none()
    if row is None:
        return None
    *told, created_by, n_corrections, has_references = row
    return NewestScore(ToldScore(*told), created_by, n_corrections, has_references)


def score_of_analysis(session: Session, analysis_id: uuid.UUID) -> ToldScore | None:
    row = session.execute(_of_analysis(), {"analysis_id": analysis_id}).one_or_none()
    return None if row is None else ToldScore(*row)


@cache
def _of_samples(*, is_of_one_version: bool) -> Select[*tuple[Any, ...]]:
    wanted = _of_newest(is_of_one_version=is_of_one_version)
    return wanted.where(Sample.id == any_(bindparam("sample_ids", type_=UUIDS)))


@cache
def _of_one_sample() -> Select[*tuple[Any, ...]]:
    has_references = exists().where(ReferenceMeasurement.sample_id == Sample.id)
    return (
        _of_newest(is_of_one_version=False)
        .add_columns(
            Sample.created_by,
            counted_corrections(Sample.id).scalar_subquery(),
            has_references.correlate(Sample),
        )
        .where(Sample.id == bindparam("sample_id"))
    )


@cache
def _of_analysis() -> Select[*tuple[Any, ...]]:
    return _told().where(Analysis.id == bindparam("analysis_id"))


def _of_newest(*, is_of_one_version: bool) -> Select[*tuple[Any, ...]]:
    """Sample by sample: compared with a plain subquery, PostgreSQL would read every analysis."""
    analysis = aliased(Analysis)
    newest = (
        select(analysis.id)
        .join(Score, Score.analysis_id == analysis.id)
        .where(analysis.sample_id == Sample.id, analysis.state == "done")
        .order_by(analysis.created_at.desc())
        .limit(1)
        .correlate(Sample)
    )
    if is_of_one_version:
        newest = newest.where(analysis.model_version_id == bindparam("version_id"))
    found = newest.lateral()
    of_sample = _told().join(Sample, Sample.id == Analysis.sample_id)
    return of_sample.join(found, found.c.id == Analysis.id)


def _told() -> Select[*tuple[Any, ...]]:
    report = (
        select(Report.analysis_id, Report.status, Report.created_at)
        .where(Report.sample_id == Analysis.sample_id)
        .order_by(Report.version.desc())
        .limit(1)
        .correlate(Analysis)
        .lateral()
    )
    return (
        select(
            Analysis.sample_id, Analysis.id, Analysis.n_corrections,
            Score.created_at, Score.method, Score.rigidity_score,
            cast(Score.reasons, Text), cast(Score.details, Text),
            ModelVersion.id, ModelVersion.name, ModelVersion.sha256, ModelVersion.is_demonstration,
            report.c.analysis_id, report.c.status, report.c.created_at,
        )
        .select_from(Analysis)
        .join(Score, Score.analysis_id == Analysis.id)
        .join(ModelVersion, ModelVersion.id == Analysis.model_version_id)
        .outerjoin(report, true())
    )  # fmt: skip
