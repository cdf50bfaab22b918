"""A sample's report as a PDF."""

import uuid
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.db.session import transaction
from app.security.permissions import Permission
from app.services import report_files
from app.services.release_conditions import release_rules
from app.services.sign_offs import Desk
from app.web.dependencies import PrincipalDep, SessionsDep, SettingsDep, StoreDep, require
from app.web.errors import refusals

router = APIRouter(tags=["release"])

PDF: Final = "application/pdf"
PDF_ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {PDF: {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get(
    "/samples/{sample_id}/report.pdf",
    response_class=Response,
    responses={**PDF_ANSWER, **refusals(401, 403, 404, 409, 422)},
    dependencies=[require(Permission.READ_RESULTS)],
)
def get_report_pdf(
    sample_id: uuid.UUID,
    sessions: SessionsDep,
    store: StoreDep,
    settings: SettingsDep,
    principal: PrincipalDep,
    version: Annotated[int | None, Query(ge=1, description="Absent: the newest.")] = None,
) -> Response:
    """One page: the newest version that was released, else a preliminary one, marked as such."""
    with transaction(sessions) as session:
        desk = Desk(session, store, release_rules(settings))
        report = report_files.gather_report(desk, principal, sample_id, version=version)
    # Files are read and the page is drawn while no transaction is open.
    headers = {
        "Content-Disposition": f'inline; filename="{report.filename}"',
        "Cache-Control": "no-store",
    }
    return Response(report_files.draw_report(store, report), media_type=PDF, headers=headers)
