"""What the controls say about releasing a result; whatever they cannot say bars it."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries import controls as queries
from app.db.tables import Control, ControlViolation
from app.domain.control_charts import FEWEST_RUNS
from app.domain.release import Condition
from app.services.control_runs import EXACT, RIGIDITY, Series
from app.settings import Settings


@dataclass(frozen=True)
class SiteControls:
    """What this site demands of its controls before a result is released."""

    wet_control: bool = False
    valid_hours: float = 26.0


USUAL: Final = SiteControls()


def site_controls(settings: Settings) -> SiteControls:
    return SiteControls(settings.wet_control, settings.control_valid_hours)


def control_statement(site: SiteControls) -> str:
    """What a report says of the controls behind it."""
    if site.wet_control:
        return "Released under the digital control and a wet control."
    return "Released under the digital control alone; this site runs no wet control."


def control_conditions(
    session: Session, *, model_version_id: uuid.UUID, site: SiteControls = USUAL
) -> tuple[Condition, ...]:
    """What the controls say about releasing a result of this model version now."""
    digital = queries.controls_in_force(session, "digital")
    wet = queries.controls_in_force(session, "wet") if site.wet_control else []
    in_force = {control.id: control for control in [*digital, *wet]}
    broken = [
        (in_force[violation.control_id], violation)
        for violation, run in queries.open_violations(session, list(in_force))
        if in_force[violation.control_id].kind == "wet" or run.model_version_id == model_version_id
    ]
    conditions = (
        _digital_current(session, digital, model_version_id, site),
        _digital_exact(session, digital, model_version_id, broken),
        _rules_kept(broken),
    )
    if not site.wet_control:
        return conditions
    return (
        *conditions,
        _wet_in_date(session, model_version_id, site),
        _limits_final(session, wet, model_version_id),
    )


Broken = Sequence[tuple[Control, ControlViolation]]


def _digital_current(
    session: Session, controls: Sequence[Control], version_id: uuid.UUID, site: SiteControls
) -> Condition:
    code = "digital_control_current"
    if not controls:
        return _unknown(
            code, "There is no digital control; run 'pliant up', or the prepare service."
        )
    for control in controls:
        newest = queries.newest_run(session, control.id, version_id)
        if newest is None:
            return _unknown(
                code,
                f"{control.name} was never run under this model version; run it on its page.",
            )
        run, age = newest
        if age > dt.timedelta(hours=site.valid_hours):
            assert run.measured_at is not None
            return _no(
                code,
                f"{control.name} was last run on {run.measured_at:%-d %b %Y, %H:%M} UTC, more than "
                f"{site.valid_hours:g} hours ago; run it on its page.",
            )
    return _yes(code, f"The digital control is not older than {site.valid_hours:g} h.")


def _digital_exact(
    session: Session, controls: Sequence[Control], version_id: uuid.UUID, broken: Broken
) -> Condition:
    code = "digital_control_exact"
    newest = [queries.newest_run(session, control.id, version_id) for control in controls]
    runs = [found[0] for found in newest if found is not None]
    wrong = next((run for run in runs if not run.is_match), None)
    if wrong is not None:
        return _no(code, wrong.message or "The control did not answer as sealed.")
    for control, violation in broken:
        if violation.rule == EXACT:
            return _no(
                code,
                f"{control.name} did not answer as sealed and does again; record the cause and "
                f"what was done on its page. {violation.message}",
            )
    if len(runs) < len(controls) or not controls:
        return _unknown(code, "A digital control has no run under this model version.")
    return _yes(code, "The digital control answered as sealed.")


def _rules_kept(broken: Broken) -> Condition:
    rules = [(control, one) for control, one in broken if one.rule != EXACT]
    if not rules:
        return _yes("control_rules", "No control breaks a rule.")
    told = "; ".join(f"{one.rule} by {control.name}: {one.message}" for control, one in rules)
    return _no(
        "control_rules",
        f"A control breaks a rule: {told}. Find the cause, then record it and what was done on the "
        "control's page.",
    )


def _wet_in_date(session: Session, version_id: uuid.UUID, site: SiteControls) -> Condition:
    found = queries.newest_wet_run(session, version_id)
    if found is None:
        return _unknown(
            "wet_control_in_date",
            "No lot in date was run under this model version; run the wet control.",
        )
    run, control, age = found
    assert run.measured_at is not None
    if age > dt.timedelta(hours=site.valid_hours):
        return _no(
            "wet_control_in_date",
            f"The wet control was last run on {run.measured_at:%-d %b %Y, %H:%M} UTC, more than "
            f"{site.valid_hours:g} hours ago; run it.",
        )
    return _yes("wet_control_in_date", f"{control.name} was run today.")


def _limits_final(
    session: Session, controls: Sequence[Control], version_id: uuid.UUID
) -> Condition:
    key = Series(model_version_id=version_id).key(RIGIDITY)
    early = [one for one in controls if key not in queries.limits_of(session, one.id)]
    if not early:
        return _yes("control_limits_final", "The wet control's limits are final.")
    names = ", ".join(control.name for control in early)
    return Condition(
        "control_limits_final",
        holds=False,
        message=f"The limits of {names} are provisional until there are runs on {FEWEST_RUNS} "
        "days; the verifier may release all the same.",
        may_be_acknowledged=True,
    )


def _yes(code: str, message: str) -> Condition:
    return Condition(code, holds=True, message=message)


def _no(code: str, message: str) -> Condition:
    return Condition(code, holds=False, message=message)


def _unknown(code: str, message: str) -> Condition:
    return Condition(code, holds=None, message=message)
