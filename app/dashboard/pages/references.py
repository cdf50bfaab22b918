"""The form of a reference measurement on the sample's page."""

import uuid

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.dashboard.contexts.shell import Notice
from app.dashboard.forms import FormDep, reference_of
from app.dashboard.pages.samples import show_sample
from app.db.session import transaction
from app.domain.errors import InvalidInput
from app.security.permissions import Permission
from app.services import references
from app.web.dependencies import PrincipalDep, SessionsDep, SettingsDep, require

router = APIRouter()


@router.post("/samples/{sample_id}/references", dependencies=[require(Permission.EDIT_REFERENCES)])
def post_reference(
    sample_id: uuid.UUID,
    form: FormDep,
    sessions: SessionsDep,
    principal: PrincipalDep,
    settings: SettingsDep,
) -> Response:
    """A refused form is shown again with what was typed; the transaction is gone by then."""
    try:
        with transaction(sessions) as session:
            references.add_reference(
                session,
                principal,
                sample_id,
                reference_of(form),
                run_sd=settings.reference_run_sd,
            )
    except InvalidInput as error:
        with transaction(sessions) as session:
            return show_sample(
                session,
                principal,
                sample_id,
                max_file_bytes=settings.max_body_bytes,
                form=form,
                notice=Notice(error.message),
            )
    return RedirectResponse(f"/samples/{sample_id}#references", status_code=303)
