"""A control run is recorded, held against limits and rules, and locks release if it breaks one."""

import datetime as dt
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.db.queries import controls as queries
from app.db.tables import Control, ControlRun, ControlViolation, FrozenLimits
from app.domain.control_charts import RULES_METHOD, USUAL_OPTIONS, ControlLimits, Rule
from app.domain.control_series import (
    SeriesJudgement,
    SeriesRun,
    deviate,
    judge_newest,
    limits_to_freeze,
)
from app.domain.digital_control import CONTROL_METHOD, FIGURES, SEALED_OPTIONS
from app.services import audit

MOST_RUNS: Final = 200
"""Of a series, looked at when one more comes: more than the rules and the limits need."""
RIGIDITY: Final = "rigidity_score"
TITLES: Final[Mapping[str, tuple[str, str]]] = {
    RIGIDITY: ("Rigidity score", "outlets"),
    **{name: (kind.title, kind.unit) for name, kind in FIGURES.items()},
}
"""Title and unit of every figure a control may have."""
EXACT: Final = "exact"
"""The rule of sealed images: the answer is the sealed one."""
MEANINGS: Final[Mapping[str, str]] = {
    EXACT: "the answer is not the sealed one",
    Rule.ONE_2S: "beyond 2 standard deviations",
    Rule.ONE_3S: "beyond 3 standard deviations",
    Rule.TWO_2S: "two consecutive beyond 2 standard deviations on the same side",
    Rule.R_4S: "one above +2 and one below -2 standard deviations in the same run",
    Rule.FOUR_1S: "four consecutive beyond 1 standard deviation on the same side",
    Rule.TEN_X: "ten consecutive on one side of the mean",
    Rule.THREE_1S: "three consecutive beyond 1 standard deviation on the same side",
    Rule.SEVEN_T: "seven consecutive rising or falling",
}


class Trigger(StrEnum):
    """What a run came of."""

    START = "start"
    NIGHTLY = "nightly"
    ASKED = "asked"
    SAMPLE = "sample"
    TYPED = "typed"


@dataclass(frozen=True, kw_only=True)
class Series:
    """Runs that may be compared: one program on one machine, or one network's scores."""

    model_version_id: uuid.UUID | None
    pipeline_version: str | None = None
    environment: str = ""

    def key(self, figure: str) -> str:
        """The name of one figure's series, under which its limits are frozen."""
        parts = (figure, self.model_version_id, self.pipeline_version, self.environment)
        return "|".join("-" if part is None else str(part) for part in parts)


def series_of(run: ControlRun) -> Series:
    return Series(
        model_version_id=run.model_version_id,
        pipeline_version=run.pipeline_version,
        environment=run.environment,
    )


def stored_figures(figures: Mapping[str, float]) -> dict[str, float | None]:
    """For the database, whose JSON knows no NaN."""
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}


def judge(
    session: Session,
    control: Control,
    run: ControlRun,
    *,
    sealed: Mapping[str, ControlLimits] | None = None,
) -> list[ControlViolation]:
    """Hold a measured run against its series, figure by figure, and record what it breaks.

    The control is locked by the caller, so that its runs are judged one after the other. Limits
    come from the series, or from a sealed answer where there is one.
    """
    assert run.figures is not None, "only a measured run is judged"
    session.flush()
    earlier = queries.series_runs(session, control.id, limit=MOST_RUNS, **asdict(series_of(run)))
    # A sample's run is recorded before it is measured, and may be overtaken by a typed one.
    runs = [*(one for one in earlier if one.id != run.id), run]
    frozen = queries.limits_of(session, control.id)
    resolution = queries.last_resolution(session, control.id)
    resolved_at = None if resolution is None else resolution.created_at
    found = []
    for figure in [name for name, value in run.figures.items() if value is not None]:
        key = series_of(run).key(figure)
        known = None if sealed is None else sealed.get(figure)
        if known is None and key in frozen:
            known = limits_from_json(frozen[key].limits)
        points = _points(runs, figure)
        judgement = judge_newest(
            points,
            frozen=known,
            first_place=_first_after(runs, figure, resolved_at),
            options=USUAL_OPTIONS if sealed is None else SEALED_OPTIONS,
        )
        found += _violations(control, run, figure, judgement, points)
        if known is None:
            _freeze(session, control, key, points)
    session.add_all(found)
    session.flush()
    return found


def _points(runs: Sequence[ControlRun], figure: str) -> list[SeriesRun]:
    return [
        SeriesRun(str(run.id), value, _day(run), run.left_out_by is not None)
        for run in runs
        if (value := _value(run, figure)) is not None
    ]


def _value(run: ControlRun, figure: str) -> float | None:
    return None if run.figures is None else run.figures.get(figure)


def _day(run: ControlRun) -> dt.date:
    assert run.measured_at is not None
    return run.measured_at.astimezone(dt.UTC).date()


def _first_after(runs: Sequence[ControlRun], figure: str, resolved_at: dt.datetime | None) -> int:
    """The place of the first run since the last resolution: rules begin anew there."""
    having = [run for run in runs if _value(run, figure) is not None]
    if resolved_at is None:
        return 0
    return sum(run.created_at <= resolved_at for run in having[:-1])


def _freeze(session: Session, control: Control, key: str, points: Sequence[SeriesRun]) -> None:
    limits = limits_to_freeze(points)
    if limits is not None:
        session.add(FrozenLimits(control_id=control.id, series=key, limits=asdict(limits)))


def limits_from_json(values: Mapping[str, Any]) -> ControlLimits:
    low, high = values["sd_interval"]
    return ControlLimits(**{**values, "sd_interval": (low, high)})


def _violations(
    control: Control,
    run: ControlRun,
    figure: str,
    judgement: SeriesJudgement,
    points: Sequence[SeriesRun],
) -> list[ControlViolation]:
    limits = judgement.limits
    if not isinstance(limits, ControlLimits):
        return []
    newest = points[-1].value
    basis = {
        "limits": asdict(limits),
        "deviate": deviate(newest, limits),
        "limits_method": limits.method,
        "rules_method": RULES_METHOD,
    }
    return [
        violation(
            control,
            run,
            rule=one.rule.value,
            figure=figure,
            is_warning=one.is_warning,
            message=_broken(figure, one.rule, newest, limits),
            basis=basis | {"runs": [points[place].run for place in one.places]},
        )
        for one in judgement.violations
    ]


def _broken(figure: str, rule: Rule, value: float, limits: ControlLimits) -> str:
    title, unit = TITLES[figure]
    kind = "provisional limits" if limits.is_provisional else "limits"
    z = deviate(value, limits)
    where = f"{z:+.1f} SD".replace("-", "−") if abs(z) < 100 else "more than 100 SD outside"
    return f"{title} {value:.4g} {unit}".rstrip() + f", {where} of its {kind}: {MEANINGS[rule]}"


def violation(
    control: Control,
    run: ControlRun,
    *,
    rule: str,
    message: str,
    figure: str | None = None,
    is_warning: bool = False,
    basis: dict[str, Any] | None = None,
) -> ControlViolation:
    return ControlViolation(
        control_id=control.id,
        run_id=run.id,
        rule=rule,
        figure=figure,
        is_warning=is_warning,
        message=message,
        basis={"method": CONTROL_METHOD} if basis is None else basis,
        created_at=func.clock_timestamp(),
    )


def tell_lock(
    session: Session, control: Control, run: ControlRun, found: Sequence[ControlViolation]
) -> None:
    """Write down that a run locked release; one that locks nothing is told by its own row."""
    locking = [one for one in found if not one.is_warning]
    if locking:
        audit.record(
            session,
            actor=run.created_by,
            action="control.rule_broken",
            entity="control",
            entity_id=str(control.id),
            after={
                "run_id": str(run.id),
                "rules": [one.rule for one in locking],
                "messages": [one.message for one in locking],
            },
        )
