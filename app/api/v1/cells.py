"""One image as it was judged: its verdict, its picture, its cells."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response

from app.db.session import transaction
from app.security.permissions import Permission
from app.services import images
from app.services.images import CellView, ImageView
from app.web.dependencies import PrincipalDep, SessionDep, SessionsDep, StoreDep, require
from app.web.errors import refusals
from app.web.paging import Page, WholeWindowDep

router = APIRouter(tags=["images"])

WidthParam = Annotated[int, Query(ge=64, le=4096, description="Width of the picture in px.")]
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}}, "description": "The picture."}
}
# The bytes of an image never change, and only people who may see it get here.
CACHED = {"Cache-Control": "private, max-age=3600"}


@router.get(
    "/images/{image_id}",
    response_model=ImageView,
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.READ_SAMPLES)],
)
def get_image(image_id: uuid.UUID, session: SessionDep, principal: PrincipalDep) -> ImageView:
    """Show an image: the verdict that holds, what was found, and a technician's word if any."""
    return images.get_image(session, principal, image_id)


@router.get(
    "/images/{image_id}/cells",
    response_model=Page[CellView],
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.READ_RESULTS)],
)
def list_cells(
    image_id: uuid.UUID, session: SessionDep, principal: PrincipalDep, window: WholeWindowDep
) -> Page[CellView]:
    """Every cell of the image, from top to bottom, in one page unless `limit` says otherwise."""
    page = window.of(images.cells_of_image(session, principal, image_id), lambda one: one.id)
    return Page[CellView](items=page.items, next_cursor=page.next_cursor)


@router.get(
    "/images/{image_id}/pixels",
    response_class=Response,
    responses=PICTURE | refusals(401, 403, 404, 422, 503),
    dependencies=[require(Permission.READ_SAMPLES)],
)
def get_pixels(
    image_id: uuid.UUID,
    sessions: SessionsDep,
    principal: PrincipalDep,
    store: StoreDep,
    width: WidthParam = 1212,
) -> Response:
    """The image as JPEG; decoded without holding a connection."""
    with transaction(sessions) as session:
        stored = images.stored_picture(session, principal, image_id)
    jpeg = images.picture_jpeg(store, stored, width=width)
    return Response(jpeg, media_type="image/jpeg", headers=CACHED)


@router.get(
    "/images/{image_id}/overlay",
    response_class=Response,
    responses=PICTURE | refusals(401, 403, 404, 422, 503),
    dependencies=[require(Permission.READ_RESULTS)],
)
def get_overlay(
    image_id: uuid.UUID,
    sessions: SessionsDep,
    principal: PrincipalDep,
    store: StoreDep,
    width: WidthParam = 1212,
) -> Response:
    """The image as JPEG with its cells outlined: blue deformable, orange rigid, grey rejected."""
    with transaction(sessions) as session:
        stored = images.stored_picture(session, principal, image_id)
        cells = images.cells_of_image(session, principal, image_id)
    return Response(images.overlay_jpeg(store, stored, cells, width=width), media_type="image/jpeg")
