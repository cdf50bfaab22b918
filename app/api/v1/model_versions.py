"""Model versions: what they are, where their figures come from, which one is active."""

import uuid

from fastapi import APIRouter

from app.security.permissions import Permission
from app.services import model_versions
from app.services.model_versions import ModelVersionView
from app.web.dependencies import SessionDep, require
from app.web.errors import refusals
from app.web.paging import Page

router = APIRouter(tags=["model versions"])


@router.get(
    "/model-versions",
    response_model=Page[ModelVersionView],
    responses=refusals(401, 403),
    dependencies=[require(Permission.READ_MODELS)],
)
def list_model_versions(session: SessionDep) -> Page[ModelVersionView]:
    rows = model_versions.list_versions(session)
    return Page[ModelVersionView](items=rows, next_cursor=None)


@router.get(
    "/model-versions/{version_id}",
    response_model=ModelVersionView,
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.READ_MODELS)],
)
def get_model_version(version_id: uuid.UUID, session: SessionDep) -> ModelVersionView:
    return model_versions.get_version(session, version_id)
