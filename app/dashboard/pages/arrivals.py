"""Parts of pages that a script asks for: what arrived, and how a donation number reads."""

import uuid

from fastapi import APIRouter
from starlette.responses import Response

from app.dashboard.contexts.arrivals import arrivals_page
from app.dashboard.contexts.samples import din_reading
from app.dashboard.frames import shell_for
from app.dashboard.rendering import render
from app.domain.errors import InvalidInput
from app.security.permissions import Permission
from app.services import images, samples
from app.web.dependencies import PrincipalDep, SessionDep, SettingsDep, require

router = APIRouter()


@router.get("/samples/din", dependencies=[require(Permission.EDIT_SAMPLES)])
def get_din(principal: PrincipalDep, settings: SettingsDep, text: str = "") -> Response:
    """How the site reads a scan, before anything is registered; a refusal is an answer here."""
    try:
        reading = din_reading(samples.site_identifiers(settings).din(text[:100]))
    except InvalidInput as error:
        reading = din_reading(None, error.message)
    return render("_partials/din_reading.html", shell_for(principal, "Donation number"), reading)


@router.get("/samples/{sample_id}/arrivals", dependencies=[require(Permission.READ_RESULTS)])
def get_arrivals(sample_id: uuid.UUID, session: SessionDep, principal: PrincipalDep) -> Response:
    sample = samples.get_sample(session, principal, sample_id)
    page = arrivals_page(sample, images.list_images(session, principal, sample_id))
    return render("_partials/arrivals.html", shell_for(principal, "Images so far"), page)
