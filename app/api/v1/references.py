"""Reference measurements of a sample."""

import uuid

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app.api.v1.schemas.references import ReferenceIn
from app.security.permissions import Permission
from app.services import references
from app.services.references import ReferenceView
from app.web.creation import CreationDep
from app.web.dependencies import PrincipalDep, SessionDep, SettingsDep, require
from app.web.errors import refusals
from app.web.paging import Page, WindowDep

router = APIRouter(tags=["references"])


@router.post(
    "/samples/{sample_id}/references",
    status_code=201,
    response_model=ReferenceView,
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.EDIT_REFERENCES)],
)
def add_reference(
    sample_id: uuid.UUID,
    body: ReferenceIn,
    session: SessionDep,
    principal: PrincipalDep,
    settings: SettingsDep,
    creation: CreationDep,
) -> JSONResponse:
    """Enter what the microfluidic device measured; a sample may have many."""
    return creation.answer(
        body,
        lambda: references.add_reference(
            session, principal, sample_id, body.entered(), run_sd=settings.reference_run_sd
        ),
    )


@router.get(
    "/samples/{sample_id}/references",
    response_model=Page[ReferenceView],
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.READ_RESULTS)],
)
def list_references(
    sample_id: uuid.UUID, session: SessionDep, principal: PrincipalDep, window: WindowDep
) -> Page[ReferenceView]:
    """List what the microfluidic device measured of a sample."""
    rows = references.list_references(session, principal, sample_id)
    return window.of(rows, lambda one: one.id)
