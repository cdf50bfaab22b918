"""Controls as people meet them: begin, run, mend, end; the doors' one way in."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.db.queries import controls as queries
from app.db.queries.model_versions import active_version
from app.db.tables import Control, ControlResolution, ControlRun
from app.domain.errors import Conflict, InvalidInput, NotFound, NotPermitted
from app.jobs import ledger
from app.jobs.kinds import JobKind
from app.security.permissions import Permission, Principal
from app.services import audit, control_seals, control_views, wet_controls
from app.services.control_facts import RunView

MOST_NAME_CHARACTERS: Final = 100
MOST_CHARACTERS: Final = 1_000
MOST_CHOICES: Final = 30


def add_lot(session: Session, principal: Principal, *, name: str, expires_on: dt.date) -> Control:
    """Begin a lot of control material."""
    return wet_controls.add_lot(
        session, principal, name=_name(session, name), expires_on=expires_on
    )


def seal_images(
    session: Session, principal: Principal, *, name: str, image_ids: Sequence[uuid.UUID]
) -> Control:
    """Seal images of the site, and queue the run whose answers are sealed with them.

    Raises
    ------
    NotPermitted
        ``not_permitted``: an administrator seals.
    """
    if not principal.permits(Permission.MANAGE_MODELS):
        raise NotPermitted("not_permitted", "Only an administrator seals images; ask one.")
    control = control_seals.seal_images(
        session, principal, name=_name(session, name), image_ids=image_ids
    )
    ask_for_run(session)
    return control


def _name(session: Session, name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= MOST_NAME_CHARACTERS or not name.isprintable():
        raise InvalidInput(
            "control_name", f"Name the control in 1 to {MOST_NAME_CHARACTERS} characters."
        )
    if queries.has_name(session, name):
        raise Conflict(
            "control_exists", f"A control named {name} is in use; end it first or choose a name."
        )
    return name


def ask_for_run(session: Session) -> uuid.UUID:
    """Queue a run of the digital controls under the active version.

    Raises
    ------
    Conflict
        ``no_active_model``.
    """
    version = active_version(session)
    if version is None:
        raise Conflict(
            "no_active_model", "No model version is active; an administrator activates one."
        )
    job_id = ledger.enqueue(session, JobKind.CHECK_CONTROL, version.id)
    assert job_id is not None, "without a key every request is a job of its own"
    return job_id


@dataclass(frozen=True)
class EnteredRun:
    """A typed score or a sample; neither for sealed images."""

    rigidity_score: float | None = None
    measured_at: dt.datetime | None = None
    sample_id: uuid.UUID | None = None


@dataclass(frozen=True)
class AskedRun:
    """What became of a request: a run, or the job that will make one."""

    state: str
    run: RunView | None
    job_id: uuid.UUID | None


@dataclass(frozen=True)
class SampleChoice:
    """A sample that could be marked as a run."""

    id: uuid.UUID
    donor_code: str
    created_at: dt.datetime


def samples_to_mark(session: Session) -> tuple[SampleChoice, ...]:
    """The newest samples that are no control runs yet."""
    rows = queries.samples_to_mark(session, limit=MOST_CHOICES)
    return tuple(SampleChoice(sample.id, donor.code, sample.created_at) for sample, donor in rows)


def enter_run(
    session: Session, principal: Principal, control_id: uuid.UUID, entered: EnteredRun
) -> AskedRun:
    """Record a run of a material, or queue one of sealed images.

    Raises
    ------
    InvalidInput
        ``control_run``: not exactly one of score and sample for a material.
    """
    control = _existing(session, control_id)
    if control.kind == "digital":
        if control.ended_at is not None or entered != EnteredRun():
            raise Conflict(
                "control_digital", "Sealed images are run by the workers; no value can be entered."
            )
        return AskedRun("queued", None, ask_for_run(session))
    if (entered.rigidity_score is None) == (entered.sample_id is None):
        raise InvalidInput(
            "control_run", "Send either the rigidity score of the run or the id of its sample."
        )
    if entered.sample_id is not None:
        run = wet_controls.mark_sample(session, principal, control.id, entered.sample_id)
    else:
        assert entered.rigidity_score is not None
        run = wet_controls.record_value(
            session,
            principal,
            control.id,
            value=entered.rigidity_score,
            measured_at=entered.measured_at,
        )
    state = "waiting" if run.measured_at is None else "measured"
    return AskedRun(state, control_views.run_view(session, run), None)


def resolve(
    session: Session,
    principal: Principal,
    control_id: uuid.UUID,
    *,
    cause: str,
    action: str,
    leave_out: bool = False,
) -> ControlResolution:
    """Unlock release: somebody says why the control broke a rule and what was done.

    `leave_out` takes the runs that broke it out of the limits; they stay on the chart.

    Raises
    ------
    Conflict
        ``control_not_broken``: there is nothing to resolve.
    """
    control = _existing(session, control_id)
    cause, action = _said(cause, "cause"), _said(action, "action")
    found = [one for one, _ in queries.open_violations(session, [control.id])]
    if not found:
        raise Conflict("control_not_broken", "The control breaks no rule; nothing was recorded.")
    resolution = ControlResolution(
        control_id=control.id, cause=cause, action=action, created_by=principal.id
    )
    session.add(resolution)
    session.flush()
    session.refresh(resolution)
    for one in found:
        one.resolution_id = resolution.id
        if leave_out and control.kind == "wet":
            session.get_one(ControlRun, one.run_id).left_out_by = resolution.id
    audit.record(
        session,
        actor=principal.id,
        action="control.resolved",
        entity="control",
        entity_id=str(control.id),
        before={"rules": [one.rule for one in found]},
        after={
            "resolution_id": str(resolution.id),
            "cause": cause,
            "action": action,
            "left_out": leave_out,
        },
    )
    return resolution


def end_control(session: Session, principal: Principal, control_id: uuid.UUID, reason: str) -> None:
    """Take a control out of use; its runs stay.

    Raises
    ------
    Conflict
        ``control_ended``, ``control_shipped``, or ``control_locked`` while a rule is broken:
        a lot is not ended to be rid of its violation.
    """
    control = _existing(session, control_id)
    if control.ended_at is not None:
        raise Conflict("control_ended", "The control was ended before; nothing changed.")
    if control.is_shipped:
        raise Conflict(
            "control_shipped", "The control that ships with the program cannot be ended."
        )
    if queries.open_violations(session, [control.id]):
        raise Conflict(
            "control_locked", "The control breaks a rule; record cause and action before it ends."
        )
    control.ended_reason = _said(reason, "reason")
    control.ended_at, control.ended_by = func.clock_timestamp(), principal.id
    audit.record(
        session,
        actor=principal.id,
        action="control.ended",
        entity="control",
        entity_id=str(control.id),
        after={"reason": control.ended_reason},
    )


def _existing(session: Session, control_id: uuid.UUID) -> Control:
    control = queries.locked_control(session, control_id)
    if control is None:
        raise NotFound("control_unknown", "There is no such control; see the list.")
    return control


def _said(text: str, what: str) -> str:
    text = text.strip()
    if not 1 <= len(text) <= MOST_CHARACTERS:
        raise InvalidInput(
            "control_words", f"Write the {what} in 1 to {MOST_CHARACTERS} characters."
        )
    return text
