import uuid
from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import Row, Select, Text, and_, cast, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, distinct_on
from sqlalchemy.orm import Session, aliased

from app.db.tables import (
    AnalysisImage,
    AuditEntry,
    Cell,
    Correction,
    InstrumentProfile,
    ReferenceMeasurement,
    ScanImage,
    Well,
)

DUPLICATE_REFUSED: Final = "image.duplicate_refused"


ImageRow = Row[ScanImage, Well, InstrumentProfile]


def images_of_analysis(session: Session, analysis_id: uuid.UUID) -> Sequence[ImageRow]:
    """By well and content, whatever was added to the sample since."""
    return session.execute(
        select(ScanImage, Well, InstrumentProfile)
        .join(AnalysisImage, AnalysisImage.image_id == ScanImage.id)
        .join(Well, Well.id == ScanImage.well_id)
        .join(InstrumentProfile, InstrumentProfile.id == Well.profile_id)
        .where(AnalysisImage.analysis_id == analysis_id)
        .order_by(Well.outlet.asc().nulls_first(), Well.number, ScanImage.sha256)
        .execution_options(populate_existing=True)
    ).all()


def digest_of_cells(session: Session, image_ids: Collection[uuid.UUID]) -> tuple[int, str]:
    """Number of the images' cells, and SHA-256 of their places and verdicts as found.

    In the database: tens of thousands of rows would cost more to carry than to hash.
    """
    line = func.concat_ws(
        " ", cast(Cell.image_id, Text), cast(Cell.row, Text), cast(Cell.column, Text), Cell.verdict
    )
    lines = func.string_agg(
        line, aggregate_order_by(literal("\n"), Cell.image_id, Cell.row, Cell.column, Cell.id)
    )
    digest = func.encode(func.sha256(func.convert_to(func.coalesce(lines, ""), "UTF8")), "hex")
    row = session.execute(
        select(func.count(Cell.id), digest).where(Cell.image_id.in_(image_ids))
    ).one()
    return row[0], row[1]


def corrections_of_images(
    session: Session, image_ids: Collection[uuid.UUID]
) -> Sequence[Correction]:  # fmt: skip
    """Every word on the images and their cells, oldest first."""
    wanted = select(Correction).where(Correction.image_id.in_(image_ids))
    return session.scalars(
        wanted.order_by(Correction.created_at, Correction.id).execution_options(
            populate_existing=True
        )
    ).all()


def corrected_cells(session: Session, image_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Cells whose verdict is a technician's."""
    wanted = select(Cell.id).where(
        Cell.image_id.in_(image_ids), Cell.corrected_verdict.is_not(None)
    )
    return set(session.scalars(wanted))


def has_verdict_without_word(session: Session, image_ids: Collection[uuid.UUID]) -> bool:
    """Whether a verdict in force is not what the last correction of its image or cell said.

    A cell's own word may be left off its row where it would hold anyway; what would hold can
    change with a word on its image, so cells of corrected images are held to their own word only
    where they carry one.
    """
    return bool(
        session.scalar(select(exists(_images_without_word(image_ids))))
        or session.scalar(select(exists(_cells_without_word(image_ids))))
    )


def _images_without_word(image_ids: Collection[uuid.UUID]) -> Select[uuid.UUID]:
    last = (
        select(Correction.image_id, Correction.verdict_after)
        .where(Correction.image_id.in_(image_ids), Correction.cell_id.is_(None))
        .ext(distinct_on(Correction.image_id))
        .order_by(Correction.image_id, Correction.created_at.desc())
        .subquery()
    )
    holds = func.coalesce(ScanImage.corrected_verdict, ScanImage.verdict)
    return (
        select(ScanImage.id)
        .outerjoin(last, last.c.image_id == ScanImage.id)
        .where(
            ScanImage.id.in_(image_ids),
            holds != func.coalesce(last.c.verdict_after, ScanImage.verdict),
        )
    )


def _cells_without_word(image_ids: Collection[uuid.UUID]) -> Select[uuid.UUID]:
    last = (
        select(Correction.cell_id, Correction.verdict_after)
        .where(Correction.image_id.in_(image_ids), Correction.cell_id.is_not(None))
        .ext(distinct_on(Correction.cell_id))
        .order_by(Correction.cell_id, Correction.created_at.desc())
        .subquery()
    )
    whole = aliased(Correction)
    image_was_corrected = exists().where(whole.image_id == Cell.image_id, whole.cell_id.is_(None))
    own, said = Cell.corrected_verdict, last.c.verdict_after
    return (
        select(Cell.id)
        .outerjoin(last, last.c.cell_id == Cell.id)
        .where(
            Cell.image_id.in_(image_ids),
            or_(
                own.is_not(None) & own.is_distinct_from(said),
                and_(own.is_(None), said != Cell.verdict, ~image_was_corrected),
            ),
        )
    )


def references_by_id(
    session: Session, sample_id: uuid.UUID, ids: Collection[uuid.UUID] | None
) -> Sequence[ReferenceMeasurement]:
    """Those of a sample, or of them those named, oldest first."""
    wanted = select(ReferenceMeasurement).where(ReferenceMeasurement.sample_id == sample_id)
    if ids is not None:
        wanted = wanted.where(ReferenceMeasurement.id.in_(ids))
    order = (ReferenceMeasurement.created_at, ReferenceMeasurement.id)
    return session.scalars(wanted.order_by(*order).execution_options(populate_existing=True)).all()


def duplicate_alarms(
    session: Session, image_ids: Collection[uuid.UUID], well_ids: Collection[uuid.UUID]
) -> Sequence[AuditEntry]:
    """Uploads refused because their bytes lie in these images, or sent to these wells."""
    sent_here = [AuditEntry.content.contains(f'"sent_to":"{well_id}"') for well_id in well_ids]
    lies_here = AuditEntry.entity_id.in_([str(image_id) for image_id in image_ids])
    wanted = select(AuditEntry).where(
        AuditEntry.entity == "image",
        AuditEntry.action == DUPLICATE_REFUSED,
        or_(lies_here, *sent_here),
    )
    return session.scalars(wanted.order_by(AuditEntry.seq)).all()


def entries_about(session: Session, entity: str, entity_id: str) -> Sequence[AuditEntry]:
    wanted = select(AuditEntry).where(
        AuditEntry.entity == entity, AuditEntry.entity_id == entity_id
    )
    return session.scalars(wanted.order_by(AuditEntry.seq)).all()
