"""Released reports: every version as it was kept, who signed, and whether it is still true."""

import uuid

from fastapi import APIRouter

from app.reports.content import ReportContent
from app.security.permissions import Permission
from app.services import report_contents, sign_off_views, verification
from app.services.sign_off_views import ReportView, SignatureView
from app.services.verification import Verification
from app.web.dependencies import PrincipalDep, SessionDep, StoreDep, require
from app.web.errors import refusals
from app.web.paging import Page, WindowDep

router = APIRouter(tags=["release"])


@router.get(
    "/samples/{sample_id}/reports",
    response_model=Page[ReportView],
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.READ_RESULTS)],
)
def list_reports(
    sample_id: uuid.UUID, session: SessionDep, principal: PrincipalDep, window: WindowDep
) -> Page[ReportView]:
    """Every version, newest first."""
    rows = sign_off_views.reports_of_sample(session, principal, sample_id)
    return window.of(rows, lambda one: one.version)


@router.get(
    "/samples/{sample_id}/reports/{version}",
    response_model=ReportContent,
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.READ_RESULTS)],
)
def get_report(
    sample_id: uuid.UUID, version: int, session: SessionDep, principal: PrincipalDep
) -> ReportContent:
    """All that a version says, as it was signed."""
    report = report_contents.report_version(session, principal, sample_id, version)
    return report_contents.kept_content(report)


@router.get(
    "/samples/{sample_id}/reports/{version}/verification",
    response_model=Verification,
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.READ_RESULTS)],
)
def verify_report(
    sample_id: uuid.UUID,
    version: int,
    session: SessionDep,
    store: StoreDep,
    principal: PrincipalDep,
    files: bool = False,  # noqa: FBT001, FBT002  a query parameter
) -> Verification:
    """Read again all that was signed; with `files` every stored image and the network, too."""
    return verification.verify_report(
        session, store, principal, sample_id, version, with_files=files
    )


@router.get(
    "/samples/{sample_id}/signatures",
    response_model=Page[SignatureView],
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.READ_RESULTS)],
)
def list_signatures(
    sample_id: uuid.UUID, session: SessionDep, principal: PrincipalDep, window: WindowDep
) -> Page[SignatureView]:
    """Every submission, refusal and release, newest first."""
    rows = sign_off_views.signatures_of_sample(session, principal, sample_id)
    return window.of(rows, lambda one: one.id)
