"""The locked set: samples on which every candidate is tried before it is promoted."""

import uuid

from fastapi import APIRouter, Response

from app.api.v1.schemas.model_versions import ReasonIn
from app.security.permissions import Permission
from app.services import locked_samples
from app.services.locked_samples import LockedSampleView
from app.web.dependencies import PrincipalDep, SessionDep, require
from app.web.errors import refusals
from app.web.paging import Page, WindowDep

router = APIRouter(tags=["model versions"])


@router.get(
    "/locked-samples",
    response_model=Page[LockedSampleView],
    responses=refusals(401, 403),
    dependencies=[require(Permission.READ_MODELS)],
)
def list_locked_samples(session: SessionDep, window: WindowDep) -> Page[LockedSampleView]:
    """Empty while nobody has locked any: then the newest samples with a reference stand in."""
    return window.of(locked_samples.list_locked(session), lambda one: one.sample_id)


@router.put(
    "/locked-samples/{sample_id}",
    status_code=204,
    response_class=Response,
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.MANAGE_MODELS)],
)
def lock_sample(
    sample_id: uuid.UUID, body: ReasonIn, session: SessionDep, principal: PrincipalDep
) -> None:
    """Keep a sample for comparing models: none is trained on it from now on."""
    locked_samples.lock_sample(session, principal, sample_id, reason=body.reason)


@router.post(
    "/locked-samples/{sample_id}/unlock",
    status_code=204,
    response_class=Response,
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.MANAGE_MODELS)],
)
def unlock_sample(
    sample_id: uuid.UUID, body: ReasonIn, session: SessionDep, principal: PrincipalDep
) -> None:
    """Give a sample kept for comparing models back to training."""
    locked_samples.unlock_sample(session, principal, sample_id, reason=body.reason)
