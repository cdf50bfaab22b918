"""What a LIMS reads of a sample's result."""

import uuid

from fastapi import APIRouter
from starlette.responses import Response

from app.dashboard.contexts.lims import lims_page, unread_page
from app.dashboard.frames import shell_for
from app.dashboard.pages.signing import OfficeDep
from app.dashboard.rendering import render
from app.db.session import transaction
from app.domain.errors import Conflict
from app.security.permissions import Permission
from app.services import messages, samples
from app.web.dependencies import SettingsDep, require

router = APIRouter()


@router.get("/samples/{sample_id}/lims", dependencies=[require(Permission.READ_RESULTS)])
def get_lims_page(sample_id: uuid.UUID, office: OfficeDep, settings: SettingsDep) -> Response:
    """The newest version, or what would be told before the first; else why there is nothing."""
    with transaction(office.sessions) as session:
        sample = samples.get_sample(session, office.principal, sample_id)
        try:
            content = messages.message_content(
                office.desk(session), office.principal, sample_id, unreleased=True
            )
        except Conflict as refusal:
            page = unread_page(sample, refusal.message)
        else:
            page = lims_page(sample, messages.read_as_lims(content, messages.sender_of(settings)))
    return render("lims.html", shell_for(office.principal, "What a LIMS reads"), page)
