"""The images of a well, and one image with its cells."""

import uuid

from fastapi import APIRouter
from starlette.responses import Response

from app.dashboard.contexts.images import image_page, well_page
from app.dashboard.frames import shell_for
from app.dashboard.rendering import render
from app.security.permissions import Permission
from app.services import analyses, images, model_versions, samples
from app.web.dependencies import PrincipalDep, SessionDep, require

router = APIRouter()


@router.get("/wells/{well_id}", dependencies=[require(Permission.READ_RESULTS)])
def get_well(well_id: uuid.UUID, session: SessionDep, principal: PrincipalDep) -> Response:
    well = samples.get_well(session, principal, well_id)
    sample = samples.get_sample(session, principal, well.sample_id)
    shown = [
        image
        for image in images.list_images(session, principal, well.sample_id)
        if image.well_id == well_id
    ]
    page = well_page(sample, well, shown)
    return render("well.html", shell_for(principal, f"Well {well.name}"), page)


@router.get("/images/{image_id}", dependencies=[require(Permission.READ_RESULTS)])
def get_image(image_id: uuid.UUID, session: SessionDep, principal: PrincipalDep) -> Response:
    image = images.get_image(session, principal, image_id)
    analysis = analyses.latest_of_sample(session, image.sample_id)
    version_id = analysis.model_version_id if analysis else None
    page = image_page(
        sample=samples.get_sample(session, principal, image.sample_id),
        image=image,
        neighbours=[
            other
            for other in images.list_images(session, principal, image.sample_id)
            if other.well_id == image.well_id
        ],
        cells=images.cells_of_image(session, principal, image_id),
        version=model_versions.get_version(session, version_id) if version_id else None,
    )
    return render("image.html", shell_for(principal, image.filename), page)
