"""The cells of a sample side by side: filtered, sorted, a page at a time."""

import base64
import binascii
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, func, literal
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db.queries import gallery as queries
from app.db.queries.analyses import latest_analysis
from app.db.queries.gallery import CellRow
from app.db.queries.model_versions import active_version
from app.db.queries.verdicts import cell_verdict, is_corrected
from app.db.tables import Cell, Prediction, ScanImage
from app.domain.errors import InvalidInput
from app.domain.quality import Verdict
from app.security.permissions import Principal
from app.services.paging import Listing
from app.services.visibility import visible_sample

NOWHERE: Final = 1e30
"""Key of cells without the figure that is sorted by: they come last."""


class Sort(StrEnum):
    """What comes first."""

    DOUBTFUL = "doubtful"
    UNUSUAL = "unusual"
    DEFORMABLE = "deformable"
    RIGID = "rigid"
    UNDECIDED = "undecided"
    SMALL = "small"
    LARGE = "large"
    ELONGATED = "elongated"
    FAINT = "faint"
    PLACE = "place"


class Shown(StrEnum):
    """Which verdict cells have."""

    ALL = "all"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CORRECTED = "corrected"


@dataclass(frozen=True)
class Band:
    """Values from `least` on and below `most`; None leaves a side open."""

    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class GalleryQuery:
    """What is asked for: cells of one well or all, by verdict, finding and measures, in an order.

    `p_deformable` is that of cells that count: a rejected cell has none that says anything.
    """

    sort: Sort = Sort.DOUBTFUL
    show: Shown = Shown.ALL
    well_id: uuid.UUID | None = None
    finding: str | None = None
    p_deformable: Band | None = None
    diameter_um: Band | None = None
    elongation: Band | None = None


@dataclass(frozen=True)
class GalleryCell:
    """A cell as the gallery shows it; `verdict` is the one that holds."""

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
    is_corrected: bool
    p_deformable: float | None


def list_cells(
    session: Session,
    principal: Principal,
    sample_id: uuid.UUID,
    query: GalleryQuery,
    *,
    cursor: str | None = None,
    limit: int,
) -> Listing[GalleryCell]:
    """A page of the sample's cells; goes on after the last one shown, whatever was corrected."""
    visible_sample(session, principal, sample_id)
    rows = queries.page_of_cells(
        session,
        sample_id,
        _conditions(query),
        _key(session, sample_id, query.sort),
        version_id=_version(session, sample_id),
        after=_decode(cursor),
        limit=limit + 1,
    )
    last = rows[limit - 1] if len(rows) > limit else None
    return Listing(
        tuple(_view(row) for row in rows[:limit]),
        None if last is None else _encode(last.key, last.id),
    )


def count_cells(
    session: Session, principal: Principal, sample_id: uuid.UUID, query: GalleryQuery
) -> int:
    visible_sample(session, principal, sample_id)
    version_id = _version(session, sample_id)
    return queries.count_cells(session, sample_id, _conditions(query), version_id=version_id)


def _version(session: Session, sample_id: uuid.UUID) -> uuid.UUID | None:
    analysis = latest_analysis(session, sample_id)
    version = active_version(session)
    return analysis.model_version_id if analysis else version.id if version else None


def _conditions(query: GalleryQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.well_id is not None:
        conditions.append(ScanImage.well_id == query.well_id)
    if query.finding is not None:
        conditions.append(Cell.findings.contains([query.finding]))
    if query.show is Shown.CORRECTED:
        conditions.append(is_corrected())
    elif query.show is not Shown.ALL:
        conditions.append(cell_verdict() == query.show.value)
    if query.p_deformable is not None:
        conditions.append(cell_verdict() == Verdict.ACCEPTED.value)
    return conditions + [
        condition
        for measure, band in (
            (Prediction.p_deformable, query.p_deformable),
            (Cell.diameter_um, query.diameter_um),
            (Cell.elongation, query.elongation),
        )
        if band is not None
        for condition in _within(measure, band)
    ]


def _within(
    measure: ColumnElement[float] | InstrumentedAttribute[float], band: Band
) -> Iterator[ColumnElement[bool]]:
    if band.least is not None:
        yield measure >= band.least
    if band.most is not None:
        yield measure < band.most


_KEYS: Final[dict[Sort, Callable[[], ColumnElement[float]]]] = {
    Sort.DOUBTFUL: lambda: func.coalesce(Cell.p_verdict, NOWHERE),
    Sort.DEFORMABLE: lambda: func.coalesce(-Prediction.p_deformable, NOWHERE),
    Sort.RIGID: lambda: func.coalesce(Prediction.p_deformable, NOWHERE),
    Sort.UNDECIDED: lambda: func.coalesce(func.abs(Prediction.p_deformable - 0.5), NOWHERE),
    Sort.SMALL: lambda: Cell.diameter_um + 0.0,
    Sort.LARGE: lambda: -Cell.diameter_um,
    Sort.ELONGATED: lambda: -Cell.elongation,
    Sort.FAINT: lambda: func.coalesce(func.abs(Cell.contrast), NOWHERE),
    Sort.PLACE: lambda: literal(0.0),
}


def _key(session: Session, sample_id: uuid.UUID, sort: Sort) -> ColumnElement[float]:
    if sort is Sort.UNUSUAL:
        return -queries.unusualness(queries.usual_measures(session, sample_id))
    return _KEYS[sort]()


def _view(row: CellRow) -> GalleryCell:
    return GalleryCell(
        id=row.id,
        image_id=row.image_id,
        well_id=row.well_id,
        filename=row.filename,
        row=row.row,
        column=row.column,
        diameter_um=row.diameter_um,
        verdict=row.verdict,
        found_verdict=row.found_verdict,
        p_verdict=row.p_verdict,
        findings=row.findings,
        is_corrected=(row.corrected_verdict or row.corrected_verdict_of_image) is not None,
        p_deformable=row.p_deformable,
    )


def _encode(key: float, cell_id: uuid.UUID) -> str:
    return base64.urlsafe_b64encode(f"{key!r}|{cell_id}".encode()).decode().rstrip("=")


def _decode(cursor: str | None) -> tuple[float, uuid.UUID] | None:
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        key, _, cell_id = base64.urlsafe_b64decode(padded).decode().partition("|")
        return float(key), uuid.UUID(cell_id)
    except (ValueError, binascii.Error) as error:
        raise InvalidInput(
            "cursor_unknown", "The cursor is not one of ours; begin again without it."
        ) from error
