"""Every cell of an analysis, in pages: tens of thousands of them."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries import analyses as queries
from app.db.session import SessionMaker, transaction
from app.db.tables import Cell, Prediction, ScanImage, Well
from app.domain.errors import InvalidInput
from app.security.permissions import Principal
from app.services.paging import Listing
from app.services.scores import well_name
from app.services.visibility import visible_analysis

CELLS_PER_PAGE: Final = 2000
"""Read at once while all are streamed: short transactions, little memory."""

Position = tuple[uuid.UUID, uuid.UUID]


@dataclass(frozen=True)
class AnalysisCellView:
    """A cell with its place: `row` and `column` in px of its image; `outlet` None if unsorted.

    `verdict` is the one that holds; `is_used` says that the cell and its image both count.
    Contrasts are fractions of the background, the rim's per µm; `shading_angle` is in radians.
    """

    id: uuid.UUID
    image_id: uuid.UUID
    filename: str
    well_id: uuid.UUID
    well_name: str
    outlet: int | None
    row: float
    column: float
    area_um2: float
    diameter_um: float
    circularity: float
    elongation: float
    rim_contrast: float
    rim_width_um: float
    shading_angle: float
    contrast: float | None
    crenation: float | None
    verdict: str
    is_used: bool
    found_verdict: str
    p_verdict: float | None
    findings: list[str]
    p_deformable: float | None
    p_outlet: dict[str, float] | None


def outlets_of_analysis(
    session: Session, principal: Principal, analysis_id: uuid.UUID
) -> tuple[int, ...]:
    """Those the analysis's model version tells apart."""
    _, _, version = visible_analysis(session, principal, analysis_id)
    return tuple(version.manifest["outlets"])


def list_cells(
    session: Session,
    principal: Principal,
    analysis_id: uuid.UUID,
    *,
    cursor: str | None,
    limit: int,
) -> Listing[AnalysisCellView]:
    """Image by image, rejected cells too, with the probabilities of the analysis's version."""
    analysis, _, version = visible_analysis(session, principal, analysis_id)
    rows = queries.cells_of_analysis(session, analysis, after=_position(cursor), limit=limit + 1)
    outlets = [str(outlet) for outlet in version.manifest["outlets"]]
    views = tuple(_view(*row, outlets) for row in rows[:limit])
    more = len(rows) > limit
    return Listing(views, f"{views[-1].image_id.hex}{views[-1].id.hex}" if more else None)


def all_pages(
    sessions: SessionMaker, principal: Principal, analysis_id: uuid.UUID
) -> Iterator[tuple[AnalysisCellView, ...]]:
    """Every page of `list_cells`; no transaction stays open while somebody slow reads."""
    cursor = None
    while True:
        with transaction(sessions) as session:
            page = list_cells(session, principal, analysis_id, cursor=cursor, limit=CELLS_PER_PAGE)
        yield page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _view(
    cell: Cell,
    verdict: str,
    is_used: bool,  # noqa: FBT001  a column of the row, in its order
    image: ScanImage,
    well: Well,
    prediction: Prediction | None,
    outlets: list[str],
) -> AnalysisCellView:
    return AnalysisCellView(
        id=cell.id,
        image_id=image.id,
        filename=image.filename,
        well_id=well.id,
        well_name=well_name(well),
        outlet=well.outlet,
        row=cell.row,
        column=cell.column,
        area_um2=cell.area_um2,
        diameter_um=cell.diameter_um,
        circularity=cell.circularity,
        elongation=cell.elongation,
        rim_contrast=cell.rim_contrast,
        rim_width_um=cell.rim_width_um,
        shading_angle=cell.shading_angle,
        contrast=cell.contrast,
        crenation=cell.crenation,
        verdict=verdict,
        is_used=is_used,
        found_verdict=cell.verdict,
        p_verdict=cell.p_verdict,
        findings=cell.findings,
        p_deformable=None if prediction is None else prediction.p_deformable,
        p_outlet=None
        if prediction is None
        else dict(zip(outlets, prediction.p_outlet, strict=True)),
    )


def _position(cursor: str | None) -> Position | None:
    if cursor is None:
        return None
    try:
        return uuid.UUID(hex=cursor[:32]), uuid.UUID(hex=cursor[32:])
    except ValueError as error:
        raise InvalidInput(
            "cursor_unknown", "The cursor is not one of ours; begin again without it."
        ) from error
