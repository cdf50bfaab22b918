"""The list of samples, a new sample, one sample, its upload."""

import uuid
from dataclasses import replace
from typing import Final

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from app.dashboard.contexts.sample_parts import sample_page, upload_page
from app.dashboard.contexts.samples import (
    NewSamplePage,
    SampleSearch,
    new_sample_page,
    samples_page,
)
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.signing import SignOffPart, sign_off_part
from app.dashboard.contexts.wording import FormValues
from app.dashboard.forms import FormDep, field_of, sample_of
from app.dashboard.frames import shell_for
from app.dashboard.rendering import render
from app.db.session import transaction
from app.domain.errors import Conflict, InvalidInput
from app.domain.life_cycle import SampleState
from app.security.permissions import Permission, Principal
from app.services import (
    analyses,
    correction_log,
    images,
    samples,
    scores,
    sign_off_views,
    unit_history,
)
from app.services.paging import Listing
from app.services.sample_search import find_samples, why_not_found
from app.services.samples import SampleView
from app.services.scores import ScoreView
from app.services.visibility import CLOSED_STATES, visible_sample
from app.web.dependencies import PrincipalDep, SessionDep, SessionsDep, SettingsDep, require

router = APIRouter()
PAGE_SIZE: Final = 25
"""Rows of the list that fit on two screens."""


@router.get("/samples", dependencies=[require(Permission.READ_SAMPLES)])
def get_samples(
    session: SessionDep,
    principal: PrincipalDep,
    text: str = "",
    state: str = "",
    cursor: str | None = None,
) -> Response:
    search = SampleSearch(text.strip(), state)
    listing = _find(session, principal, search, cursor)
    page = samples_page(listing, search, why_empty=why_not_found(search.text))
    return render("samples_list.html", shell_for(principal, "Samples"), page)


def _find(
    session: Session, principal: Principal, search: SampleSearch, cursor: str | None
) -> Listing[SampleView]:
    state = SampleState(search.state) if search.state in list(SampleState) else None
    return find_samples(
        session, principal, text=search.text, state=state, cursor=cursor, limit=PAGE_SIZE
    )


@router.get("/samples/new", dependencies=[require(Permission.EDIT_SAMPLES)])
def get_new_sample(
    principal: PrincipalDep, donor_code: str = "", demonstration: str = ""
) -> Response:
    filled = FormValues(donor_code=donor_code, demonstration=demonstration)
    return _new_sample(principal, new_sample_page(filled))


@router.post("/samples", dependencies=[require(Permission.EDIT_SAMPLES)])
def post_sample(
    form: FormDep, sessions: SessionsDep, settings: SettingsDep, principal: PrincipalDep
) -> Response:
    site = samples.site_identifiers(settings)
    try:
        with transaction(sessions) as session:
            sample = samples.create_sample(session, principal, sample_of(form), site)
    except InvalidInput as error:
        page = new_sample_page(form, notice=Notice(error.message), wrong_field=field_of(error))
        return _new_sample(principal, page, status=422)
    return RedirectResponse(f"/samples/{sample.id}", status_code=303)


def _new_sample(principal: Principal, page: NewSamplePage, status: int = 200) -> Response:
    return render("sample_new.html", shell_for(principal, "New sample"), page, status=status)


@router.get("/samples/{sample_id}", dependencies=[require(Permission.READ_RESULTS)])
def get_sample(
    sample_id: uuid.UUID, session: SessionDep, principal: PrincipalDep, settings: SettingsDep
) -> Response:
    return show_sample(session, principal, sample_id, max_file_bytes=settings.max_body_bytes)


def show_sample(
    session: Session,
    principal: Principal,
    sample_id: uuid.UUID,
    *,
    max_file_bytes: int,
    form: FormValues | None = None,
    notice: Notice | None = None,
) -> Response:
    """The sample's page; with `form` and `notice`, after a reference that was refused."""
    held = visible_sample(session, principal, sample_id)  # so that no service reads it again
    # The images' cells are counted below; counting them by well too would take as long again.
    sample = samples.get_sample(session, principal, sample_id, with_cells=False)
    page = sample_page(
        sample,
        score=score_or_refusal(session, principal, sample_id),
        analysis=analyses.latest_of_sample(session, sample_id),
        images=images.list_images(session, principal, sample_id),
        corrected=correction_log.count_corrected(session, principal, sample_id),
        may_edit=principal.permits(Permission.UPLOAD_IMAGES),
        may_read_models=principal.permits(Permission.READ_MODELS),
        max_file_bytes=max_file_bytes,
        form=form or FormValues(),
        form_notice=notice,
        history=unit_history.history_of_sample(session, principal, sample_id),
    )
    page = replace(
        page,
        sign_off=_sign_off(session, principal, sample),
        is_handed_in=held.state in CLOSED_STATES,
    )
    shell = shell_for(principal, f"Donor {sample.donor_code}")
    return render("sample.html", shell, page, status=422 if notice else 200)


def _sign_off(session: Session, principal: Principal, sample: SampleView) -> SignOffPart | None:
    signatures = sign_off_views.signatures_of_sample(session, principal, sample.id)
    return sign_off_part(sample, signatures, principal)


def score_or_refusal(
    session: Session, principal: Principal, sample_id: uuid.UUID
) -> ScoreView | Conflict:
    try:
        return scores.latest_score(session, principal, sample_id)
    except Conflict as refusal:
        return refusal


@router.get("/samples/{sample_id}/upload", dependencies=[require(Permission.UPLOAD_IMAGES)])
def get_upload(
    sample_id: uuid.UUID, session: SessionDep, principal: PrincipalDep, settings: SettingsDep
) -> Response:
    sample = samples.get_sample(session, principal, sample_id, with_cells=False)
    page = upload_page(sample, max_file_bytes=settings.max_body_bytes)
    return render("sample_upload.html", shell_for(principal, "Add images"), page)


@router.post("/samples/{sample_id}/analyses", dependencies=[require(Permission.REQUEST_ANALYSIS)])
def post_analysis(
    sample_id: uuid.UUID, session: SessionDep, principal: PrincipalDep, settings: SettingsDep
) -> Response:
    analyses.request_analysis(
        session, principal, sample_id, parameters=analyses.requirements_of(settings)
    )
    return RedirectResponse(f"/samples/{sample_id}", status_code=303)
