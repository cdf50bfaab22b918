"""The controls' pages: where each stands in plain words, its charts, runs and broken rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.charts.controls import PlottedLimits, PlottedRun, levey_jennings
from app.dashboard.contexts.sample import Fact, TwoWidths
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import (
    Chip,
    FormValues,
    MomentText,
    chart_markup,
    counted_text,
    moment_text,
)
from app.domain.control_charts import ControlLimits, Rule
from app.domain.control_series import level
from app.domain.digital_control import FIGURES
from app.services.control_facts import (
    ControlState,
    ControlView,
    PointView,
    RunView,
    SealView,
    SeriesView,
)
from app.services.control_upkeep import SampleChoice

WIDE_PX: Final = 620
NARROW_PX: Final = 340
CHARTED_RUNS: Final = 40
STATES: Final = {
    ControlState.NOT_RUN: Chip("Not run yet"),
    ControlState.WAITING: Chip("Waiting for a score", "busy"),
    ControlState.LOCKED: Chip("Release locked", "bad"),
    ControlState.PROVISIONAL: Chip("Provisional limits", "warning"),
    ControlState.IN_CONTROL: Chip("In control", "good"),
    ControlState.EXPIRED: Chip("Expired", "warning"),
    ControlState.ENDED: Chip("Ended"),
}
KINDS: Final = {"digital": "Sealed images", "wet": "Control cells"}
TRIGGERS: Final = {
    "start": "Worker's start",
    "nightly": "Nightly",
    "asked": "Asked for",
    "sample": "Sample",
    "typed": "Typed",
}
CHART_FIRST: Final = ("rigidity_score", "mean_p_deformable")
"""The figure that stands for its control in the list."""


@dataclass(frozen=True)
class ControlChart:
    title: str
    chart: TwoWidths
    caption: str


@dataclass(frozen=True)
class ControlCard:
    href: str
    name: str
    kind: str
    state: Chip
    statement: str
    facts: tuple[Fact, ...]
    chart: ControlChart | None
    is_locked: bool


@dataclass(frozen=True)
class ControlsPage:
    """`wet_statement` says whether release needs control cells at this site."""

    cards: tuple[ControlCard, ...]
    ended: tuple[ControlCard, ...]
    has_lot: bool
    wet_statement: str
    may_manage: bool
    values: FormValues
    notice: Notice | None


@dataclass(frozen=True)
class SealedRow:
    """One figure of sealed images: what was sealed, what was found last, what is allowed."""

    title: str
    sealed: str
    found: str
    difference: str
    allowed: str
    is_wrong: bool


@dataclass(frozen=True)
class RunRow:
    when: MomentText
    came_of: str
    sample_href: str | None
    value: str
    rules: str
    message: str | None
    model_version: str
    is_left_out: bool


@dataclass(frozen=True)
class ViolationRow:
    when: MomentText
    rule: str
    message: str
    is_warning: bool
    is_open: bool
    resolution: str | None


@dataclass(frozen=True)
class SampleOption:
    id: str
    text: str


@dataclass(frozen=True)
class ControlPage:
    card: ControlCard
    is_digital: bool
    is_in_use: bool
    is_shipped: bool
    charts: tuple[ControlChart, ...]
    sealed: tuple[SealedRow, ...]
    runs: tuple[RunRow, ...]
    violations: tuple[ViolationRow, ...]
    methods: str
    samples: tuple[SampleOption, ...]
    may_run: bool
    may_manage: bool
    values: FormValues
    notice: Notice | None


def controls_page(
    views: Sequence[ControlView],
    *,
    wet_control: bool,
    may_manage: bool,
    values: FormValues,
    notice: Notice | None,
) -> ControlsPage:
    in_use = [view for view in views if view.state is not ControlState.ENDED]
    ended = [view for view in views if view.state is ControlState.ENDED]
    return ControlsPage(
        cards=tuple(_card(view) for view in in_use),
        ended=tuple(_card(view) for view in ended),
        has_lot=any(view.kind == "wet" for view in in_use),
        wet_statement=(
            "Release needs a run of control cells each day (PLIANT_WET_CONTROL=1)."
            if wet_control
            else "Release does not need control cells at this site, and reports say so "
            "(PLIANT_WET_CONTROL=0). Runs recorded here are charted all the same."
        ),
        may_manage=may_manage,
        values=values,
        notice=notice,
    )


def control_page(
    view: ControlView,
    samples: Sequence[SampleChoice],
    *,
    may_run: bool,
    may_manage: bool,
    values: FormValues,
    notice: Notice | None,
) -> ControlPage:
    return ControlPage(
        card=_card(view),
        is_digital=view.kind == "digital",
        is_in_use=view.state not in (ControlState.ENDED, ControlState.EXPIRED),
        is_shipped=view.is_shipped,
        charts=tuple(_chart(one) for one in _charted(view)),
        sealed=_sealed_rows(view),
        runs=tuple(_run_row(run) for run in view.runs),
        violations=_violations(view),
        methods=", ".join((view.methods.limits, view.methods.rules, view.methods.digital)),
        samples=tuple(
            SampleOption(str(one.id), f"{one.donor_code}, {moment_text(one.created_at).text}")
            for one in samples
        ),
        may_run=may_run,
        may_manage=may_manage,
        values=values,
        notice=notice,
    )


def _card(view: ControlView) -> ControlCard:
    charted = _charted(view)
    first = next((one for one in charted if one.figure in CHART_FIRST), None)
    return ControlCard(
        href=f"/controls/{view.id}",
        name=view.name,
        kind=KINDS[view.kind],
        state=STATES[view.state],
        statement=view.statement,
        facts=tuple(_facts(view)),
        chart=None if first is None else _chart(first),
        is_locked=view.state is ControlState.LOCKED,
    )


def _facts(view: ControlView) -> list[Fact]:
    facts = [Fact("Last run", _last_run(view.last_run))]
    if view.expires_on is not None:
        facts.append(Fact("Expires", f"{view.expires_on:%-d %b %Y}"))
    if view.n_images is not None:
        shipped = "ship with Pliant" if view.is_shipped else "of this site"
        facts.append(Fact("Images", f"{counted_text(view.n_images, 'image')}, {shipped}"))
    if view.content_sha256 is not None:
        facts.append(Fact("Seal", view.content_sha256[:16]))
    return facts


def _last_run(run: RunView | None) -> str:
    if run is None:
        return "none yet"
    return moment_text(run.measured_at or run.created_at).text


def _charted(view: ControlView) -> list[SeriesView]:
    """The newest series of each figure: earlier ones belong to other versions or machines."""
    newest: dict[str, SeriesView] = {}
    for series in view.series:
        newest.setdefault(series.figure, series)
    order = [*CHART_FIRST, *newest]
    return [newest[figure] for figure in dict.fromkeys(order) if figure in newest]


def _chart(series: SeriesView) -> ControlChart:
    unit = f", {series.unit}" if series.unit else ""
    title = f"{series.title}{unit}"
    points = series.points[-CHARTED_RUNS:]
    runs = [_plotted(point) for point in points]
    limits = _plotted_limits(series)
    wide, narrow = (
        chart_markup(
            levey_jennings(
                runs, limits, title=title, width=width,
                ident=f"chart-{series.figure}-{points[-1].run_id}-{width}",
            )
        )
        for width in (WIDE_PX, NARROW_PX)
    )  # fmt: skip
    return ControlChart(title, TwoWidths(wide, narrow), _caption(series))


def _plotted(point: PointView) -> PlottedRun:
    return PlottedRun(
        at=point.at,
        value=point.value,
        rule=", ".join(_telling(point.rules)) or None,
        is_left_out=point.is_left_out,
    )


def _telling(rules: Sequence[str]) -> list[str]:
    """Without the warning, where a rule that rejects says more."""
    rejecting = [rule for rule in rules if rule != Rule.ONE_2S]
    return rejecting or list(rules)


def _plotted_limits(series: SeriesView) -> PlottedLimits | None:
    limits = series.limits
    if not isinstance(limits, ControlLimits):
        return None
    low3, low2, low1, mean, high1, high2, high3 = (level(n, limits) for n in range(-3, 4))
    return PlottedLimits(
        (low3, low2, low1, mean, high1, high2, high3), is_provisional=limits.is_provisional
    )


def _caption(series: SeriesView) -> str:
    limits = series.limits
    version = f" Model version {series.model_version}." if series.model_version else ""
    if not isinstance(limits, ControlLimits):
        return f"No limits yet: {limits.because}.{version}"
    if series.environment is not None:
        return f"The mean is the sealed answer, 3 SD the largest difference allowed.{version}"
    if limits.is_provisional:
        return (
            f"Provisional limits from runs on {counted_text(limits.n_days, 'day')}, wider than "
            f"plain standard deviations because so few are known.{version}"
        )
    return f"Limits from the first {limits.n_runs} runs, frozen for this lot.{version}"


def _sealed_rows(view: ControlView) -> tuple[SealedRow, ...]:
    run = view.last_run
    seal = _seal_of(view, run)
    if run is None or seal is None:
        return ()
    found = run.figures or {}
    return tuple(
        _sealed_row(name, expected, found.get(name))
        for name, expected in seal.answer.items()
        if name in FIGURES
    )


def _seal_of(view: ControlView, run: RunView | None) -> SealView | None:
    if run is None:
        return None
    return next(
        (
            seal
            for seal in view.sealed
            if (seal.model_version, seal.pipeline_version)
            == (run.model_version, run.pipeline_version)
        ),
        None,
    )


def _sealed_row(name: str, expected: float, found: float | None) -> SealedRow:
    kind = FIGURES[name]
    title = f"{kind.title}, {kind.unit}" if kind.unit else kind.title
    if found is None:
        return SealedRow(title, f"{expected:.6g}", "none", "", f"{kind.tolerance:g}", is_wrong=True)
    difference = found - expected
    told = "none" if difference == 0 else f"{difference:+.2g}".replace("-", "−")
    is_wrong = not abs(difference) <= kind.tolerance
    return SealedRow(
        title, f"{expected:.6g}", f"{found:.6g}", told, f"{kind.tolerance:g}", is_wrong
    )


def _run_row(run: RunView) -> RunRow:
    figures = run.figures or {}
    value = next((figures[name] for name in CHART_FIRST if figures.get(name) is not None), None)
    waiting = "waits for its score" if run.measured_at is None else "none"
    return RunRow(
        when=moment_text(run.measured_at or run.created_at),
        came_of=TRIGGERS[run.trigger],
        sample_href=None if run.sample_id is None else f"/samples/{run.sample_id}",
        value=waiting if value is None else f"{value:.4g}",
        rules=", ".join(dict.fromkeys(run.rules)),
        message=run.message,
        model_version=run.model_version or "",
        is_left_out=run.is_left_out,
    )


def _violations(view: ControlView) -> tuple[ViolationRow, ...]:
    told = {
        one.id: f"{one.cause} Done: {one.action} ({moment_text(one.at).text})"
        for one in view.resolutions
    }
    return tuple(
        ViolationRow(
            when=moment_text(one.at),
            rule=one.rule,
            message=one.message,
            is_warning=one.is_warning,
            is_open=one.is_open,
            resolution=None if one.resolution_id is None else told.get(one.resolution_id),
        )
        for one in view.violations
    )
