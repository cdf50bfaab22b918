"""A sample's report as a file: what it says and which cells it shows, then the page itself."""

import uuid
from dataclasses import dataclass
from typing import Final

from app.db.queries import reports as queries
from app.db.queries.report_cells import spread_cells
from app.domain.errors import Unavailable
from app.reports.content import ReportContent, ReportStatus
from app.reports.pdf import render_pdf
from app.security.permissions import Principal
from app.services.crop_sheets import SHEET_COLUMNS, Places, find_places, sheet_jpeg
from app.services.evidence import gather_evidence
from app.services.release_conditions import find_case, gather_conditions
from app.services.report_contents import (
    SignedPart,
    kept_content,
    make_content,
    report_signature,
    report_version,
)
from app.services.report_versions import Reviewed
from app.services.scores import latest_score
from app.services.sign_offs import Desk
from app.services.signing import database_time
from app.services.visibility import visible_sample
from app.storage import Store

CELLS_SHOWN: Final = SHEET_COLUMNS
"""One row of a sheet, over the width of the page."""


@dataclass(frozen=True)
class ReportFile:
    """What a page is drawn from; `cell_ids` is empty where there is no value to show cells of."""

    content: ReportContent
    cell_ids: tuple[uuid.UUID, ...]
    places: Places

    @property
    def filename(self) -> str:
        version = f"v{self.content.version}" if self.content.version else "preliminary"
        return f"report-{self.content.identity.sample_id}-{version}.pdf"


def gather_report(
    desk: Desk, principal: Principal, sample_id: uuid.UUID, *, version: int | None = None
) -> ReportFile:
    """The newest version that was kept, or this one; before the first, a preliminary one.

    Raises
    ------
    NotFound
        ``report_unknown``: there is no such version.
    Conflict
        ``score_unavailable``: neither a report nor a score.
    """
    content = _content(desk, principal, sample_id, version)
    cell_ids: tuple[uuid.UUID, ...] = ()
    if content.result is not None:
        cell_ids = tuple(
            spread_cells(
                desk.session,
                content.result.analysis_id,
                content.versions.model_version_id,
                n_cells=CELLS_SHOWN,
            )
        )
    return ReportFile(content, cell_ids, find_places(desk.session, principal, sample_id, cell_ids))


def draw_report(store: Store, report: ReportFile) -> bytes:
    """Draw the page, with its cells as far as their pictures can be read; no database is needed."""
    return render_pdf(report.content, _strip(store, report))


def _strip(store: Store, report: ReportFile) -> bytes | None:
    if not report.cell_ids:
        return None
    try:
        return sheet_jpeg(store, report.places, report.cell_ids)
    except Unavailable:
        return None


def _content(
    desk: Desk, principal: Principal, sample_id: uuid.UUID, version: int | None
) -> ReportContent:
    visible_sample(desk.session, principal, sample_id)
    is_kept = queries.newest_report(desk.session, sample_id) is not None
    if version is not None or is_kept:
        return kept_content(report_version(desk.session, principal, sample_id, version))
    return preliminary_content(desk, principal, sample_id)


def preliminary_content(desk: Desk, principal: Principal, sample_id: uuid.UUID) -> ReportContent:
    """The newest score as it would be reported now, with what stands in its way."""
    session = desk.session
    latest_score(session, principal, sample_id)  # says why there is none
    sample = visible_sample(session, principal, sample_id)
    case = find_case(session, desk.store, principal, sample, desk.rules)
    assert case is not None
    conditions = gather_conditions(case, desk.rules)
    return make_content(
        case,
        SignedPart(
            report_id=case.analysis.id,
            version=0,
            status=ReportStatus.PRELIMINARY,
            issued_at=database_time(session),
            conditions=conditions,
            control_state=Reviewed(conditions, desk.rules.site).control_state,
            signatures=() if case.submission is None else (report_signature(case.submission),),
            evidence_sha256=gather_evidence(session, case.analysis).sha256,
            amendment=None,
            is_signed_by_one_person=False,
        ),
    )
