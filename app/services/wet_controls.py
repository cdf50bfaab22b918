"""Cells of a known lot, measured like any sample or typed: lots, runs, the scores they wait for."""

import datetime as dt
import math
import uuid
from typing import Final

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.db.queries import controls as queries
from app.db.queries.model_versions import active_version
from app.db.tables import Analysis, Control, ControlRun, Score
from app.domain.errors import Conflict, InvalidInput, NotFound
from app.security.permissions import Principal
from app.services import audit
from app.services.control_runs import RIGIDITY, Trigger, judge, tell_lock
from app.services.control_seals import insert_control
from app.services.visibility import visible_sample

RANGE: Final = (1.0, 12.0)
"""A rigidity score is an outlet number."""
MEAN_GREY: Final = "mean_grey"
MOST_YEARS: Final = 10


def add_lot(session: Session, principal: Principal, *, name: str, expires_on: dt.date) -> Control:
    """Begin a lot of control material; its limits begin with it."""
    today = _today(session)
    if not today <= expires_on <= today + dt.timedelta(days=365 * MOST_YEARS):
        raise InvalidInput(
            "control_expiry",
            f"A lot expires today or later, within {MOST_YEARS} years; correct the day.",
        )
    control = Control(kind="wet", name=name, expires_on=expires_on, created_by=principal.id)
    return insert_control(session, principal, control)


def _today(session: Session) -> dt.date:
    today = session.scalar(func.current_date())
    assert isinstance(today, dt.date)
    return today


def record_value(
    session: Session,
    principal: Principal,
    control_id: uuid.UUID,
    *,
    value: float,
    measured_at: dt.datetime | None = None,
) -> ControlRun:
    """Record a run whose rigidity score was typed; without a time it was made now.

    Raises
    ------
    InvalidInput
        ``control_value`` or ``control_time``.
    """
    control = usable_lot(session, control_id)
    low, high = RANGE
    if not (math.isfinite(value) and low <= value <= high):
        raise InvalidInput(
            "control_value",
            f"A rigidity score is an outlet number from {low:g} to {high:g}; correct the value.",
        )
    version = active_version(session)
    run = ControlRun(
        control_id=control.id,
        trigger=Trigger.TYPED.value,
        model_version_id=None if version is None else version.id,
        figures={RIGIDITY: value},
        measured_at=_moment(session, measured_at),
        created_by=principal.id,
    )
    _insert(session, principal, run)
    tell_lock(session, control, run, judge(session, control, run))
    return run


def _moment(session: Session, measured_at: dt.datetime | None) -> dt.datetime:
    now = session.scalar(func.clock_timestamp())
    assert isinstance(now, dt.datetime)
    if measured_at is not None and measured_at > now:
        raise InvalidInput("control_time", "A run cannot lie in the future; correct the time.")
    return measured_at or now


def mark_sample(
    session: Session, principal: Principal, control_id: uuid.UUID, sample_id: uuid.UUID
) -> ControlRun:
    """Make a sample a run of the lot: its rigidity score becomes the run's value once it is there.

    Raises
    ------
    Conflict
        ``control_sample``: the sample is a run already, or of the demonstration.
    """
    sample = visible_sample(session, principal, sample_id)
    control = usable_lot(session, control_id)
    if sample.is_demonstration or queries.run_of_sample(session, sample.id) is not None:
        raise Conflict(
            "control_sample",
            "The sample is a control run already, or belongs to the demonstration; choose another.",
        )
    run = ControlRun(
        control_id=control.id,
        trigger=Trigger.SAMPLE.value,
        sample_id=sample.id,
        created_by=principal.id,
    )
    _insert(session, principal, run)
    take_scores(session)
    session.refresh(run)
    return run


def _insert(session: Session, principal: Principal, run: ControlRun) -> None:
    session.add(run)
    session.flush()
    session.refresh(run)
    audit.record(
        session,
        actor=principal.id,
        action="control.run_recorded",
        entity="control",
        entity_id=str(run.control_id),
        after={
            "run_id": str(run.id),
            "sample_id": run.sample_id and str(run.sample_id),
            "figures": run.figures,
        },
    )


def usable_lot(session: Session, control_id: uuid.UUID) -> Control:
    """A lot that may be run, locked.

    Raises
    ------
    NotFound, Conflict
        ``control_unknown``; ``control_ended``, ``control_expired``, ``control_digital``.
    """
    control = queries.locked_control(session, control_id)
    if control is None:
        raise NotFound("control_unknown", "There is no such control; see the list.")
    if control.expires_on is None:
        raise Conflict(
            "control_digital", "Sealed images are run by the workers; no value can be entered."
        )
    if control.ended_at is not None:
        raise Conflict("control_ended", "This lot was ended; record runs of the one in use.")
    if control.expires_on < _today(session):
        raise Conflict(
            "control_expired", f"This lot expired on {control.expires_on}; begin another."
        )
    return control


def take_scores(session: Session) -> int:
    """Give runs the scores of their samples that have come; how many."""
    taken: set[uuid.UUID] = set()
    for run, analysis, score in queries.runs_with_new_scores(session):
        control = queries.locked_control(session, run.control_id)
        session.refresh(run)
        if run.id in taken or run.measured_at is not None or control is None:
            continue
        taken.add(run.id)
        _take(session, control, run, analysis, score)
    return len(taken)


def _take(
    session: Session, control: Control, run: ControlRun, analysis: Analysis, score: Score
) -> None:
    assert score.rigidity_score is not None
    figures: dict[str, float | None] = {RIGIDITY: score.rigidity_score}
    mean_grey = queries.mean_grey_of(session, analysis.id)
    if mean_grey is not None:
        figures[MEAN_GREY] = mean_grey
    run.figures, run.measured_at = figures, score.created_at
    run.analysis_id, run.model_version_id = analysis.id, analysis.model_version_id
    session.flush()
    found = judge(session, control, run)
    audit.record(
        session,
        actor=run.created_by,
        action="control.run_measured",
        entity="control",
        entity_id=str(control.id),
        after={"run_id": str(run.id), "analysis_id": str(analysis.id), "figures": figures},
    )
    tell_lock(session, control, run, found)
