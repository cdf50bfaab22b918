"""One well: what lies in it, and a retake."""

import uuid

from fastapi import APIRouter, Response

from app.api.v1.schemas.samples import WellOut
from app.security.permissions import Permission
from app.services import samples
from app.web.creation import CreationDep
from app.web.dependencies import PrincipalDep, SessionDep, require
from app.web.errors import refusals

router = APIRouter(tags=["wells"])


@router.get(
    "/wells/{well_id}", dependencies=[require(Permission.READ_SAMPLES)], responses=refusals(404)
)
def get_well(well_id: uuid.UUID, session: SessionDep, principal: PrincipalDep) -> WellOut:
    """Show a well with the counts of its newest scan."""
    return WellOut.model_validate(samples.get_well(session, principal, well_id))


@router.post(
    "/wells/{well_id}/scans",
    status_code=201,
    response_model=WellOut,
    dependencies=[require(Permission.UPLOAD_IMAGES)],
    responses=refusals(404, 409),
)
def start_retake(
    well_id: uuid.UUID, session: SessionDep, principal: PrincipalDep, creation: CreationDep
) -> Response:
    """Start a retake: images sent from now on count, earlier ones no longer do."""
    return creation.answer(
        None,
        lambda: WellOut.model_validate(samples.start_scan(session, principal, well_id)),
        location="/api/v1/wells/{id}",
    )
