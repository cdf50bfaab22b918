"""The cells of a whole sample: listed by what one looks for, and their crops in one picture."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from app.db.session import transaction
from app.security.permissions import Permission
from app.services import crop_sheets, gallery
from app.services.gallery import GalleryCell, GalleryQuery, Shown, Sort
from app.web.dependencies import PrincipalDep, SessionDep, SessionsDep, StoreDep, require
from app.web.errors import refusals
from app.web.paging import CursorParam, Page

router = APIRouter(tags=["samples"])

PICTURE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"image/jpeg": {}},
        "description": "The crops, 60 × 60 px each, 20 in a row, in the order asked.",
    }
}


class CropSheetIn(BaseModel):
    """Which cells to show, in this order."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"cell_ids": ["3f0e7a52-6c1b-4f5e-9a57-0d5f2b1c9e11"]}]},
    )

    cell_ids: Annotated[list[uuid.UUID], Field(min_length=1, max_length=crop_sheets.MOST_CROPS)]


@router.get(
    "/samples/{sample_id}/cells",
    response_model=Page[GalleryCell],
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.READ_RESULTS)],
)
def list_cells_of_sample(
    sample_id: uuid.UUID,
    session: SessionDep,
    principal: PrincipalDep,
    sort: Annotated[Sort, Query(description="What comes first.")] = Sort.DOUBTFUL,
    show: Shown = Shown.ALL,
    well_id: uuid.UUID | None = None,
    finding: Annotated[str | None, Query(max_length=40, description="A finding's code.")] = None,
    cursor: CursorParam = None,
    limit: Annotated[int, Query(ge=1, le=crop_sheets.MOST_CROPS)] = 240,
) -> Page[GalleryCell]:
    """Cells of the wells' newest scans."""
    query = GalleryQuery(sort, show, well_id, finding)
    page = gallery.list_cells(session, principal, sample_id, query, cursor=cursor, limit=limit)
    return Page[GalleryCell](items=list(page.items), next_cursor=page.next_cursor)


@router.post(
    "/samples/{sample_id}/crop-sheets",
    response_class=Response,
    responses=PICTURE | refusals(401, 403, 404, 422, 503),
    dependencies=[require(Permission.READ_RESULTS)],
)
def draw_crop_sheet(
    sample_id: uuid.UUID,
    wanted: CropSheetIn,
    sessions: SessionsDep,
    principal: PrincipalDep,
    store: StoreDep,
) -> Response:
    """A picture of many crops; nothing is kept, so it may be asked for again at will."""
    with transaction(sessions) as session:
        places = crop_sheets.find_places(session, principal, sample_id, wanted.cell_ids)
    jpeg = crop_sheets.sheet_jpeg(store, places, wanted.cell_ids)
    return Response(jpeg, media_type="image/jpeg")
