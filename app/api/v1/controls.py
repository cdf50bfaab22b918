"""Controls: sealed images and materials, their runs, limits, broken rules and resolutions."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Body, Response
from fastapi.responses import JSONResponse

from app.api.v1.schemas.controls import (
    ControlIn,
    ControlRunIn,
    EndIn,
    LotIn,
    ResolutionIn,
)
from app.security.permissions import Permission
from app.services import control_upkeep, control_views
from app.services.control_facts import ControlBrief, ControlView, ResolutionView
from app.services.control_upkeep import AskedRun, EnteredRun
from app.web.creation import CreationDep
from app.web.dependencies import PrincipalDep, SessionDep, require
from app.web.errors import refusals
from app.web.paging import Page, WindowDep

router = APIRouter(tags=["controls"])


@router.get("/controls", dependencies=[require(Permission.READ_CONTROLS)])
def list_controls(session: SessionDep, window: WindowDep) -> Page[ControlBrief]:
    """List every control, those in force first, each with its state in one sentence."""
    views = control_views.list_controls(session)
    return window.of([control_views.brief(view) for view in views], lambda one: one.id)


@router.post(
    "/controls",
    status_code=201,
    response_model=ControlView,
    responses=refusals(409),
    dependencies=[require(Permission.MANAGE_CONTROLS)],
)
def create_control(
    body: Annotated[ControlIn, Body()],
    session: SessionDep,
    principal: PrincipalDep,
    creation: CreationDep,
) -> JSONResponse:
    """Begin a lot of control material, or seal images of the site."""

    def make() -> ControlView:
        if isinstance(body, LotIn):
            made = control_upkeep.add_lot(
                session, principal, name=body.name, expires_on=body.expires_on
            )
        else:
            made = control_upkeep.seal_images(
                session, principal, name=body.name, image_ids=body.image_ids
            )
        return control_views.get_control(session, made.id)

    return creation.answer(body, make, location="/api/v1/controls/{id}")


@router.get(
    "/controls/{control_id}",
    responses=refusals(404),
    dependencies=[require(Permission.READ_CONTROLS)],
)
def get_control(control_id: uuid.UUID, session: SessionDep) -> ControlView:
    """Tell everything of a control: runs, limits, rules broken, resolutions, with their methods."""
    return control_views.get_control(session, control_id)


@router.post(
    "/controls/{control_id}/runs",
    status_code=201,
    response_model=AskedRun,
    responses=refusals(404, 409),
    dependencies=[require(Permission.RUN_CONTROLS)],
)
def create_control_run(
    control_id: uuid.UUID,
    body: ControlRunIn,
    session: SessionDep,
    principal: PrincipalDep,
    creation: CreationDep,
) -> JSONResponse:
    """Record a run: a typed score, or a sample to be scored; sealed images are queued to run."""
    entered = EnteredRun(body.rigidity_score, body.measured_at, body.sample_id)
    return creation.answer(
        body, lambda: control_upkeep.enter_run(session, principal, control_id, entered)
    )


@router.post(
    "/controls/{control_id}/resolutions",
    status_code=201,
    response_model=ResolutionView,
    responses=refusals(404, 409),
    dependencies=[require(Permission.MANAGE_CONTROLS)],
)
def create_resolution(
    control_id: uuid.UUID,
    body: ResolutionIn,
    session: SessionDep,
    principal: PrincipalDep,
    creation: CreationDep,
) -> JSONResponse:
    """Say why the control broke its rules and what was done about it; this unlocks release."""
    return creation.answer(
        body,
        lambda: control_views.resolution_view(
            control_upkeep.resolve(
                session,
                principal,
                control_id,
                cause=body.cause,
                action=body.action,
                leave_out=body.leave_out,
            )
        ),
    )


@router.post(
    "/controls/{control_id}/end",
    status_code=204,
    responses=refusals(404, 409),
    dependencies=[require(Permission.MANAGE_CONTROLS)],
)
def end_control(
    control_id: uuid.UUID, body: EndIn, session: SessionDep, principal: PrincipalDep
) -> Response:
    """Take a control out of use; its runs stay on record."""
    control_upkeep.end_control(session, principal, control_id, body.reason)
    return Response(status_code=204)
