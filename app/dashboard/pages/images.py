"""The images of a sample, of a well, and one image with its cells."""

import uuid
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse, JSONResponse, Response

from app.dashboard.contexts.cells import CellQuery, cell_panel
from app.dashboard.contexts.corrections import correction_rows
from app.dashboard.contexts.image import image_page
from app.dashboard.contexts.images import VERDICT_FILTERS, sample_images_page, well_page
from app.dashboard.contexts.outlines import packed_outlines
from app.dashboard.frames import shell_for
from app.dashboard.pages.samples import score_or_refusal
from app.dashboard.rendering import environment, render
from app.security.permissions import Permission, Principal
from app.services import (
    analyses,
    correction_log,
    image_places,
    images,
    model_versions,
    samples,
)
from app.services.retakes import advise_retakes
from app.services.visibility import CLOSED_STATES, visible_sample
from app.web.dependencies import PrincipalDep, SessionDep, require

router = APIRouter()
READ: Final = [require(Permission.READ_RESULTS)]
ShowParam = Annotated[str, Query(max_length=40)]


def _known(show: str) -> str:
    return show if show in VERDICT_FILTERS else "all"


@router.get("/samples/{sample_id}/images", dependencies=READ)
def get_sample_images(
    sample_id: uuid.UUID, session: SessionDep, principal: PrincipalDep, show: ShowParam = "all"
) -> Response:
    sample = samples.get_sample(session, principal, sample_id)
    found = images.list_images(session, principal, sample_id)
    by_hand = correction_log.images_with_corrected_cells(session, principal, sample_id)
    page = sample_images_page(sample, found, advise_retakes(found), by_hand, _known(show))
    return render("images_list.html", shell_for(principal, "Images"), page)


@router.get("/wells/{well_id}", dependencies=READ)
def get_well(
    well_id: uuid.UUID, session: SessionDep, principal: PrincipalDep, show: ShowParam = "all"
) -> Response:
    well = samples.get_well(session, principal, well_id)
    sample = samples.get_sample(session, principal, well.sample_id)
    listed = images.list_images(session, principal, well.sample_id)
    found = [image for image in listed if image.well_id == well_id]
    by_hand = correction_log.images_with_corrected_cells(session, principal, well.sample_id)
    page = well_page(sample, well, found, advise_retakes(found), by_hand, _known(show))
    return render("well.html", shell_for(principal, f"Well {well.name}"), page)


@router.get("/images/{image_id}", dependencies=READ)
def get_image(
    image_id: uuid.UUID,
    session: SessionDep,
    principal: PrincipalDep,
    show: ShowParam = "all",
    page: Annotated[int | None, Query(ge=1)] = None,
    cell: uuid.UUID | None = None,
) -> Response:
    image = images.get_image(session, principal, image_id)
    sample = samples.get_sample(session, principal, image.sample_id)
    cells = images.cells_of_image(session, principal, image_id)
    analysis = analyses.latest_of_sample(session, image.sample_id)
    version_id = analysis.model_version_id if analysis else None
    log = correction_log.corrections_of_image(session, principal, image_id)
    context = image_page(
        sample=sample,
        image=image,
        place=image_places.place_of_image(session, principal, image_id),
        cells=cells,
        query=CellQuery(show=show, page=page, cell=str(cell) if cell else None),
        score=score_or_refusal(session, principal, image.sample_id),
        analysis=analysis,
        version=model_versions.get_version(session, version_id) if version_id else None,
        corrections=correction_rows(str(image_id), cells, log),
        may_correct=may_correct(principal, sample.state),
    )
    return render("image.html", shell_for(principal, image.filename), context)


def may_correct(principal: Principal, state: str) -> bool:
    return principal.permits(Permission.CORRECT) and state not in CLOSED_STATES


@router.get("/images/{image_id}/outlines", dependencies=READ)
def get_outlines(image_id: uuid.UUID, session: SessionDep, principal: PrincipalDep) -> Response:
    """What the viewer draws: the same cells as in the REST interface, packed."""
    image = images.get_image(session, principal, image_id)
    cells = images.cells_of_image(session, principal, image_id)
    return JSONResponse(packed_outlines(image, cells))


@router.get("/images/{image_id}/cells/{cell_id}", dependencies=READ)
def get_cell(
    image_id: uuid.UUID, cell_id: uuid.UUID, session: SessionDep, principal: PrincipalDep
) -> Response:
    """One cell's part of the page alone, for the viewer to put in its place."""
    image = images.get_image(session, principal, image_id)
    sample = visible_sample(session, principal, image.sample_id)
    placed = image_places.placed_cell(session, principal, image_id, cell_id)
    panel = cell_panel(image, placed, may_correct=may_correct(principal, sample.state))
    text = environment().get_template("_partials/cell_panel.html").render(cell=panel)
    return HTMLResponse(text)
