"""The upload door: a raw body, streamed; one of the two asynchronous places of the web process."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from app.api.v1.schemas.uploads import ReceivedImageOut
from app.db.session import transaction
from app.domain.errors import InvalidInput
from app.security.permissions import Permission
from app.services import scans
from app.services.scans import Expected, ReceivedImage
from app.web.body import BufferSpace, declared_bytes, read_body
from app.web.dependencies import (
    PrincipalDep,
    SessionDep,
    SessionsDep,
    SettingsDep,
    StoreDep,
    require,
)
from app.web.errors import refusals

router = APIRouter(tags=["images"])

Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file, in hex.")]
UPLOAD_BODY = {
    "requestBody": {
        "required": True,
        "description": "The file as the microscope wrote it: grey-valued BMP (8 or 24 bits), PNG "
        "or TIFF, of the size the well's instrument profile says.",
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("application/octet-stream", "image/bmp", "image/png", "image/tiff")
        },
    }
}


def expect_image(well_id: uuid.UUID, principal: PrincipalDep, sessions: SessionsDep) -> Expected:
    """Read what the well wants, in a transaction that is over before the body is read."""
    with transaction(sessions) as session:
        return scans.expect_image(session, principal, well_id)


def check_space(request: Request, store: StoreDep, settings: SettingsDep) -> None:
    """Refuse before the body is read: what cannot be kept need not travel."""
    declared = request.headers.get("content-length", "")
    n_bytes = int(declared) if declared.isdecimal() and len(declared) < 19 else 0
    scans.refuse_without_room(store, n_bytes=n_bytes, least_free_bytes=settings.min_free_bytes)


@router.put(
    "/wells/{well_id}/images/{sha256}",
    status_code=201,
    response_model=ReceivedImageOut,
    dependencies=[require(Permission.UPLOAD_IMAGES), Depends(check_space)],
    responses=refusals(404, 408, 409, 411, 413, 415, 503, 507)
    | {200: {"model": ReceivedImageOut, "description": "It was there already."}},
    openapi_extra=UPLOAD_BODY,
)
async def put_image(
    *,
    request: Request,
    response: Response,
    sha256: Sha256,
    expected: Annotated[Expected, Depends(expect_image)],
    principal: PrincipalDep,
    settings: SettingsDep,
    sessions: SessionsDep,
    store: StoreDep,
    filename: Annotated[str, Query(max_length=1000)] = "",
) -> ReceivedImageOut:
    """Send one image. The answer leaves only when bytes and row are durable; repeats are 200."""
    n_bytes = declared_bytes(request, most_bytes=settings.max_body_bytes)
    space: BufferSpace = request.app.state.buffer_space
    await space.take(n_bytes)
    try:
        body = await read_body(
            request, n_bytes=n_bytes, check_first_bytes=expected.check_first_bytes
        )
        _check_digest(said=sha256, found=body.sha256)
        received = await run_in_threadpool(
            scans.receive_image,
            sessions,
            store,
            principal,
            expected=expected,
            sha256=sha256,
            filename=filename,
            data=body.data,
        )
    finally:
        space.give_back(n_bytes)
    return _answer(received, response)


@router.head(
    "/wells/{well_id}/images/{sha256}",
    response_class=Response,
    dependencies=[require(Permission.UPLOAD_IMAGES)],
    responses=refusals(404),
)
def has_image(
    well_id: uuid.UUID, sha256: Sha256, session: SessionDep, principal: PrincipalDep
) -> Response:
    """Ask whether an image is there, its row committed."""
    scans.find_image(session, principal, well_id, sha256)
    return Response()


def _check_digest(*, said: str, found: str) -> None:
    if said != found:
        raise InvalidInput(
            "wrong_digest",
            "The file's SHA-256 is not the one in the address, so it changed on the way; send it "
            "again.",
        )


def _answer(received: ReceivedImage, response: Response) -> ReceivedImageOut:
    response.status_code = 201 if received.is_new else 200
    response.headers["Location"] = f"/api/v1/images/{received.id}"
    return ReceivedImageOut.model_validate(received)
