"""Model versions: what they are, what a candidate would change, which one is live since when."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from app.api.v1.schemas.model_versions import ActivationIn, RetirementIn
from app.db.session import transaction
from app.security.permissions import Permission
from app.services import impact, model_cards, model_versions, promotions
from app.services.impact import ImpactView
from app.services.model_cards import GateView, ModelCard
from app.services.model_versions import ModelVersionView
from app.services.promotions import ActivationView
from app.services.reauthentication import prove_anew
from app.web.dates import IsoMoment
from app.web.dependencies import (
    PrincipalDep,
    SessionDep,
    SessionsDep,
    SessionTokenDep,
    SettingsDep,
    StoreDep,
    require,
)
from app.web.errors import refusals
from app.web.paging import Page, WindowDep
from app.web.signing import counting_refusals

router = APIRouter(tags=["model versions"])
OPEN_STATES = ("queued", "running")


@router.get(
    "/model-versions",
    response_model=Page[ModelVersionView],
    responses=refusals(401, 403),
    dependencies=[require(Permission.READ_MODELS)],
)
def list_model_versions(session: SessionDep, window: WindowDep) -> Page[ModelVersionView]:
    """List every model version, newest first, with the one that is active."""
    rows = model_versions.list_versions(session)
    return window.of(rows, lambda one: one.id)


@router.get(
    "/model-versions/active",
    response_model=ActivationView,
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.READ_MODELS)],
)
def get_active_model_version(
    session: SessionDep, at: Annotated[IsoMoment | None, Query()] = None
) -> ActivationView:
    """The one version live at a time (ISO 8601 with zone) or now, and by whose word."""
    return promotions.live_at(session, at)


@router.get(
    "/model-versions/activations",
    response_model=Page[ActivationView],
    responses=refusals(401, 403),
    dependencies=[require(Permission.READ_MODELS)],
)
def list_activations(session: SessionDep, window: WindowDep) -> Page[ActivationView]:
    """Every time a version went live, newest first."""
    return window.of(
        promotions.list_activations(session), lambda one: f"{one.id} {one.since.isoformat()}"
    )


@router.get(
    "/model-versions/{version_id}",
    response_model=ModelCard,
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.READ_MODELS)],
)
def get_model_version(version_id: uuid.UUID, session: SessionDep) -> ModelCard:
    """Show a version's card: manifest, figures, saliency pictures, training data."""
    return model_cards.get_card(session, version_id)


@router.get(
    "/model-versions/{version_id}/saliency/{name}",
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}, **refusals(401, 403, 404, 422)},
    dependencies=[require(Permission.READ_MODELS)],
)
def get_saliency_picture(
    version_id: uuid.UUID, name: str, sessions: SessionsDep, store: StoreDep
) -> Response:
    """A picture of where the network looks; its name is in the version's `saliency`."""
    with transaction(sessions) as session:
        key = model_cards.saliency_picture_key(session, version_id, name)
    return Response(model_cards.read_picture(store, key), media_type="image/png")


@router.get(
    "/model-versions/{version_id}/gate",
    response_model=GateView,
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.READ_MODELS)],
)
def get_gate(version_id: uuid.UUID, session: SessionDep) -> GateView:
    """What activation would be measured against now."""
    return model_cards.get_gate(session, version_id)


@router.get(
    "/model-versions/{version_id}/impact",
    response_model=ImpactView,
    responses={202: {"model": ImpactView}, **refusals(401, 403, 404, 422)},
    dependencies=[require(Permission.READ_MODELS)],
)
def get_impact(version_id: uuid.UUID, session: SessionDep) -> JSONResponse:
    """What would change if the version were promoted; 202 while that is computed."""
    return _impact_answer(impact.get_impact(session, version_id))


@router.post(
    "/model-versions/{version_id}/impact",
    status_code=202,
    response_model=ImpactView,
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.MANAGE_MODELS)],
)
def request_impact(
    version_id: uuid.UUID, session: SessionDep, principal: PrincipalDep
) -> JSONResponse:
    """Compute the preview anew, against the version that is active now."""
    preview = promotions.preview_again(session, principal, version_id)
    return _impact_answer(impact.view(session, preview))


def _impact_answer(view: ImpactView) -> JSONResponse:
    status = 202 if view.state in OPEN_STATES else 200
    return JSONResponse(jsonable_encoder(view), status_code=status)


@router.post(
    "/model-versions/{version_id}/activate",
    response_model=ModelCard,
    responses=refusals(401, 403, 404, 409, 422),
    dependencies=[require(Permission.MANAGE_MODELS)],
)
def activate_model_version(
    version_id: uuid.UUID,
    body: ActivationIn,
    session: SessionDep,
    principal: PrincipalDep,
    settings: SettingsDep,
    sessions: SessionsDep,
    token: SessionTokenDep,
) -> ModelCard:
    """Let the version score every analysis asked for from now on; an earlier one: roll back."""
    with counting_refusals(sessions, principal):
        prove_anew(session, principal, token=token, password=body.password)
    promotions.activate(
        session,
        principal,
        version_id,
        reason=body.reason,
        override=body.override,
        needs_second_person=settings.two_person_promotion,
    )
    return model_cards.get_card(session, version_id)


@router.post(
    "/model-versions/{version_id}/retire",
    response_model=ModelCard,
    responses=refusals(401, 403, 404, 409, 422),
    dependencies=[require(Permission.MANAGE_MODELS)],
)
def retire_model_version(
    version_id: uuid.UUID,
    body: RetirementIn,
    session: SessionDep,
    principal: PrincipalDep,
    sessions: SessionsDep,
    token: SessionTokenDep,
) -> ModelCard:
    """Take a version out of use; it stays on record with all it scored."""
    with counting_refusals(sessions, principal):
        prove_anew(session, principal, token=token, password=body.password)
    promotions.retire(session, principal, version_id, reason=body.reason)
    return model_cards.get_card(session, version_id)
