"""Cells of a whole sample, filtered and sorted: tens of thousands, a page at a time."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVarTuple

from sqlalchemy import (
    ColumnElement,
    Double,
    Row,
    Select,
    and_,
    cast,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.orm import Session

from app.db.queries.images import newest_scans
from app.db.queries.verdicts import cell_is_used, cell_verdict
from app.db.tables import Cell, InstrumentProfile, Prediction, ScanImage, Well

Selected = TypeVarTuple("Selected")

MEASURES = (
    Cell.diameter_um,
    Cell.circularity,
    Cell.elongation,
    Cell.rim_contrast,
    func.coalesce(Cell.contrast, 0.0),
)
"""What tells an unusual cell from the sample's usual ones."""


@dataclass(frozen=True)
class Usual:
    """Mean and standard deviation of each of `MEASURES` over the cells that count."""

    means: tuple[float, ...]
    sds: tuple[float, ...]


def usual_measures(session: Session, sample_id: uuid.UUID) -> Usual:
    figures = [figure(measure) for measure in MEASURES for figure in (func.avg, func.stddev_pop)]
    row = session.execute(
        select(*figures)
        .select_from(Cell)
        .join(ScanImage, ScanImage.id == Cell.image_id)
        .where(_of_sample(sample_id), cell_is_used())
    ).one()
    return Usual(tuple(v or 0.0 for v in row[0::2]), tuple(v or 0.0 for v in row[1::2]))


def unusualness(usual: Usual) -> ColumnElement[float]:
    """Squared distance from the usual cell, in standard deviations, measure by measure."""
    distance: ColumnElement[float] = literal(0.0)
    for measure, mean, sd in zip(MEASURES, usual.means, usual.sds, strict=True):
        if sd > 0:
            distance = distance + func.power((measure - mean) / sd, 2)
    return distance


def _of_sample(sample_id: uuid.UUID) -> ColumnElement[bool]:
    return ScanImage.scan_id.in_(newest_scans(Well.sample_id == sample_id))


class CellRow(NamedTuple):
    """A cell of the gallery: its image, the verdict that holds, and the key it is sorted by."""

    id: uuid.UUID
    image_id: uuid.UUID
    well_id: uuid.UUID
    filename: str
    row: float
    column: float
    diameter_um: float
    verdict: str
    found_verdict: str
    p_verdict: float | None
    findings: list[str]
    corrected_verdict: str | None
    corrected_verdict_of_image: str | None
    p_deformable: float | None
    key: float


def page_of_cells(
    session: Session,
    sample_id: uuid.UUID,
    conditions: Sequence[ColumnElement[bool]],
    key: ColumnElement[float],
    *,
    version_id: uuid.UUID | None,
    after: tuple[float, uuid.UUID] | None,
    limit: int,
) -> list[CellRow]:
    """Cells by rising key; all but the key is read of those on the page alone."""
    page = _sorted_ids(sample_id, conditions, key, version_id=version_id, after=after, limit=limit)
    chosen = page.subquery()
    wanted: Select[*tuple[Any, ...]] = (
        _with_prediction(
            select(
                Cell.id, Cell.image_id, ScanImage.well_id, ScanImage.filename, Cell.row,
                Cell.column, Cell.diameter_um, cell_verdict(), Cell.verdict, Cell.p_verdict,
                Cell.findings, Cell.corrected_verdict, ScanImage.corrected_verdict,
                Prediction.p_deformable, chosen.c.key,
            ),
            version_id,
        )
        .join(chosen, chosen.c.id == Cell.id)
        .order_by(chosen.c.key, chosen.c.id)
    )  # fmt: skip
    return [CellRow(*row) for row in session.execute(wanted)]


def _sorted_ids(
    sample_id: uuid.UUID,
    conditions: Sequence[ColumnElement[bool]],
    key: ColumnElement[float],
    *,
    version_id: uuid.UUID | None,
    after: tuple[float, uuid.UUID] | None,
    limit: int,
) -> Select[uuid.UUID, float]:
    rising = cast(key, Double)
    place = (
        ()
        if after is None
        else (tuple_(rising, Cell.id) > tuple_(literal(after[0], Double), literal(after[1])),)
    )
    return (
        _with_prediction(select(Cell.id, rising.label("key")), version_id)
        .where(_of_sample(sample_id), *conditions, *place)
        .order_by(rising, Cell.id)
        .limit(limit)
    )


def count_cells(
    session: Session,
    sample_id: uuid.UUID,
    conditions: Sequence[ColumnElement[bool]],
    *,
    version_id: uuid.UUID | None,
) -> int:
    counted = _with_prediction(select(func.count(Cell.id)), version_id)
    return session.scalar(counted.where(_of_sample(sample_id), *conditions)) or 0


def _with_prediction(
    statement: Select[*Selected], version_id: uuid.UUID | None
) -> Select[*Selected]:
    """Left out by the database where nothing asks for it."""
    return (
        statement.select_from(Cell)
        .join(ScanImage, ScanImage.id == Cell.image_id)
        .outerjoin(
            Prediction,
            and_(Prediction.cell_id == Cell.id, Prediction.model_version_id == version_id),
        )
    )


def cells_with_files(
    session: Session, sample_id: uuid.UUID, cell_ids: Sequence[uuid.UUID]
) -> Sequence[Row[uuid.UUID, float, float, ScanImage, InstrumentProfile]]:
    """Place, image and profile of those of the cells that belong to the sample."""
    return session.execute(
        select(Cell.id, Cell.row, Cell.column, ScanImage, InstrumentProfile)
        .join(ScanImage, ScanImage.id == Cell.image_id)
        .join(Well, Well.id == ScanImage.well_id)
        .join(InstrumentProfile, InstrumentProfile.id == Well.profile_id)
        .where(Cell.id.in_(cell_ids), Well.sample_id == sample_id)
    ).all()
