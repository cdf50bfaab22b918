"""Forms by which a technician excludes or restores an image or a cell, without a script."""

import uuid

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.dashboard.contexts.wording import FormValues
from app.dashboard.forms import FormDep
from app.db.session import transaction
from app.domain.errors import InvalidInput
from app.security.permissions import Permission
from app.services import corrections
from app.services.corrections import CorrectedVerdict
from app.web.dependencies import PrincipalDep, SessionsDep, require

router = APIRouter()


@router.post("/images/{image_id}/corrections", dependencies=[require(Permission.CORRECT)])
def post_image_correction(
    image_id: uuid.UUID, form: FormDep, sessions: SessionsDep, principal: PrincipalDep
) -> Response:
    with transaction(sessions) as session:
        corrections.correct_image(
            session, principal, image_id, verdict=_verdict(form), reason=_reason(form)
        )
    return RedirectResponse(f"/images/{image_id}", status_code=303)


@router.post(
    "/images/{image_id}/cells/{cell_id}/corrections",
    dependencies=[require(Permission.CORRECT)],
)
def post_cell_correction(
    image_id: uuid.UUID,
    cell_id: uuid.UUID,
    form: FormDep,
    sessions: SessionsDep,
    principal: PrincipalDep,
) -> Response:
    with transaction(sessions) as session:
        corrections.correct_cell(
            session, principal, cell_id, verdict=_verdict(form), reason=_reason(form)
        )
    return RedirectResponse(f"/images/{image_id}?cell={cell_id}#cell", status_code=303)


def _verdict(form: FormValues) -> CorrectedVerdict:
    if form["verdict"] not in list(CorrectedVerdict):
        raise InvalidInput("verdict", "Say whether it is accepted or rejected.")
    return CorrectedVerdict(form["verdict"])


def _reason(form: FormValues) -> str:
    """A ready reason, or the technician's own words."""
    return form["reason"] or form["words"]
