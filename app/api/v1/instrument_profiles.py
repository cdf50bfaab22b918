"""Instrument profiles: what a well's images must be, and their scale."""

from fastapi import APIRouter, Response

from app.api.v1.schemas.instrument_profiles import ProfileIn, ProfileOut
from app.security.permissions import Permission
from app.services import instrument_profiles
from app.services.instrument_profiles import NewProfile
from app.web.creation import CreationDep
from app.web.dependencies import PrincipalDep, SessionDep, require
from app.web.errors import refusals
from app.web.paging import Page, WindowDep

router = APIRouter(tags=["instrument profiles"])


@router.get("/instrument-profiles", dependencies=[require(Permission.READ_PROFILES)])
def list_instrument_profiles(session: SessionDep, window: WindowDep) -> Page[ProfileOut]:
    """List all of them, the built-in one first."""
    profiles = instrument_profiles.list_profiles(session)
    items = [ProfileOut.model_validate(profile) for profile in profiles]
    return window.of(items, lambda one: one.id)


@router.post(
    "/instrument-profiles",
    status_code=201,
    response_model=ProfileOut,
    dependencies=[require(Permission.EDIT_PROFILES)],
    responses=refusals(409),
)
def create_instrument_profile(
    body: ProfileIn, session: SessionDep, principal: PrincipalDep, creation: CreationDep
) -> Response:
    """Describe another microscope; confirm the scale with a stage micrometer."""
    new = NewProfile(**body.model_dump())
    return creation.answer(
        body,
        lambda: ProfileOut.model_validate(
            instrument_profiles.create_profile(session, principal, new)
        ),
    )
