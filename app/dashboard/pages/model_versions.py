"""Model versions: the list, one version's card, and the forms that decide which one is live."""

import uuid
from collections.abc import Callable
from typing import Final

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from app.dashboard.contexts.model_card import model_card_page
from app.dashboard.contexts.model_versions import model_versions_page
from app.dashboard.contexts.promotion import EMPTY_FORM, ActivationForm
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import FormValues
from app.dashboard.forms import FormDep
from app.dashboard.frames import shell_for
from app.dashboard.rendering import render
from app.db.session import SessionMaker, transaction
from app.domain.errors import Conflict, InvalidInput, NotFound, NotPermitted
from app.security.permissions import Permission, Principal
from app.services import impact, locked_samples, model_cards, model_versions, promotions
from app.services.impact import ImpactView
from app.services.reauthentication import prove_anew
from app.web.dependencies import (
    PrincipalDep,
    SessionDep,
    SessionsDep,
    SessionTokenDep,
    SettingsDep,
    require,
)
from app.web.signing import counting_refusals

router = APIRouter()
LOCKED_SET: Final = "/model-versions#locked"


@router.get("/model-versions", dependencies=[require(Permission.READ_MODELS)])
def get_model_versions(session: SessionDep, principal: PrincipalDep) -> Response:
    may_manage = principal.permits(Permission.MANAGE_MODELS)
    page = model_versions_page(
        model_versions.list_versions(session),
        promotions.list_activations(session),
        locked_samples.list_locked(session),
        locked_samples.offer_samples(session) if may_manage else (),
        may_manage=may_manage,
    )
    return render("model_versions_list.html", shell_for(principal, "Models", "models"), page)


@router.get("/model-versions/{version_id}", dependencies=[require(Permission.READ_MODELS)])
def get_model_version(
    version_id: uuid.UUID, session: SessionDep, principal: PrincipalDep
) -> Response:
    return _card(session, principal, version_id)


def _card(
    session: Session,
    principal: Principal,
    version_id: uuid.UUID,
    form: ActivationForm = EMPTY_FORM,
    status: int = 200,
) -> Response:
    card = model_cards.get_card(session, version_id)
    page = model_card_page(
        card,
        model_cards.get_gate(session, version_id),
        _impact(session, version_id),
        may_manage=principal.permits(Permission.MANAGE_MODELS),
        form=form,
    )
    shell = shell_for(principal, card.name, "models")
    return render("model_version.html", shell, page, status=status)


def _impact(session: Session, version_id: uuid.UUID) -> ImpactView | None:
    try:
        return impact.get_impact(session, version_id)
    except NotFound:
        return None


@router.post(
    "/model-versions/{version_id}/activate", dependencies=[require(Permission.MANAGE_MODELS)]
)
def post_activation(
    version_id: uuid.UUID,
    form: FormDep,
    sessions: SessionsDep,
    principal: PrincipalDep,
    token: SessionTokenDep,
    settings: SettingsDep,
) -> Response:
    def act(session: Session) -> None:
        prove_anew(session, principal, token=token, password=form["password"] or None)
        promotions.activate(
            session,
            principal,
            version_id,
            reason=form["reason"],
            override=form["override"] == "yes",
            needs_second_person=settings.two_person_promotion,
        )

    return _decide(sessions, principal, version_id, form, act)


@router.post(
    "/model-versions/{version_id}/retire", dependencies=[require(Permission.MANAGE_MODELS)]
)
def post_retirement(
    version_id: uuid.UUID,
    form: FormDep,
    sessions: SessionsDep,
    principal: PrincipalDep,
    token: SessionTokenDep,
) -> Response:
    def act(session: Session) -> None:
        prove_anew(session, principal, token=token, password=form["password"] or None)
        promotions.retire(session, principal, version_id, reason=form["reason"])

    return _decide(sessions, principal, version_id, form, act)


def _decide(
    sessions: SessionMaker,
    principal: Principal,
    version_id: uuid.UUID,
    form: FormValues,
    act: Callable[[Session], None],
) -> Response:
    """Do it and show the card; refused, the card says why and keeps what was typed."""
    try:
        with counting_refusals(sessions, principal), transaction(sessions) as session:
            act(session)
    except (Conflict, InvalidInput, NotPermitted) as refusal:
        status = 409 if isinstance(refusal, Conflict) else 422
        kept = ActivationForm(FormValues(reason=form["reason"]), Notice(refusal.message))
        with transaction(sessions) as session:
            return _card(session, principal, version_id, kept, status)
    return RedirectResponse(f"/model-versions/{version_id}", status_code=303)


@router.post(
    "/model-versions/{version_id}/impact", dependencies=[require(Permission.MANAGE_MODELS)]
)
def post_impact(version_id: uuid.UUID, session: SessionDep, principal: PrincipalDep) -> Response:
    promotions.preview_again(session, principal, version_id)
    return RedirectResponse(f"/model-versions/{version_id}#impact", status_code=303)


@router.post("/model-versions/locked-samples", dependencies=[require(Permission.MANAGE_MODELS)])
def post_locked_sample(form: FormDep, session: SessionDep, principal: PrincipalDep) -> Response:
    try:
        sample_id = uuid.UUID(form["sample_id"])
    except ValueError as error:
        raise NotFound("sample_unknown", "There is no such sample; choose one.") from error
    locked_samples.lock_sample(session, principal, sample_id, reason=form["reason"])
    return RedirectResponse(LOCKED_SET, status_code=303)


@router.post(
    "/model-versions/locked-samples/{sample_id}/unlock",
    dependencies=[require(Permission.MANAGE_MODELS)],
)
def post_unlocked_sample(
    sample_id: uuid.UUID, form: FormDep, session: SessionDep, principal: PrincipalDep
) -> Response:
    locked_samples.unlock_sample(session, principal, sample_id, reason=form["reason"])
    return RedirectResponse(LOCKED_SET, status_code=303)
