"""Model versions: the list, and one version."""

import uuid

from fastapi import APIRouter
from starlette.responses import Response

from app.dashboard.contexts.model_versions import model_version_page, model_versions_page
from app.dashboard.frames import shell_for
from app.dashboard.rendering import render
from app.security.permissions import Permission
from app.services import model_versions
from app.web.dependencies import PrincipalDep, SessionDep, require

router = APIRouter()


@router.get("/model-versions", dependencies=[require(Permission.READ_MODELS)])
def get_model_versions(session: SessionDep, principal: PrincipalDep) -> Response:
    page = model_versions_page(model_versions.list_versions(session))
    return render("model_versions_list.html", shell_for(principal, "Models", "models"), page)


@router.get("/model-versions/{version_id}", dependencies=[require(Permission.READ_MODELS)])
def get_model_version(
    version_id: uuid.UUID, session: SessionDep, principal: PrincipalDep
) -> Response:
    version = model_versions.get_version(session, version_id)
    shell = shell_for(principal, version.name, "models")
    return render("model_version.html", shell, model_version_page(version))
