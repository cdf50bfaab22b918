"""The result's way out: submit, conditions, acknowledgements, release, amend."""

import uuid

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from app.api.v1.schemas.sign_offs import AcknowledgeIn, AmendIn, ReleaseIn, SubmitIn
from app.security.permissions import Permission
from app.services import amendments, sign_off_views, sign_offs
from app.services.amendments import Words
from app.services.sign_off_views import AcknowledgementView, ReleaseStanding, Signing
from app.services.sign_offs import Seen
from app.web.creation import CreationDep
from app.web.dependencies import PrincipalDep, SessionsDep, require
from app.web.errors import refusals
from app.web.signing import DeskDep, counting_refusals

router = APIRouter(tags=["release"])


@router.post(
    "/samples/{sample_id}/submit",
    status_code=201,
    response_model=Signing,
    responses=refusals(401, 403, 404, 409, 422),
    dependencies=[require(Permission.SUBMIT)],
)
def submit(
    sample_id: uuid.UUID,
    desk: DeskDep,
    principal: PrincipalDep,
    creation: CreationDep,
    body: SubmitIn | None = None,
) -> JSONResponse:
    """Hand the newest score in to a verifier; a later correction or analysis takes it back."""
    seen = Seen(body.analysis_id if body else None)

    def make() -> Signing:
        sign_offs.submit(desk, principal, sample_id, seen=seen)
        return sign_off_views.last_signing(desk.session, sample_id)

    return creation.answer(body, make)


@router.get(
    "/samples/{sample_id}/conditions",
    response_model=ReleaseStanding,
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.READ_RESULTS)],
)
def get_conditions(sample_id: uuid.UUID, desk: DeskDep, principal: PrincipalDep) -> ReleaseStanding:
    """Everything that must hold before a release, and how each stands now."""
    return sign_off_views.standing(desk, principal, sample_id)


@router.post(
    "/samples/{sample_id}/acknowledgements",
    status_code=201,
    response_model=AcknowledgementView,
    responses=refusals(401, 403, 404, 409, 422),
    dependencies=[require(Permission.RELEASE)],
)
def acknowledge(
    sample_id: uuid.UUID,
    body: AcknowledgeIn,
    desk: DeskDep,
    principal: PrincipalDep,
    creation: CreationDep,
) -> JSONResponse:
    """Say why the result may be released although this condition does not hold; it is printed."""

    def make() -> AcknowledgementView:
        row = sign_offs.acknowledge(desk, principal, sample_id, code=body.code, reason=body.reason)
        return sign_off_views.acknowledgement_view(desk.session, row)

    return creation.answer(body, make)


@router.post(
    "/samples/{sample_id}/release",
    status_code=201,
    response_model=Signing,
    responses=refusals(401, 403, 404, 409, 422),
    dependencies=[require(Permission.RELEASE)],
)
def release(
    sample_id: uuid.UUID,
    body: ReleaseIn,
    desk: DeskDep,
    sessions: SessionsDep,
    principal: PrincipalDep,
    creation: CreationDep,
) -> JSONResponse:
    """Sign what was handed in, or send it back; in a signed-in browser, with the password again."""

    def make() -> Signing:
        if body.meaning == "rejected":
            sign_offs.send_back(
                desk,
                principal,
                sample_id,
                password=body.password.get_secret_value(),
                reason=body.reason or "",
            )
        else:
            sign_offs.release(
                desk,
                principal,
                sample_id,
                password=body.password.get_secret_value(),
                seen=body.seen,
            )
        return sign_off_views.last_signing(desk.session, sample_id)

    with counting_refusals(sessions, principal):
        return creation.answer(body, make)


@router.post(
    "/samples/{sample_id}/amend",
    status_code=201,
    response_model=Signing,
    responses=refusals(401, 403, 404, 409, 422),
    dependencies=[require(Permission.AMEND)],
)
def amend(
    sample_id: uuid.UUID,
    body: AmendIn,
    desk: DeskDep,
    sessions: SessionsDep,
    principal: PrincipalDep,
    creation: CreationDep,
) -> JSONResponse:
    """Make a later version of a released report, or begin the way to one; nothing is edited."""

    def make() -> Signing:
        amendments.amend(
            desk,
            principal,
            sample_id,
            body.change,
            password=body.password.get_secret_value(),
            words=Words(body.reason, body.told),
        )
        return sign_off_views.last_signing(desk.session, sample_id)

    with counting_refusals(sessions, principal):
        return creation.answer(body, make)
