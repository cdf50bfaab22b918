"""Instrument profiles: which microscopes there are, and a form to describe another one."""

from fastapi import APIRouter
from starlette.responses import Response

from app.dashboard.contexts.instrument_profiles import profiles_page
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import FormValues
from app.dashboard.forms import FormDep, profile_of
from app.dashboard.frames import shell_for
from app.dashboard.rendering import render
from app.db.session import SessionMaker, transaction
from app.domain.errors import Conflict, InvalidInput
from app.security.permissions import Permission, Principal
from app.services import instrument_profiles
from app.web.dependencies import PrincipalDep, SessionsDep, require
from app.web.errors import status_of

router = APIRouter()


@router.get("/instrument-profiles", dependencies=[require(Permission.READ_PROFILES)])
def get_profiles(sessions: SessionsDep, principal: PrincipalDep) -> Response:
    return _show(sessions, principal, FormValues())


@router.post("/instrument-profiles", dependencies=[require(Permission.EDIT_PROFILES)])
def post_profile(form: FormDep, sessions: SessionsDep, principal: PrincipalDep) -> Response:
    """A refused form is shown again with what was typed; the transaction is gone by then."""
    try:
        with transaction(sessions) as session:
            made = instrument_profiles.create_profile(session, principal, profile_of(form))
    except (Conflict, InvalidInput) as refusal:
        notice = Notice(refusal.message)
        return _show(sessions, principal, form, notice, status=status_of(refusal))
    said = f"Saved. Choose {made.name} for a well when its folder is dropped."
    return _show(sessions, principal, FormValues(), Notice(said, "good"))


def _show(
    sessions: SessionMaker,
    principal: Principal,
    values: FormValues,
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    with transaction(sessions) as session:
        instrument_profiles.built_in(session)
        profiles = instrument_profiles.list_profiles(session)
    may_add = principal.permits(Permission.EDIT_PROFILES)
    page = profiles_page(profiles, may_add=may_add, values=values, notice=notice)
    shell = shell_for(principal, "Instruments", "instruments")
    return render("instrument_profiles.html", shell, page, status=status)
