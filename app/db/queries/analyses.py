import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Row, and_, func, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, REAL, aggregate_order_by
from sqlalchemy.orm import Session

from app.db.queries.images import newest_scans
from app.db.tables import (
    Analysis,
    AnalysisImage,
    Cell,
    Classification,
    ModelVersion,
    Prediction,
    Sample,
    ScanImage,
    Score,
    Well,
)


def images_to_analyse(session: Session, sample_id: uuid.UUID) -> Sequence[ScanImage]:
    """The sample's unrejected images of newest scans, locked so that none is judged meanwhile.

    An inspection updates its image before it looks for waiting analyses; with this lock it either
    has committed and is seen here, or will see the analysis that is about to be written.
    """
    return session.scalars(
        select(ScanImage)
        .where(
            ScanImage.scan_id.in_(newest_scans(Well.sample_id == sample_id)),
            ScanImage.verdict != "rejected",
        )
        .order_by(ScanImage.id)
        .with_for_update(read=True)
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
    ).one_or_none()


def unsorted_wells_of_analysis(
    session: Session, analysis_id: uuid.UUID
) -> Sequence[Row[Well, uuid.UUID]]:
    """Every unsorted well of the analysis with each of its usable, classified images."""
    return session.execute(
        select(Well, ScanImage.id)
        .join(ScanImage, ScanImage.well_id == Well.id)
        .join(AnalysisImage, AnalysisImage.image_id == ScanImage.id)
        .join(Analysis, Analysis.id == AnalysisImage.analysis_id)
        .join(
            Classification,
            and_(
                Classification.image_id == ScanImage.id,
                Classification.model_version_id == Analysis.model_version_id,
            ),
        )
        .where(
            Analysis.id == analysis_id,
            Well.outlet.is_(None),
            ScanImage.verdict.in_(("accepted", "partly")),
        )
        .order_by(Well.number, ScanImage.id)
    ).all()


def unsorted_wells_of_sample(
    session: Session, sample_id: uuid.UUID, *, until: dt.datetime | None = None
) -> Sequence[Well]:
    """By number; `until` leaves out the wells added later."""
    wanted = select(Well).where(Well.sample_id == sample_id, Well.outlet.is_(None))
    if until is not None:
        wanted = wanted.where(Well.created_at <= until)
    return session.scalars(wanted.order_by(Well.number)).all()


def posteriors_of_analysis(
    session: Session, analysis_id: uuid.UUID, model_version_id: uuid.UUID
) -> dict[uuid.UUID, Sequence[list[float]]]:
    """Probabilities of the accepted cells in the analysis's unsorted wells, by image.

    One row per image: fetched one by one, 70,000 cells take three times as long.
    """
    cells = func.array_agg(
        aggregate_order_by(Prediction.p_outlet, Cell.id), type_=ARRAY(REAL, dimensions=2)
    )
    rows = session.execute(
        select(Cell.image_id, cells)
        .join(Prediction, Prediction.cell_id == Cell.id)
        .join(ScanImage, ScanImage.id == Cell.image_id)
        .join(Well, Well.id == ScanImage.well_id)
        .join(AnalysisImage, AnalysisImage.image_id == Cell.image_id)
        .where(
            AnalysisImage.analysis_id == analysis_id,
            Prediction.model_version_id == model_version_id,
            Cell.verdict == "accepted",
            ScanImage.verdict.in_(("accepted", "partly")),
            Well.outlet.is_(None),
        )
        .group_by(Cell.image_id)
    )
    return {row[0]: row[1] for row in rows}


def cells_of_analysis(
    session: Session, analysis: Analysis, *, after: tuple[uuid.UUID, uuid.UUID] | None, limit: int
) -> Sequence[Row[Cell, ScanImage, Well, Prediction | None]]:
    """Cells by image and id, from behind the (image id, cell id) `after`."""
    wanted = (
        select(Cell, ScanImage, Well, Prediction)
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
