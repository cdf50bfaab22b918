"""Training runs: ask for one, follow it, cancel it; and what there is to learn from."""

import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from app.api.v1.schemas.training_runs import TrainingRunIn, selection_of
from app.db.session import SessionMaker, transaction
from app.domain.coverage import Coverage
from app.security.permissions import Permission
from app.services import training_cells, training_requests, training_runs
from app.services.training_runs import TrainingRunView
from app.web.creation import CreationDep
from app.web.dependencies import PrincipalDep, SessionDep, SessionsDep, SettingsDep, require
from app.web.errors import refusals
from app.web.events import ProgressHub
from app.web.paging import CursorParam, LimitParam, Page

router = APIRouter(tags=["training runs"])

SamplesParam = Annotated[list[uuid.UUID] | None, Query(max_length=10_000)]
DonorsParam = Annotated[list[str] | None, Query(max_length=10_000)]


@router.post(
    "/training-runs",
    status_code=202,
    response_model=TrainingRunView,
    responses=refusals(409),
    dependencies=[require(Permission.MANAGE_MODELS)],
)
def start_training_run(
    body: TrainingRunIn,
    session: SessionDep,
    principal: PrincipalDep,
    settings: SettingsDep,
    creation: CreationDep,
) -> JSONResponse:
    """Freeze the accepted cells of the chosen sorted wells, and train on them in the background."""

    def make() -> TrainingRunView:
        return training_requests.start_run(
            session, principal, body.new_run(), is_enabled=settings.training
        )

    return creation.answer(body, make, location="/api/v1/training-runs/{id}", status=202)


@router.get(
    "/training-runs",
    response_model=Page[TrainingRunView],
    dependencies=[require(Permission.READ_MODELS)],
)
def list_training_runs(
    session: SessionDep, cursor: CursorParam = None, limit: LimitParam = 50
) -> Page[TrainingRunView]:
    """List training runs, newest first."""
    rows = training_runs.list_runs(session, cursor=cursor, limit=limit)
    return Page[TrainingRunView](items=list(rows.items), next_cursor=rows.next_cursor)


@router.get(
    "/training-runs/coverage",
    response_model=Coverage,
    dependencies=[require(Permission.READ_MODELS)],
)
def get_coverage(
    session: SessionDep, samples: SamplesParam = None, donors: DonorsParam = None
) -> Coverage:
    """Sorted wells by donor and outlet with their accepted cells, and what to expect of them."""
    wells = training_cells.choose_wells(session, selection_of(samples, donors))
    return training_cells.coverage_of(wells)


@router.get(
    "/training-runs/{run_id}",
    response_model=TrainingRunView,
    responses=refusals(404),
    dependencies=[require(Permission.READ_MODELS)],
)
def get_training_run(run_id: uuid.UUID, session: SessionDep) -> TrainingRunView:
    """Show where a training run stands, its figures and the version it made."""
    return training_runs.get_run(session, run_id)


@router.post(
    "/training-runs/{run_id}/cancel",
    response_model=TrainingRunView,
    responses=refusals(404, 409),
    dependencies=[require(Permission.MANAGE_MODELS)],
)
def cancel_training_run(
    run_id: uuid.UUID, session: SessionDep, principal: PrincipalDep
) -> TrainingRunView:
    """Cancel at once if it waits, else after the epoch under way; nothing of it is kept."""
    return training_runs.cancel_run(session, principal, run_id)


def _known(run_id: uuid.UUID, sessions: SessionsDep) -> TrainingRunView:
    """Refuse before the stream begins, in a transaction that is over by then."""
    return _read(sessions, run_id)


@router.get(
    "/training-runs/{run_id}/events",
    response_class=EventSourceResponse,
    responses=refusals(404),
    dependencies=[require(Permission.READ_MODELS)],
)
async def follow_training_run(
    request: Request, sessions: SessionsDep, known: Annotated[TrainingRunView, Depends(_known)]
) -> AsyncIterator[ServerSentEvent]:
    """The run at every report, as server-sent events named `progress`; ends when it ends."""
    hub: ProgressHub = request.app.state.progress
    last: TrainingRunView | None = None
    async with aclosing(hub.changes(str(known.id))) as changes:
        async for _ in changes:
            now = await run_in_threadpool(_read, sessions, known.id)
            if now != last:
                yield ServerSentEvent(event="progress", data=now)
            last = now
            if now.state in training_runs.OVER:
                return


def _read(sessions: SessionMaker, run_id: uuid.UUID) -> TrainingRunView:
    with transaction(sessions) as session:
        return training_runs.get_run(session, run_id)
