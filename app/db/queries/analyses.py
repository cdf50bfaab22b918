import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, REAL, aggregate_order_by, distinct_on
from sqlalchemy.orm import Session, defer

from app.db.queries.images import newest_scans
from app.db.queries.verdicts import (
    cell_is_used,
    cell_verdict,
    cell_was_used,
    image_is_used,
)
from app.db.tables import (
    Analysis,
    AnalysisImage,
    Cell,
    Classification,
    Correction,
    ModelVersion,
    Prediction,
    Sample,
    ScanImage,
    Score,
    Well,
)

HISTORY_SAMPLES: Final = 200
"""Enough to know a spread of wells to a twentieth, and recent enough to be today's."""


def images_to_analyse(session: Session, sample_id: uuid.UUID) -> Sequence[ScanImage]:
    """The sample's images of newest scans, locked so that none is judged meanwhile.

    An inspection updates its image before it looks for waiting analyses; with this lock it either
    has committed and is seen here, or will see the analysis that is about to be written.
    """
    return session.scalars(
        select(ScanImage)
        .where(ScanImage.scan_id.in_(newest_scans(Well.sample_id == sample_id)))
        .order_by(ScanImage.id)
        .with_for_update(read=True)
    ).all()


def copy_images(session: Session, before: Analysis, *, to: Analysis) -> Sequence[AnalysisImage]:
    """Let an analysis cover the images of another that is over; those it must wait for.

    An image that is pending again, since its bytes were sent anew, is not waited for.
    """
    is_classified = exists().where(
        Classification.image_id == AnalysisImage.image_id,
        Classification.model_version_id == to.model_version_id,
    )
    session.execute(
        insert(AnalysisImage).from_select(
            ["analysis_id", "image_id", "is_done"],
            select(literal(to.id), AnalysisImage.image_id, ~image_is_used() | is_classified)
            .join(ScanImage, ScanImage.id == AnalysisImage.image_id)
            .where(AnalysisImage.analysis_id == before.id),
        )
    )
    return session.scalars(
        select(AnalysisImage).where(AnalysisImage.analysis_id == to.id, ~AnalysisImage.is_done)
    ).all()


def classified_images(
    session: Session, image_ids: Sequence[uuid.UUID], model_version_id: uuid.UUID
) -> set[uuid.UUID]:
    return set(
        session.scalars(
            select(Classification.image_id).where(
                Classification.image_id.in_(image_ids),
                Classification.model_version_id == model_version_id,
            )
        )
    )


def open_analyses_of_image(
    session: Session, image_id: uuid.UUID
) -> Sequence[Row[Analysis, AnalysisImage]]:
    """Analyses that wait for this image, locked in id order: the first closer counts alone."""
    return session.execute(
        select(Analysis, AnalysisImage)
        .join(AnalysisImage, AnalysisImage.analysis_id == Analysis.id)
        .where(
            AnalysisImage.image_id == image_id,
            ~AnalysisImage.is_done,
            _is_open(),
        )
        .order_by(Analysis.id)
        .with_for_update(of=Analysis)
    ).all()


def count_open_images(session: Session, analysis_id: uuid.UUID) -> int:
    return session.scalar(
        select(func.count()).where(
            AnalysisImage.analysis_id == analysis_id, ~AnalysisImage.is_done
        )
    ) or 0  # fmt: skip


def progress_of_analyses(
    session: Session, analysis_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, tuple[int, int]]:
    """Images done and in all, by analysis."""
    rows = session.execute(
        select(
            AnalysisImage.analysis_id,
            func.count().filter(AnalysisImage.is_done),
            func.count(),
        )
        .where(AnalysisImage.analysis_id.in_(analysis_ids))
        .group_by(AnalysisImage.analysis_id)
    )
    return {analysis_id: (done, total) for analysis_id, done, total in rows}


def analysis_with_sample(
    session: Session, analysis_id: uuid.UUID
) -> Row[Analysis, Sample, ModelVersion] | None:
    return session.execute(
        select(Analysis, Sample, ModelVersion)
        .join(Sample, Sample.id == Analysis.sample_id)
        .join(ModelVersion, ModelVersion.id == Analysis.model_version_id)
        .where(Analysis.id == analysis_id)
    ).one_or_none()


def lock_sample_of_analysis(session: Session, analysis_id: uuid.UUID) -> None:
    wanted = select(Sample).join(Analysis, Analysis.sample_id == Sample.id)
    session.execute(
        wanted.where(Analysis.id == analysis_id)
        .with_for_update(of=Sample)
        .execution_options(populate_existing=True)
    ).all()


def lock_analysis(session: Session, analysis_id: uuid.UUID) -> Analysis | None:
    return session.scalar(
        select(Analysis)
        .where(Analysis.id == analysis_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def has_open_analysis(session: Session, sample_id: uuid.UUID) -> bool:
    wanted = select(Analysis.id).where(Analysis.sample_id == sample_id, _is_open())
    return session.scalar(wanted.limit(1)) is not None


def _is_open() -> ColumnElement[bool]:
    return Analysis.state.in_(("queued", "running"))


def latest_analysis(session: Session, sample_id: uuid.UUID) -> Analysis | None:
    return session.scalar(
        select(Analysis)
        .where(Analysis.sample_id == sample_id)
        .order_by(Analysis.created_at.desc())
        .limit(1)
    )


def latest_scored(
    session: Session, sample_id: uuid.UUID
) -> Row[Analysis, Score, ModelVersion] | None:
    return session.execute(
        select(Analysis, Score, ModelVersion)
        .join(Score, Score.analysis_id == Analysis.id)
        .join(ModelVersion, ModelVersion.id == Analysis.model_version_id)
        .where(Analysis.sample_id == sample_id, Analysis.state == "done")
        .order_by(Analysis.created_at.desc())
        .limit(1)
        .options(defer(ModelVersion.manifest))  # long; whoever needs it reads it then
    ).one_or_none()


@dataclass(frozen=True)
class UsedImage:
    """A usable, classified image in an unsorted well of an analysis.

    `p_accepted` packs the probabilities of its cells; None where they must be read one by one.
    """

    image_id: uuid.UUID
    well: Well
    p_accepted: bytes | None
    looks: bytes | None


def used_images(session: Session, analysis: Analysis) -> list[UsedImage]:
    """By well, then by content: an order that no change of a row and no restore can disturb."""
    is_corrected = exists().where(Correction.image_id == ScanImage.id)
    as_found = case((is_corrected, None), else_=Classification.p_accepted)
    rows = session.execute(
        _images_of(analysis)
        .with_only_columns(ScanImage.id, Well, as_found, Classification.looks)
        .join(
            Classification,
            and_(
                Classification.image_id == ScanImage.id,
                Classification.model_version_id == analysis.model_version_id,
            ),
        )
        .where(image_is_used())
        .order_by(Well.number, ScanImage.sha256)
    )
    return [UsedImage(*row) for row in rows]


def earlier_wells(session: Session, analysis: Analysis) -> list[list[dict[str, Any]]]:
    """Wells of the newest score of each other sample, same model version, `analysis` being younger.

    An analysis that follows corrections sees the history that its first one saw: not what was
    asked for before it, but what was scored before it.
    """
    newest = (
        select(Score.details["wells"].label("wells"), Score.created_at)
        .join(Analysis, Analysis.id == Score.analysis_id)
        .where(
            Analysis.model_version_id == analysis.model_version_id,
            Analysis.sample_id != analysis.sample_id,
            Score.created_at < analysis.frozen_at,
            Score.rigidity_score.is_not(None),
        )
        .ext(distinct_on(Analysis.sample_id))
        .order_by(Analysis.sample_id, Score.created_at.desc())
        .subquery()
    )
    rows = session.scalars(
        select(newest.c.wells).order_by(newest.c.created_at.desc()).limit(HISTORY_SAMPLES)
    )
    return list(rows)


def count_corrected_cells(session: Session, analysis: Analysis) -> tuple[int, int]:
    """Cells that count or not because of a correction: excluded, restored."""
    excluded = func.count().filter(cell_was_used() & ~cell_is_used())
    restored = func.count().filter(~cell_was_used() & cell_is_used())
    row = session.execute(
        _images_of(analysis)
        .with_only_columns(excluded, restored)
        .join(Cell, Cell.image_id == ScanImage.id)
        .where(exists().where(Correction.image_id == ScanImage.id))
    ).one()
    return row[0], row[1]


def _images_of(analysis: Analysis) -> Select[uuid.UUID]:
    """The analysis's images in unsorted wells."""
    return (
        select(ScanImage.id)
        .select_from(ScanImage)
        .join(AnalysisImage, AnalysisImage.image_id == ScanImage.id)
        .join(Well, Well.id == ScanImage.well_id)
        .where(AnalysisImage.analysis_id == analysis.id, Well.outlet.is_(None))
    )


def unsorted_wells_of_sample(
    session: Session, sample_id: uuid.UUID, *, until: dt.datetime | None = None
) -> Sequence[Well]:
    """By number; `until` leaves out the wells added later."""
    wanted = select(Well).where(Well.sample_id == sample_id, Well.outlet.is_(None))
    if until is not None:
        wanted = wanted.where(Well.created_at <= until)
    return session.scalars(wanted.order_by(Well.number)).all()


def posteriors_of_images(
    session: Session, image_ids: Sequence[uuid.UUID], model_version_id: uuid.UUID
) -> dict[uuid.UUID, Sequence[list[float]]]:
    """Probabilities of the cells that count, by image, from top to bottom.

    One row per image: fetched one by one, 70,000 cells take three times as long.
    """
    cells = func.array_agg(
        aggregate_order_by(Prediction.p_outlet, Cell.row, Cell.column, Cell.id),
        type_=ARRAY(REAL, dimensions=2),
    )
    rows = session.execute(
        select(Cell.image_id, cells)
        .join(Prediction, Prediction.cell_id == Cell.id)
        .join(ScanImage, ScanImage.id == Cell.image_id)
        .where(
            Cell.image_id.in_(image_ids),
            Prediction.model_version_id == model_version_id,
            cell_is_used(),
        )
        .group_by(Cell.image_id)
    )
    return {row[0]: row[1] for row in rows}


def cells_of_analysis(
    session: Session, analysis: Analysis, *, after: tuple[uuid.UUID, uuid.UUID] | None, limit: int
) -> Sequence[Row[Cell, str, bool, ScanImage, Well, Prediction | None]]:
    """Cells by image and id, from behind the (image id, cell id) `after`.

    With each the verdict that holds, and whether the cell counts.
    """
    wanted = (
        select(Cell, cell_verdict(), cell_is_used(), ScanImage, Well, Prediction)
        .join(AnalysisImage, AnalysisImage.image_id == Cell.image_id)
        .join(ScanImage, ScanImage.id == Cell.image_id)
        .join(Well, Well.id == ScanImage.well_id)
        .outerjoin(
            Prediction,
            and_(
                Prediction.cell_id == Cell.id,
                Prediction.model_version_id == analysis.model_version_id,
            ),
        )
        .where(AnalysisImage.analysis_id == analysis.id)
        .order_by(Cell.image_id, Cell.id)
        .limit(limit)
    )
    if after is not None:
        wanted = wanted.where(tuple_(Cell.image_id, Cell.id) > tuple_(*after))
    return session.execute(wanted).all()


def classification_target(
    session: Session, analysis_image_id: uuid.UUID
) -> Row[AnalysisImage, Analysis, ModelVersion] | None:
    return session.execute(
        select(AnalysisImage, Analysis, ModelVersion)
        .join(Analysis, Analysis.id == AnalysisImage.analysis_id)
        .join(ModelVersion, ModelVersion.id == Analysis.model_version_id)
        .where(AnalysisImage.id == analysis_image_id)
    ).one_or_none()
