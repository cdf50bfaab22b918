"""Every cell of an analysis: JSON in pages, or all at once as CSV."""

import csv
import io
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from app.db.session import transaction
from app.security.permissions import Permission
from app.services import analysis_cells
from app.services.analysis_cells import AnalysisCellView
from app.web.dependencies import PrincipalDep, SessionsDep, require
from app.web.errors import refusals
from app.web.negotiation import ANYTHING, AcceptParam, choose
from app.web.paging import CursorParam, LimitParam, Page

router = APIRouter(tags=["analyses"])

JSON: Final = "application/json"
CSV: Final = "text/csv"
COLUMNS: Final = (
    "id", "image_id", "filename", "well_id", "well_name", "outlet", "row", "column", "area_um2",
    "diameter_um", "circularity", "elongation", "rim_contrast", "rim_width_um", "shading_angle",
    "contrast", "crenation", "verdict", "is_used", "found_verdict", "p_verdict", "findings",
    "p_deformable",
)  # fmt: skip
TABLE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {CSV: {"schema": {"type": "string"}}}, "description": "The cells."}
}


@router.get(
    "/analyses/{analysis_id}/cells",
    response_model=Page[AnalysisCellView],
    responses=TABLE | refusals(401, 403, 404, 406, 422),
    dependencies=[require(Permission.READ_RESULTS)],
)
def list_analysis_cells(
    analysis_id: uuid.UUID,
    sessions: SessionsDep,
    principal: PrincipalDep,
    accept: AcceptParam = ANYTHING,
    cursor: CursorParam = None,
    limit: LimitParam = 50,
) -> Page[AnalysisCellView] | StreamingResponse:
    """Every cell of the analysis, rejected ones too; `Accept: text/csv` gives all in one table."""
    if choose(accept, (JSON, CSV)) == JSON:
        with transaction(sessions) as session:
            page = analysis_cells.list_cells(
                session, principal, analysis_id, cursor=cursor, limit=limit
            )
        return Page[AnalysisCellView](items=list(page.items), next_cursor=page.next_cursor)
    with transaction(sessions) as session:
        outlets = analysis_cells.outlets_of_analysis(session, principal, analysis_id)
    pages = analysis_cells.all_pages(sessions, principal, analysis_id)
    disposition = {"Content-Disposition": f'attachment; filename="cells-{analysis_id}.csv"'}
    return StreamingResponse(_table(pages, outlets), media_type=CSV, headers=disposition)


def _table(pages: Iterator[tuple[AnalysisCellView, ...]], outlets: Sequence[int]) -> Iterator[str]:
    yield _lines([[*COLUMNS, *(f"p_outlet_{outlet}" for outlet in outlets)]])
    for cells in pages:
        yield _lines([_values(cell, outlets) for cell in cells])


def _values(cell: AnalysisCellView, outlets: Sequence[int]) -> list[object]:
    p_outlet = cell.p_outlet or {}
    values = [_text(getattr(cell, name)) for name in COLUMNS]
    return [*values, *(p_outlet.get(str(outlet), "") for outlet in outlets)]


def _lines(rows: Sequence[Sequence[object]]) -> str:
    lines = io.StringIO()
    csv.writer(lines).writerows(rows)
    return lines.getvalue()


def _text(value: object) -> object:
    if isinstance(value, list):
        return " ".join(value)
    # A spreadsheet would run a file name that begins like a formula.
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t")):
        return f"'{value}"
    return value
