"""Corrections: a technician excludes or restores an image or cells; the score follows."""

import uuid

from fastapi import APIRouter

from app.api.v1.schemas.corrections import CellsCorrectionIn, CorrectionIn
from app.security.permissions import Permission
from app.services import corrections, images
from app.services.images import CellView, ImageView
from app.web.conditional import EditDep
from app.web.dependencies import PrincipalDep, SessionDep, require
from app.web.errors import refusals
from app.web.paging import Page

router = APIRouter(tags=["images"])


@router.patch(
    "/images/{image_id}",
    response_model=ImageView,
    responses=refusals(401, 403, 404, 409, 412, 422),
    dependencies=[require(Permission.CORRECT)],
)
def correct_image(
    image_id: uuid.UUID,
    body: CorrectionIn,
    session: SessionDep,
    principal: PrincipalDep,
    edit: EditDep,
) -> ImageView:
    """Exclude an image, or use it again; the sample is `running` until its score has followed."""
    edit.check(
        hold=lambda: corrections.hold_image(session, principal, image_id),
        read=lambda: images.get_image(session, principal, image_id),
        kind=ImageView,
    )
    return corrections.correct_image(
        session, principal, image_id, verdict=body.verdict, reason=body.reason
    )


@router.get(
    "/cells/{cell_id}",
    response_model=CellView,
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.READ_RESULTS)],
)
def get_cell(cell_id: uuid.UUID, session: SessionDep, principal: PrincipalDep) -> CellView:
    """Show one cell, to correct exactly what was seen: its `ETag` goes into `If-Match`."""
    return corrections.get_cell(session, principal, cell_id)


@router.patch(
    "/cells/{cell_id}",
    response_model=CellView,
    responses=refusals(401, 403, 404, 409, 412, 422),
    dependencies=[require(Permission.CORRECT)],
)
def correct_cell(
    cell_id: uuid.UUID,
    body: CorrectionIn,
    session: SessionDep,
    principal: PrincipalDep,
    edit: EditDep,
) -> CellView:
    """Accept or reject one cell; the sample is `running` until its score has followed."""
    edit.check(
        hold=lambda: corrections.hold_cell(session, principal, cell_id),
        read=lambda: corrections.get_cell(session, principal, cell_id),
        kind=CellView,
    )
    return corrections.correct_cell(
        session, principal, cell_id, verdict=body.verdict, reason=body.reason
    )


@router.patch(
    "/cells",
    response_model=Page[CellView],
    responses=refusals(401, 403, 404, 409, 412, 422),
    dependencies=[require(Permission.CORRECT)],
)
def correct_cells(
    body: CellsCorrectionIn, session: SessionDep, principal: PrincipalDep, edit: EditDep
) -> Page[CellView]:
    """Accept or reject many cells of one sample at once, all or none of them.

    `If-Match` lists the `ETag` of each, as `GET /cells/{cell_id}` gives it.
    """
    edit.check_all(
        hold=lambda: corrections.hold_cells(session, principal, body.cell_ids),
        read=lambda: [corrections.get_cell(session, principal, one) for one in body.cell_ids],
        kind=CellView,
    )
    cells = corrections.correct_cells(
        session, principal, body.cell_ids, verdict=body.verdict, reason=body.reason
    )
    return Page[CellView](items=cells, next_cursor=None)
