"""Controls as they are shown: where each stands, its runs, limits, rules and resolutions."""

import datetime as dt
import json
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.db.queries import controls as queries
from app.db.queries.model_versions import all_versions
from app.db.tables import (
    Control,
    ControlResolution,
    ControlRun,
    ControlViolation,
    FrozenLimits,
    SealedAnswer,
)
from app.domain.assessment import NotAssessable
from app.domain.control_charts import (
    FEWEST_RUNS,
    ControlLimits,
    control_limits,
)
from app.domain.control_series import deviate
from app.domain.digital_control import FIGURES, sealed_limits
from app.domain.errors import NotFound
from app.services.control_facts import (
    ControlBrief,
    ControlMethods,
    ControlState,
    ControlView,
    PointView,
    ResolutionView,
    RunView,
    SealView,
    SeriesView,
    ViolationView,
)
from app.services.control_runs import EXACT, TITLES, Series, limits_from_json, series_of

SHOWN_RUNS: Final = 60


@dataclass(frozen=True)
class _Read:
    """What was read of one control."""

    control: Control
    runs: list[ControlRun]
    violations: Sequence[ControlViolation]
    seals: Sequence[SealedAnswer]
    frozen: Mapping[str, FrozenLimits]
    versions: Mapping[uuid.UUID, str]
    today: dt.date

    @property
    def open(self) -> list[ControlViolation]:
        found = [one for one in self.violations if one.resolution_id is None]
        return [one for one in found if not one.is_warning]

    def rules_of(self, run: ControlRun, figure: str | None = None) -> tuple[str, ...]:
        return tuple(
            one.rule
            for one in reversed(self.violations)
            if one.run_id == run.id and figure in (None, one.figure)
        )

    def name_of(self, version_id: uuid.UUID | None) -> str | None:
        return None if version_id is None else self.versions.get(version_id)


def list_controls(session: Session) -> tuple[ControlView, ...]:
    """Those in force first; whoever shows fewer details leaves them out."""
    return tuple(_view(session, control) for control in queries.all_controls(session))


def brief(view: ControlView) -> ControlBrief:
    names = ControlBrief.__dataclass_fields__
    return ControlBrief(**{name: getattr(view, name) for name in names})


def get_control(session: Session, control_id: uuid.UUID) -> ControlView:
    control = session.get(Control, control_id)
    if control is None:
        raise NotFound("control_unknown", "There is no such control; see the list.")
    return _view(session, control)


def run_view(session: Session, run: ControlRun) -> RunView:
    control = session.get_one(Control, run.control_id)
    return _run_view(_read(session, control), run)


def resolution_view(resolution: ControlResolution) -> ResolutionView:
    return ResolutionView(
        resolution.id,
        resolution.cause,
        resolution.action,
        resolution.created_at,
        resolution.created_by,
    )


def _read(session: Session, control: Control) -> _Read:
    today = session.scalar(func.current_date())
    assert isinstance(today, dt.date)
    return _Read(
        control=control,
        runs=queries.recent_runs(session, control.id, limit=2 * SHOWN_RUNS),
        violations=queries.violations_of(session, control.id),
        seals=queries.answers_of_control(session, control.id),
        frozen=queries.limits_of(session, control.id),
        versions={version.id: version.name for version in all_versions(session)},
        today=today,
    )


def _view(session: Session, control: Control) -> ControlView:
    read = _read(session, control)
    series = tuple(_series(read))
    state, statement = _standing(read, series)
    newest = read.runs[-1] if read.runs else None
    content: Any = control.content
    return ControlView(
        id=control.id,
        kind=control.kind,
        name=control.name,
        state=state,
        statement=statement,
        is_shipped=control.is_shipped,
        content_sha256=control.content_sha256,
        n_images=None if content is None else len(content["images"]),
        expires_on=control.expires_on,
        created_at=control.created_at,
        created_by=control.created_by,
        ended_at=control.ended_at,
        ended_reason=control.ended_reason,
        last_run=None if newest is None else _run_view(read, newest),
        open_rules=tuple(dict.fromkeys(one.rule for one in reversed(read.open))),
        methods=ControlMethods(),
        sealed=tuple(_seal_view(read, seal) for seal in read.seals),
        series=series,
        runs=tuple(_run_view(read, run) for run in reversed(read.runs[-SHOWN_RUNS:])),
        violations=tuple(_violation_view(one) for one in read.violations),
        resolutions=tuple(
            resolution_view(one) for one in queries.resolutions_of(session, control.id)
        ),
    )


def _run_view(read: _Read, run: ControlRun) -> RunView:
    return RunView(
        id=run.id,
        trigger=run.trigger,
        figures=run.figures,
        is_match=run.is_match,
        message=run.message,
        model_version=read.name_of(run.model_version_id),
        pipeline_version=run.pipeline_version,
        environment=run.environment or None,
        sample_id=run.sample_id,
        measured_at=run.measured_at,
        created_at=run.created_at,
        created_by=run.created_by,
        is_left_out=run.left_out_by is not None,
        rules=read.rules_of(run),
    )


def _violation_view(one: ControlViolation) -> ViolationView:
    return ViolationView(
        id=one.id,
        run_id=one.run_id,
        rule=one.rule,
        figure=one.figure,
        is_warning=one.is_warning,
        is_open=one.resolution_id is None and not one.is_warning,
        message=one.message,
        basis=one.basis,
        at=one.created_at,
        resolution_id=one.resolution_id,
    )


def _seal_view(read: _Read, seal: SealedAnswer) -> SealView:
    return SealView(
        model_version_id=seal.model_version_id,
        model_version=read.name_of(seal.model_version_id),
        pipeline_version=seal.pipeline_version,
        answer=json.loads(seal.answer),
        answer_sha256=seal.answer_sha256,
        tolerance={name: kind.tolerance for name, kind in FIGURES.items()},
        is_shipped=seal.is_shipped,
        at=seal.created_at,
    )


def _series(read: _Read) -> list[SeriesView]:
    """Every figure of every series with a run among those read, the newest series first."""
    groups: dict[Series, list[ControlRun]] = defaultdict(list)
    for run in read.runs:
        if run.measured_at is not None:
            groups[series_of(run)].append(run)
    newest_first = sorted(groups.items(), key=lambda one: one[1][-1].created_at, reverse=True)
    return [
        _series_view(read, series, figure, runs)
        for series, runs in newest_first
        for figure in TITLES
        if any(_value(run, figure) is not None for run in runs)
    ]


def _value(run: ControlRun, figure: str) -> float | None:
    return None if run.figures is None else run.figures.get(figure)


def _series_view(
    read: _Read, series: Series, figure: str, runs: Sequence[ControlRun]
) -> SeriesView:
    limits, is_frozen = _limits(read, series, figure, runs)
    points = []
    for run in runs:
        value = _value(run, figure)
        if value is None or run.measured_at is None:
            continue
        z = deviate(value, limits) if isinstance(limits, ControlLimits) else None
        rules = read.rules_of(run, figure)
        points.append(
            PointView(run.id, run.measured_at, value, z, rules, run.left_out_by is not None)
        )
    title, unit = TITLES[figure]
    return SeriesView(
        figure=figure,
        title=title,
        unit=unit,
        model_version_id=series.model_version_id,
        model_version=read.name_of(series.model_version_id),
        environment=series.environment or None,
        is_frozen=is_frozen,
        limits=limits,
        points=tuple(points[-SHOWN_RUNS:]),
    )


def _limits(
    read: _Read, series: Series, figure: str, runs: Sequence[ControlRun]
) -> tuple[ControlLimits | NotAssessable, bool]:
    """The limits in force for the next run, and whether they are frozen."""
    for seal in read.seals:
        if (seal.model_version_id, seal.pipeline_version) == (
            series.model_version_id,
            series.pipeline_version,
        ):
            return sealed_limits(json.loads(seal.answer))[figure], True
    frozen = read.frozen.get(series.key(figure))
    if frozen is not None:
        return limits_from_json(frozen.limits), True
    kept = [
        (value, run.measured_at)
        for run in runs
        if run.left_out_by is None and (value := _value(run, figure)) is not None
    ]
    days = [at.astimezone(dt.UTC).date() for _, at in kept if at is not None]
    return control_limits([value for value, _ in kept], days), False


def _standing(read: _Read, series: Sequence[SeriesView]) -> tuple[ControlState, str]:
    """Where the control stands, in one word and one sentence."""
    control = read.control
    if control.ended_at is not None:
        return ControlState.ENDED, f"Out of use: {control.ended_reason}"
    if read.open:
        # That sealed images do not answer as sealed says more than by how many deviations.
        first = next((one for one in read.open if one.rule == EXACT), read.open[-1])
        return ControlState.LOCKED, f"Release is locked by rule {first.rule}. {first.message}"
    if control.expires_on is not None and control.expires_on < read.today:
        return ControlState.EXPIRED, "The lot has expired; begin another."
    measured = [run for run in read.runs if run.measured_at is not None]
    if not measured:
        return _without_a_value(read)
    if control.kind == "digital":
        return ControlState.IN_CONTROL, "The last run answered exactly as sealed."
    return _wet_standing(series[0])


def _without_a_value(read: _Read) -> tuple[ControlState, str]:
    if read.runs:
        return ControlState.WAITING, "Its first run waits for the score of its sample."
    if read.control.kind == "digital":
        return ControlState.NOT_RUN, "Not run yet; the next worker that starts runs it."
    return ControlState.NOT_RUN, "Not run yet; measure it like a sample, or type a value."


def _wet_standing(newest: SeriesView) -> tuple[ControlState, str]:
    if newest.is_frozen:
        return ControlState.IN_CONTROL, "The last run is within its final limits."
    limits = newest.limits
    if isinstance(limits, NotAssessable):
        n_days = len({point.at.date() for point in newest.points})
        return (
            ControlState.PROVISIONAL,
            f"Runs on {n_days} of {FEWEST_RUNS} days; no limits yet: {limits.because}.",
        )
    return (
        ControlState.PROVISIONAL,
        f"Runs on {limits.n_days} of {FEWEST_RUNS} days; the limits are provisional until then.",
    )
