"""The gallery of a sample's cells."""

import uuid
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from app.dashboard.contexts.findings import CELL_FINDINGS
from app.dashboard.contexts.gallery import CELLS_PER_PAGE, band_of, gallery_page
from app.dashboard.frames import shell_for
from app.dashboard.pages.images import may_correct
from app.dashboard.pages.samples import score_or_refusal
from app.dashboard.rendering import render
from app.security.permissions import Permission
from app.services import analyses, corrections, gallery, samples
from app.services.gallery import GalleryQuery, Shown, Sort
from app.services.visibility import visible_sample
from app.web.dependencies import PrincipalDep, SessionDep, require

router = APIRouter()
READ: Final = [require(Permission.READ_RESULTS)]
CodeParam = Annotated[str, Query(max_length=40)]
"""What is not known is as if it had not been asked: an old bookmark still opens."""


@router.get("/samples/{sample_id}/cells", dependencies=READ)
def get_gallery(
    sample_id: uuid.UUID,
    session: SessionDep,
    principal: PrincipalDep,
    sort: CodeParam = "",
    show: CodeParam = "",
    well: CodeParam = "",
    finding: CodeParam = "",
    deformable: CodeParam = "",
    size: CodeParam = "",
    shape: CodeParam = "",
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    held = visible_sample(session, principal, sample_id)  # so that no service reads it again
    sample = samples.get_sample(session, principal, sample_id, with_cells=False)
    wells = {str(known.id): known.id for known in sample.wells}
    query = GalleryQuery(
        sort=Sort(sort) if sort in set(Sort) else Sort.DOUBTFUL,
        show=Shown(show) if show in set(Shown) else Shown.ALL,
        well_id=wells.get(well),
        finding=finding if finding in CELL_FINDINGS else None,
        p_deformable=band_of("deformable", deformable),
        diameter_um=band_of("size", size),
        elongation=band_of("shape", shape),
    )
    cells = gallery.list_cells(
        session, principal, sample_id, query, cursor=after, limit=CELLS_PER_PAGE
    )
    page = gallery_page(
        sample=sample,
        query=query,
        cells=cells,
        n_cells=gallery.count_cells(session, principal, sample_id, query),
        is_first=after is None,
        reasons=corrections.reasons_of_cells(
            session, [cell.id for cell in cells.items if cell.is_corrected]
        ),
        score=score_or_refusal(session, principal, sample_id),
        analysis=analyses.latest_of_sample(session, sample_id),
        may_correct=may_correct(principal, held.state),
    )
    return render("gallery.html", shell_for(principal, "Cells"), page)
