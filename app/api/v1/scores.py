"""The donor score of a sample."""

import uuid

from fastapi import APIRouter

from app.security.permissions import Permission
from app.services import scores
from app.services.scores import ScoreView
from app.web.dependencies import PrincipalDep, SessionDep, require
from app.web.errors import refusals

router = APIRouter(tags=["scores"])


@router.get(
    "/samples/{sample_id}/score",
    response_model=ScoreView,
    responses=refusals(401, 403, 404, 409, 422),
    dependencies=[require(Permission.READ_RESULTS)],
)
def get_score(sample_id: uuid.UUID, session: SessionDep, principal: PrincipalDep) -> ScoreView:
    """The newest score, or 409 `score_unavailable` with `reasons`: never a number instead."""
    return scores.latest_score(session, principal, sample_id)
