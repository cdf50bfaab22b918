"""Runs of sealed images: what is run, what is recorded, what is queued."""

import datetime as dt
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.db.queries import controls as queries
from app.db.queries.model_versions import active_version
from app.db.tables import Control, ControlRun, Job, SealedAnswer
from app.domain.digital_control import (
    changes,
    differences,
    sealed_limits,
    sealed_sha256,
    without_network,
)
from app.domain.errors import PliantError, ProcessingFailed
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.scan_image import ImageFormat
from app.jobs import ledger, timetable
from app.jobs.kinds import JobKind
from app.security.permissions import SYSTEM
from app.services import worker_reports
from app.services.control_runs import EXACT, Trigger, judge, stored_figures, tell_lock, violation
from app.services.control_seals import content_sha256, seal

TURN: Final = "digital_control"
AGAIN: Final = "digital_control_again"
NIGHT_BEGINS: Final = 2
"""Hour, UTC."""
IN_USE_WITHIN: Final = dt.timedelta(days=7)
"""Versions that an analysis of these days was made with are run at night, beside the active one."""
REPEATED_WITHIN: Final = dt.timedelta(hours=1)
"""Processes start in swarms: an equal answer of one machine is recorded once in this time."""
EARLIER_RUNS: Final = 50
NIGHTLY_KEY: Final = "control:nightly"


@dataclass(frozen=True)
class SealedImage:
    """A sealed image; `file` names it among those the program ships, else it lies in the store."""

    sha256: str
    format: ImageFormat
    file: str | None = None


@dataclass(frozen=True)
class ControlToRun:
    """What a worker needs to run a control."""

    control_id: uuid.UUID
    name: str
    images: tuple[SealedImage, ...]
    parameters: ImagingParameters


@dataclass(frozen=True, kw_only=True)
class DigitalRun:
    """What came of a run: figures, or the error that kept it from any."""

    control_id: uuid.UUID
    model_version_id: uuid.UUID
    pipeline_version: str
    environment: str
    figures: Mapping[str, float]
    error: PliantError | None = None


@dataclass(frozen=True)
class DigitalAnswer:
    """Whether the control answered as sealed, and what did not if it did not."""

    is_match: bool
    code: str | None = None
    message: str | None = None


MATCH: Final = DigitalAnswer(is_match=True)


def controls_to_run(session: Session, *, only_shipped: bool = False) -> tuple[ControlToRun, ...]:
    """Sealed images in force; at start only the small ones that the program ships."""
    controls = queries.controls_in_force(session, "digital")
    return tuple(_to_run(one) for one in controls if one.is_shipped or not only_shipped)


def _to_run(control: Control) -> ControlToRun:
    content: Any = control.content
    if content_sha256(content) != control.content_sha256:
        raise ProcessingFailed(
            "control_changed",
            f"What is recorded of the control {control.name} is not what was sealed; "
            "restore the database from its backup.",
        )
    return ControlToRun(
        control_id=control.id,
        name=control.name,
        images=tuple(
            SealedImage(one["sha256"], ImageFormat(one["format"]), one.get("file"))
            for one in content["images"]
        ),
        parameters=ImagingParameters.from_json(content["parameters"]),
    )


def record_run(session: Session, ran: DigitalRun, *, trigger: Trigger) -> DigitalAnswer:
    """Hold a run against the sealed answer, which the first run of its kind becomes."""
    control = queries.locked_control(session, ran.control_id)
    if control is None or control.ended_at is not None:
        return MATCH
    sealed = queries.answer_of(session, control.id, ran.model_version_id, ran.pipeline_version)
    try:
        expected = {} if sealed is None else _opened(sealed)
    except ProcessingFailed as error:
        expected, ran = {}, replace(ran, error=error)
    answer = _compare(session, control, ran, expected)
    if trigger is Trigger.START and _is_repeated(session, ran, answer):
        return answer
    if answer.is_match and sealed is None:
        seal(
            session,
            control,
            version_id=ran.model_version_id,
            pipeline_version=ran.pipeline_version,
            environment=ran.environment,
            figures=ran.figures,
        )
    run = _insert_run(session, ran, answer, trigger)
    found = judge(session, control, run, sealed=sealed_limits(expected or ran.figures))
    if not answer.is_match:
        found = [violation(control, run, rule=EXACT, message=answer.message or ""), *found]
        session.add(found[0])
    tell_lock(session, control, run, found)
    return answer


def _compare(
    session: Session, control: Control, ran: DigitalRun, expected: Mapping[str, float]
) -> DigitalAnswer:
    if ran.error is not None:
        return DigitalAnswer(is_match=False, code=ran.error.code, message=ran.error.message)
    if not expected:
        others = queries.answers_under(session, control.id, ran.pipeline_version)
        # What is no number seals nothing: it differs even from itself.
        expected = without_network(_opened(others[0])) if others else ran.figures
    wrong = differences(expected, ran.figures)
    if not wrong:
        wrong = changes(_earlier_on_this_machine(session, ran), ran.figures)
    if not wrong:
        return MATCH
    told = "; ".join(one.message for one in wrong)
    return DigitalAnswer(
        is_match=False,
        code="control_mismatch",
        message="The pipeline does not give the sealed answers of the control "
        f"{control.name}: {told}. Compare the installation with its release, and mend it.",
    )


def _earlier_on_this_machine(session: Session, ran: DigitalRun) -> dict[str, float]:
    """What an equal machine with equal libraries answered: the newest match, else the seal."""
    runs = queries.series_runs(
        session,
        ran.control_id,
        model_version_id=ran.model_version_id,
        pipeline_version=ran.pipeline_version,
        environment=ran.environment,
        limit=EARLIER_RUNS,
    )
    matching = [run.figures for run in runs if run.is_match and run.figures is not None]
    if matching:
        return {name: value for name, value in matching[-1].items() if value is not None}
    sealed = queries.answer_of(session, ran.control_id, ran.model_version_id, ran.pipeline_version)
    if sealed is None or sealed.environment != ran.environment:
        return {}
    return _opened(sealed)


def _opened(sealed: SealedAnswer) -> dict[str, float]:
    """The sealed figures.

    Raises
    ------
    ProcessingFailed
        ``control_changed``: they are not those that were sealed.
    """
    if sealed_sha256(sealed.answer) != sealed.answer_sha256:
        raise ProcessingFailed(
            "control_changed",
            "A sealed answer no longer has its hash; restore the database from its backup.",
        )
    figures: dict[str, float] = json.loads(sealed.answer)
    return figures


def _is_repeated(session: Session, ran: DigitalRun, answer: DigitalAnswer) -> bool:
    found = queries.newest_run(session, ran.control_id, ran.model_version_id)
    if found is None or found[1] > REPEATED_WITHIN:
        return False
    run = found[0]
    return (
        run.environment == ran.environment
        and run.pipeline_version == ran.pipeline_version
        and run.figures == stored_figures(ran.figures)
        and (run.is_match, run.message) == (answer.is_match, answer.message)
    )


def _insert_run(
    session: Session, ran: DigitalRun, answer: DigitalAnswer, trigger: Trigger
) -> ControlRun:
    run = ControlRun(
        control_id=ran.control_id,
        trigger=trigger.value,
        model_version_id=ran.model_version_id,
        pipeline_version=ran.pipeline_version,
        environment=ran.environment,
        figures=stored_figures(ran.figures),
        is_match=answer.is_match,
        message=answer.message,
        measured_at=func.clock_timestamp(),
        created_by=SYSTEM.id,
    )
    session.add(run)
    session.flush()
    session.refresh(run)
    return run


def queue_checks(session: Session, *, pipeline_version: str) -> None:
    """Queue the night's runs once, and a run for whatever has no sealed answer yet."""
    slot = timetable.nightly_slot(session, hour=NIGHT_BEGINS)
    if timetable.claim_slot(session, TURN, slot):
        for version in queries.versions_in_use(session, within=IN_USE_WITHIN):
            key = f"{NIGHTLY_KEY}:{slot}:{version.id}"
            ledger.enqueue(session, JobKind.CHECK_CONTROL, version.id, dedupe_key=key)
    active = active_version(session)
    if active is None:
        return
    if worker_reports.refusing(session) and timetable.claim_slot(
        session, AGAIN, timetable.minute_slot(session)
    ):
        # A process that refuses looks again when it is rung for, so something must ring.
        ledger.enqueue(session, JobKind.CHECK_CONTROL, active.id)
    for control in queries.controls_in_force(session, "digital"):
        if queries.answer_of(session, control.id, active.id, pipeline_version) is None:
            key = f"control:seal:{control.id}:{active.id}:{pipeline_version}"
            ledger.enqueue(session, JobKind.CHECK_CONTROL, active.id, dedupe_key=key)


def trigger_of(session: Session, job_id: uuid.UUID) -> Trigger:
    """What a queued check came of."""
    key = session.get_one(Job, job_id).dedupe_key or ""
    return Trigger.NIGHTLY if key.startswith(NIGHTLY_KEY) else Trigger.ASKED
