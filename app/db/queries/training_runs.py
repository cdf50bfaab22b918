import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, exists, literal, select, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from app.db.tables import Heartbeat, Job, TrainingRun

Position = tuple[dt.datetime, uuid.UUID]
RunWithJob = Row[TrainingRun, Job]


def _with_job() -> Select[TrainingRun, Job]:
    return select(TrainingRun, Job).join(Job, Job.id == TrainingRun.job_id)


def run_with_job(session: Session, run_id: uuid.UUID) -> RunWithJob | None:
    return session.execute(_with_job().where(TrainingRun.id == run_id)).one_or_none()


def newest_run_of_version(session: Session, version_id: uuid.UUID) -> RunWithJob | None:
    wanted = _with_job().where(TrainingRun.model_version_id == version_id)
    return session.execute(wanted.order_by(TrainingRun.created_at.desc()).limit(1)).one_or_none()


def list_page(session: Session, *, after: Position | None, limit: int) -> Sequence[RunWithJob]:
    """Newest first."""
    wanted = _with_job()
    if after is not None:
        wanted = wanted.where(tuple_(TrainingRun.created_at, TrainingRun.id) < tuple_(*after))
    order = (TrainingRun.created_at.desc(), TrainingRun.id.desc())
    return session.execute(wanted.order_by(*order).limit(limit)).all()


def locked_run(session: Session, run_id: uuid.UUID) -> TrainingRun:
    return session.get_one(TrainingRun, run_id, with_for_update=True, populate_existing=True)


def _is_held(run_id: uuid.UUID, token: int) -> ColumnElement[bool]:
    """The run, as long as the attempt with this token holds its job."""
    held = exists().where(Job.id == TrainingRun.job_id, Job.token == token, Job.state == "running")
    return (TrainingRun.id == run_id) & held


def write_progress(
    session: Session,
    run_id: uuid.UUID,
    token: int,
    *,
    progress: Mapping[str, Any],
    epochs: Sequence[Mapping[str, Any]],
) -> bool:
    """Replace the progress and append to the history; False if another attempt holds the job."""
    added = literal(list(epochs), JSONB)
    done = session.execute(
        update(TrainingRun)
        .where(_is_held(run_id, token))
        .values(progress=dict(progress), history=TrainingRun.history.op("||")(added))
        .returning(TrainingRun.id)
    )
    return done.one_or_none() is not None


def add_checkpoint(session: Session, run_id: uuid.UUID, token: int, name: str) -> bool:
    """Name one more checkpoint; False if another attempt holds the job."""
    done = session.execute(
        update(TrainingRun)
        .where(_is_held(run_id, token))
        .values(checkpoints=TrainingRun.checkpoints.op("||")(literal([name], JSONB)))
        .returning(TrainingRun.id)
    )
    return done.one_or_none() is not None


def runs_with_leftovers(session: Session) -> Sequence[TrainingRun]:
    """Runs that are over and still name checkpoints, locked."""
    return session.scalars(
        select(TrainingRun)
        .where(
            TrainingRun.state.in_(("done", "failed", "cancelled")),
            TrainingRun.checkpoints != literal([], JSONB),
        )
        .with_for_update(skip_locked=True)
    ).all()


def trainer_report(session: Session, name: str) -> dict[str, Any] | None:
    return session.scalar(select(Heartbeat.report).where(Heartbeat.name == name))
