"""Every cell of an analysis: JSON in pages, or all at once as CSV or Parquet."""

import uuid
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from app.db.session import transaction
from app.reports.content import RESEARCH_USE
from app.security.permissions import Permission
from app.services import analysis_cells
from app.services.analysis_cells import AnalysisCellView
from app.services.cell_columns import (
    COLUMNS,
    P_OUTLET,
    CellColumn,
    columns_for,
    values_of,
)
from app.web.csv_tables import Separator, csv_lines
from app.web.dependencies import PrincipalDep, SessionsDep, require
from app.web.errors import refusals
from app.web.negotiation import ANYTHING, AcceptParam, choose
from app.web.paging import CursorParam, LimitParam, Page

router = APIRouter(tags=["analyses"])

JSON: Final = "application/json"
CSV: Final = "text/csv"
PARQUET: Final = "application/vnd.apache.parquet"
SeparatorParam = Annotated[
    Separator, Query(description="Of `text/csv`; the decimal mark is a point either way.")
]
TABLE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {
            CSV: {"schema": {"type": "string"}},
            PARQUET: {"schema": {"type": "string", "format": "binary"}},
        },
        "description": "The cells; what each column means is told by `GET /cell-columns`.",
    }
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
    separator: SeparatorParam = Separator.COMMA,
) -> Page[AnalysisCellView] | StreamingResponse:
    """Every cell of the analysis, rejected ones too.

    `Accept: text/csv` or `application/vnd.apache.parquet` gives all in one table. The last column
    of the text is empty: its name is the label that stands on all results.
    """
    form = choose(accept, (JSON, CSV, PARQUET))
    if form == JSON:
        with transaction(sessions) as session:
            page = analysis_cells.list_cells(
                session, principal, analysis_id, cursor=cursor, limit=limit
            )
        return Page[AnalysisCellView](items=list(page.items), next_cursor=page.next_cursor)
    with transaction(sessions) as session:
        outlets = analysis_cells.outlets_of_analysis(session, principal, analysis_id)
    pages = analysis_cells.all_pages(sessions, principal, analysis_id)
    if form == PARQUET:
        from app.services.cell_tables import parquet_pieces  # noqa: PLC0415  loads pyarrow

        return _file(parquet_pieces(pages, outlets), PARQUET, f"cells-{analysis_id}.parquet")
    return _file(_table(pages, outlets, separator), CSV, f"cells-{analysis_id}.csv")


@router.get(
    "/cell-columns",
    responses=refusals(401, 403),
    dependencies=[require(Permission.READ_RESULTS)],
)
def list_cell_columns() -> list[CellColumn]:
    """What each column of a table of cells holds: name, kind, unit (UCUM), meaning.

    The same words are in the fields of a Parquet file.
    """
    return [*COLUMNS, P_OUTLET]


def _file(pieces: Iterator[str] | Iterator[bytes], kind: str, name: str) -> StreamingResponse:
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(pieces, media_type=kind, headers=disposition)


def _table(
    pages: Iterator[tuple[AnalysisCellView, ...]], outlets: Sequence[int], separator: Separator
) -> Iterator[str]:
    names = [column.name for column in columns_for(outlets)]
    yield csv_lines([[*names, RESEARCH_USE]], separator)
    for cells in pages:
        yield csv_lines([[*values_of(cell, outlets), None] for cell in cells], separator)
