"""Try it: a ready folder of drawn images, two of them wrong on purpose."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from app.dashboard.contexts.shell import TryItPage
from app.dashboard.frames import shell_for
from app.dashboard.rendering import render
from app.domain.errors import NotFound
from app.security.permissions import Permission
from app.services import demo, samples
from app.web.dependencies import PrincipalDep, SessionDep, StoreDep, require

router = APIRouter()
DONOR_CODE: Final = "TRY-IT"


@router.get("/try-it", dependencies=[require(Permission.EDIT_SAMPLES)])
def get_try_it(session: SessionDep, principal: PrincipalDep, store: StoreDep) -> Response:
    """An image lies in one sample only, so a second try goes on with the first one's sample."""
    earlier = samples.list_samples(session, principal, donor_code=DONOR_CODE, limit=1).items
    page = TryItPage(
        is_ready=demo.is_folder_ready(store),
        sample_href=f"/samples/{earlier[0].id}" if earlier else None,
    )
    return render("try_it.html", shell_for(principal, "Try it", "try-it"), page)


@router.get("/try-it.zip", dependencies=[require(Permission.EDIT_SAMPLES)])
def get_folder(store: StoreDep) -> Response:
    if not demo.is_folder_ready(store):
        raise NotFound(
            "folder_not_ready", "The folder is not drawn yet; load the page again in a minute."
        )
    return Response(
        bytes(store.get(demo.TRY_IT_KEY)),
        media_type="application/zip",
        headers={"Content-Disposition": 'attachment; filename="pliant-try-it.zip"'},
    )
