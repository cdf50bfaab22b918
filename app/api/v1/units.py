"""A unit's scores over storage days."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query

from app.security.permissions import Permission
from app.services import unit_history
from app.services.unit_history import History
from app.web.dependencies import PrincipalDep, SessionDep, require
from app.web.errors import refusals

router = APIRouter(tags=["samples"])


@router.get(
    "/unit-history",
    response_model=History,
    responses=refusals(404),
    dependencies=[require(Permission.READ_RESULTS)],
)
def get_unit_history(
    session: SessionDep,
    principal: PrincipalDep,
    din: Annotated[
        str | None, Query(max_length=200, description="A donation number in any scanner form.")
    ] = None,
    donor_code: Annotated[
        str | None, Query(max_length=64, description="All units of a donor, one line each.")
    ] = None,
    model_version_id: Annotated[
        uuid.UUID | None, Query(description="Scores of this version alone; else the newest ones.")
    ] = None,
) -> History:
    """Scores of one donation or one donor over storage days, with gaps and slopes."""
    return unit_history.history(
        session, principal, din=din, donor_code=donor_code, model_version_id=model_version_id
    )
