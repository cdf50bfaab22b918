"""Analyses of a sample: request one, follow it."""

import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from app.api.v1.schemas.analyses import AnalysisIn, AnalysisOut, FailureOut, ProgressOut
from app.db.session import SessionMaker, transaction
from app.security.permissions import Permission, Principal
from app.services import analyses, scores
from app.services.analyses import AnalysisView
from app.services.scores import NoScore, ScoreView
from app.web.creation import CreationDep
from app.web.dependencies import PrincipalDep, SessionDep, SessionsDep, SettingsDep, require
from app.web.errors import refusals
from app.web.events import ProgressHub

router = APIRouter(tags=["analyses"])


@router.post(
    "/samples/{sample_id}/analyses",
    status_code=202,
    response_model=AnalysisOut,
    responses=refusals(401, 403, 404, 409, 422),
    dependencies=[require(Permission.REQUEST_ANALYSIS)],
)
def request_analysis(
    sample_id: uuid.UUID,
    session: SessionDep,
    principal: PrincipalDep,
    settings: SettingsDep,
    creation: CreationDep,
    body: AnalysisIn | None = None,
) -> JSONResponse:
    """Analyse the images there now; it waits for pending ones, later ones need a new analysis."""

    def make() -> AnalysisOut:
        view = analyses.request_analysis(
            session,
            principal,
            sample_id,
            model_version_id=body.model_version_id if body else None,
            parameters=analyses.requirements_of(settings),
        )
        return _answer(session, principal, view)

    return creation.answer(body, make, location="/api/v1/analyses/{id}", status=202)


@router.get(
    "/analyses/{analysis_id}",
    response_model=AnalysisOut,
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.READ_RESULTS)],
)
def get_analysis(
    analysis_id: uuid.UUID, session: SessionDep, principal: PrincipalDep
) -> AnalysisOut:
    """Show where an analysis stands, and its score once it is done."""
    return _answer(session, principal, analyses.get_analysis(session, principal, analysis_id))


def _known(analysis_id: uuid.UUID, sessions: SessionsDep, principal: PrincipalDep) -> AnalysisOut:
    """Refuse before the stream begins, in a transaction that is over by then."""
    return _read(sessions, principal, analysis_id)


@router.get(
    "/analyses/{analysis_id}/events",
    response_class=EventSourceResponse,
    responses=refusals(401, 403, 404, 422),
    dependencies=[require(Permission.READ_RESULTS)],
)
async def follow_analysis(
    request: Request,
    sessions: SessionsDep,
    known: Annotated[AnalysisOut, Depends(_known)],
    principal: PrincipalDep,
) -> AsyncIterator[ServerSentEvent]:
    """The analysis at every step, as server-sent events named `progress`; ends when it ends."""
    hub: ProgressHub = request.app.state.progress
    last: AnalysisOut | None = None
    async with aclosing(hub.changes(str(known.id))) as changes:
        async for _ in changes:
            now = await run_in_threadpool(_read, sessions, principal, known.id)
            if now != last:
                yield ServerSentEvent(event="progress", data=now)
            last = now
            if now.state in analyses.OVER:
                return


def _read(sessions: SessionMaker, principal: Principal, analysis_id: uuid.UUID) -> AnalysisOut:
    with transaction(sessions) as session:
        return _answer(session, principal, analyses.get_analysis(session, principal, analysis_id))


def _answer(session: Session, principal: Principal, view: AnalysisView) -> AnalysisOut:
    outcome = scores.outcome_of_analysis(session, principal, view.id)
    return AnalysisOut(
        id=view.id,
        sample_id=view.sample_id,
        model_version_id=view.model_version_id,
        state=view.state,
        progress=ProgressOut(images_done=view.images_done, images_total=view.images_total),
        failure=None if view.failure is None else FailureOut(**view.failure),
        score=outcome if isinstance(outcome, ScoreView) else None,
        unavailable=outcome if isinstance(outcome, NoScore) else None,
        created_at=view.created_at,
        finished_at=view.finished_at,
    )
