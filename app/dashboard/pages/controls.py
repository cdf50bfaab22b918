"""Controls: how each stands, its charts, and the forms for lots, runs, causes and actions."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Final

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.dashboard.contexts.controls import control_page, controls_page
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import FormValues
from app.dashboard.forms import FormDep
from app.dashboard.frames import shell_for
from app.dashboard.rendering import render
from app.db.session import SessionMaker, transaction
from app.domain.errors import Conflict, InvalidInput, PliantError
from app.security.permissions import Permission, Principal
from app.services import control_upkeep, control_views
from app.services.control_upkeep import EnteredRun
from app.settings import Settings
from app.web.dates import date_of
from app.web.dependencies import PrincipalDep, SessionsDep, SettingsDep, require

router = APIRouter()

NOTHING: Final = FormValues()


@router.get("/controls", dependencies=[require(Permission.READ_CONTROLS)])
def get_controls(sessions: SessionsDep, principal: PrincipalDep, settings: SettingsDep) -> Response:
    return _list(sessions, principal, settings)


def _list(
    sessions: SessionMaker,
    principal: Principal,
    settings: Settings,
    values: FormValues = NOTHING,
    refusal: PliantError | None = None,
) -> Response:
    with transaction(sessions) as session:
        page = controls_page(
            control_views.list_controls(session),
            wet_control=settings.wet_control,
            may_manage=principal.permits(Permission.MANAGE_CONTROLS),
            values=values,
            notice=None if refusal is None else Notice(refusal.message),
        )
    shell = shell_for(principal, "Controls", "controls")
    return render("controls_list.html", shell, page, status=200 if refusal is None else 422)


@router.post("/controls", dependencies=[require(Permission.MANAGE_CONTROLS)])
def post_lot(
    form: FormDep, sessions: SessionsDep, principal: PrincipalDep, settings: SettingsDep
) -> Response:
    try:
        with transaction(sessions) as session:
            made = control_upkeep.add_lot(
                session, principal, name=form["name"], expires_on=_day(form["expires_on"])
            )
            control_id = made.id
    except (InvalidInput, Conflict) as refusal:
        return _list(sessions, principal, settings, form, refusal)
    return RedirectResponse(f"/controls/{control_id}", status_code=303)


@router.get("/controls/{control_id}", dependencies=[require(Permission.READ_CONTROLS)])
def get_control(control_id: uuid.UUID, sessions: SessionsDep, principal: PrincipalDep) -> Response:
    return _detail(sessions, principal, control_id)


def _detail(
    sessions: SessionMaker,
    principal: Principal,
    control_id: uuid.UUID,
    values: FormValues = NOTHING,
    refusal: PliantError | None = None,
) -> Response:
    with transaction(sessions) as session:
        view = control_views.get_control(session, control_id)
        page = control_page(
            view,
            control_upkeep.samples_to_mark(session),
            may_run=principal.permits(Permission.RUN_CONTROLS),
            may_manage=principal.permits(Permission.MANAGE_CONTROLS),
            values=values,
            notice=None if refusal is None else Notice(refusal.message),
        )
    shell = shell_for(principal, view.name, "controls")
    return render("control.html", shell, page, status=200 if refusal is None else 422)


def _done_or_shown_again(
    act: Callable[[], object],
    sessions: SessionMaker,
    principal: Principal,
    control_id: uuid.UUID,
    form: FormValues,
) -> Response:
    """The control's page: as it is now, or with the refused form as typed."""
    try:
        act()
    except (InvalidInput, Conflict) as refusal:
        return _detail(sessions, principal, control_id, form, refusal)
    return RedirectResponse(f"/controls/{control_id}", status_code=303)


@router.post("/controls/{control_id}/runs", dependencies=[require(Permission.RUN_CONTROLS)])
def post_run(
    control_id: uuid.UUID, form: FormDep, sessions: SessionsDep, principal: PrincipalDep
) -> Response:
    def enter() -> None:
        entered = EnteredRun(_number(form["rigidity_score"]), None, _id(form["sample_id"]))
        with transaction(sessions) as session:
            control_upkeep.enter_run(session, principal, control_id, entered)

    return _done_or_shown_again(enter, sessions, principal, control_id, form)


@router.post(
    "/controls/{control_id}/resolutions", dependencies=[require(Permission.MANAGE_CONTROLS)]
)
def post_resolution(
    control_id: uuid.UUID, form: FormDep, sessions: SessionsDep, principal: PrincipalDep
) -> Response:
    def resolve() -> None:
        with transaction(sessions) as session:
            control_upkeep.resolve(
                session,
                principal,
                control_id,
                cause=form["cause"],
                action=form["action"],
                leave_out=form["leave_out"] == "yes",
            )

    return _done_or_shown_again(resolve, sessions, principal, control_id, form)


@router.post("/controls/{control_id}/end", dependencies=[require(Permission.MANAGE_CONTROLS)])
def post_end(
    control_id: uuid.UUID, form: FormDep, sessions: SessionsDep, principal: PrincipalDep
) -> Response:
    def end() -> None:
        with transaction(sessions) as session:
            control_upkeep.end_control(session, principal, control_id, form["reason"])

    return _done_or_shown_again(end, sessions, principal, control_id, form)


def _day(text: str) -> dt.date:
    try:
        return date_of(text)
    except ValueError as error:
        raise InvalidInput(
            "control_expiry", "Write the day the lot expires, like 2026-12-31."
        ) from error


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ".")) if text else None
    except ValueError as error:
        raise InvalidInput(
            "control_value", f"The rigidity score is not a number: {text}. Correct it."
        ) from error


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError as error:
        raise InvalidInput("control_run", "Choose the sample from the list.") from error
