"""The donor score of a sample, and the sample's live stream."""

import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import TypeAdapter
from starlette.concurrency import run_in_threadpool

from app.db.session import SessionMaker, transaction
from app.security.permissions import Permission, Principal
from app.services import scores
from app.services.scores import SampleProgress, ScoreView
from app.web.dependencies import PrincipalDep, SessionsDep, require
from app.web.errors import refusals
from app.web.events import ProgressHub
from app.web.json_answers import json_answer

router = APIRouter(tags=["scores"])
SCORE: Final = TypeAdapter(ScoreView)


@router.get(
    "/samples/{sample_id}/score",
    response_model=ScoreView,
    responses=refusals(401, 403, 404, 409, 422),
    dependencies=[require(Permission.READ_RESULTS)],
)
def get_score(sample_id: uuid.UUID, sessions: SessionsDep, principal: PrincipalDep) -> Response:
    """The newest score, or 409 `score_unavailable` with `reasons`: never a number instead."""
    with transaction(sessions) as session:
        score = scores.latest_score(session, principal, sample_id)
    return json_answer(SCORE, score)


def _known(sample_id: uuid.UUID, sessions: SessionsDep, principal: PrincipalDep) -> SampleProgress:
    """Refuse before the stream begins, in a transaction that is over by then."""
    return _read(sessions, principal, sample_id)


@router.get(
    "/samples/{sample_id}/events",
    response_class=EventSourceResponse,
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.READ_RESULTS)],
)
async def follow_sample(
    request: Request,
    sample_id: uuid.UUID,
    sessions: SessionsDep,
    _: Annotated[SampleProgress, Depends(_known)],
    principal: PrincipalDep,
) -> AsyncIterator[ServerSentEvent]:
    """State and score whenever they change, as events named `progress`; it ends with the client.

    A correction sets the sample `running`; the score that follows it comes by this stream, too.
    """
    hub: ProgressHub = request.app.state.progress
    last: SampleProgress | None = None
    async with aclosing(hub.changes(str(sample_id))) as changes:
        async for _change in changes:
            now = await run_in_threadpool(_read, sessions, principal, sample_id)
            if now != last:
                yield ServerSentEvent(event="progress", data=now)
            last = now


def _read(sessions: SessionMaker, principal: Principal, sample_id: uuid.UUID) -> SampleProgress:
    with transaction(sessions) as session:
        return scores.progress_of_sample(session, principal, sample_id)
