"""A Levey-Jennings chart: runs of one figure in order, with the lines of its limits."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.charts.drawing import (
    GRID,
    INK,
    MUTED,
    Axis,
    Series,
    diamond,
    dot,
    element,
    figure,
    line,
    text,
)

COLOUR: Final = "#0b4f9c"
BROKEN_COLOUR: Final = "#a34a00"
BAND: Final = "#e3ecf6"
LEFT_PX: Final = 12
GUTTER_PX: Final = 116
"""Right of the runs, where the lines are named without covering one."""
TOP_PX: Final = 22
HEIGHT_PX: Final = 190
FURTHEST_SD: Final = 4.5
"""Runs further out are drawn at the edge with their value, lest one flattens the rest."""
LEAST_SPAN: Final = 1e-6


def _ring(column: float, row: float, radius: float, colour: str) -> str:
    return element("circle", cx=column, cy=row, r=radius, fill="#ffffff", stroke=colour,
                   stroke_width=2)  # fmt: skip


RUN: Final = Series("run", COLOUR, None, dot)
BROKEN: Final = Series("breaks a rule", BROKEN_COLOUR, None, diamond)
LEFT_OUT: Final = Series("left out, with a cause", MUTED, None, _ring)


@dataclass(frozen=True)
class PlottedRun:
    """A run as drawn; `rule` is what it breaks, if it does."""

    at: dt.datetime
    value: float
    rule: str | None = None
    is_left_out: bool = False

    @property
    def series(self) -> Series:
        if self.is_left_out:
            return LEFT_OUT
        return RUN if self.rule is None else BROKEN


@dataclass(frozen=True)
class PlottedLimits:
    """Where the lines lie: at -3 to +3 standard deviations, the mean in the middle."""

    levels: tuple[float, float, float, float, float, float, float]
    is_provisional: bool

    @property
    def mean(self) -> float:
        return self.levels[3]


def levey_jennings(
    runs: Sequence[PlottedRun],
    limits: PlottedLimits | None,
    *,
    title: str,
    ident: str,
    width: int = 540,
) -> str:
    """Runs from left to right in the order they were made, equally far apart.

    Parameters
    ----------
    runs
        One or more.
    limits
        None where there are none yet; the runs are drawn all the same.
    title
        The figure, with its unit.
    ident, width
        As in `app.charts.score_scale`.
    """
    rows = _rows(runs, limits)
    columns = Axis(-0.5, max(len(runs), 10) - 0.5, LEFT_PX, width - GUTTER_PX)
    marks = [] if limits is None else _limit_marks(limits, columns, rows)
    marks += [_frame(columns, rows), _path(runs, columns, rows)]
    marks += [_mark(run, columns.at(place), rows) for place, run in enumerate(runs)]
    marks += _days(runs, columns, rows)
    legend = _legend(runs, rows.start_px + 42)
    return figure(
        [*marks, legend], (width, rows.start_px + 56), ident=ident, title=title,
        description=_spoken(runs, limits),
    )  # fmt: skip


def _rows(runs: Sequence[PlottedRun], limits: PlottedLimits | None) -> Axis:
    values = [run.value for run in runs]
    if limits is None:
        low, high = min(values), max(values)
    else:
        reach = FURTHEST_SD / 3
        low = limits.mean - reach * (limits.mean - limits.levels[0])
        high = limits.mean + reach * (limits.levels[-1] - limits.mean)
    span = max(high - low, LEAST_SPAN * max(1.0, abs(high)))
    margin = 0.02 * span if limits is not None else 0.3 * span
    return Axis(low - margin, high + margin, TOP_PX + HEIGHT_PX, TOP_PX)


def _limit_marks(limits: PlottedLimits, columns: Axis, rows: Axis) -> list[str]:
    low, high = rows.at(limits.levels[5]), rows.at(limits.levels[1])
    marks = [
        element(
            "rect", x=columns.start_px, y=low, fill=BAND, height=high - low,
            width=columns.end_px - columns.start_px,
        )
    ]  # fmt: skip
    for n_sd, level in zip(range(-3, 4), limits.levels, strict=True):
        row = rows.at(level)
        colour = INK if n_sd == 0 else BROKEN_COLOUR if abs(n_sd) == 3 else MUTED
        dash = None if n_sd == 0 else "8 5" if abs(n_sd) == 3 else "2 4"
        marks.append(line(columns.start_px, row, columns.end_px, row, colour, 1.2, dash=dash))
        if n_sd in (-3, 0, 3):
            name = "mean" if n_sd == 0 else f"{n_sd:+d} SD".replace("-", "−")
            label = f"{name} {value_text(level, limits)}"
            marks.append(text(label, columns.end_px + 6, row + 4, size=12, fill=colour))
    return marks


def value_text(value: float, limits: PlottedLimits | None) -> str:
    """As many digits as tell the lines apart."""
    step = 0.0 if limits is None else (limits.levels[-1] - limits.levels[0]) / 6
    digits = next((d for d in range(2, 7) if step >= 2 * 10.0**-d), 6)
    return f"{value:.{digits}f}".replace("-", "−")


def _frame(columns: Axis, rows: Axis) -> str:
    return line(columns.start_px, rows.start_px, columns.end_px, rows.start_px, GRID, 1)


def _path(runs: Sequence[PlottedRun], columns: Axis, rows: Axis) -> str:
    kept = [(place, run) for place, run in enumerate(runs) if not run.is_left_out]
    points = " ".join(f"{columns.at(p):.1f},{_row(run, rows):.1f}" for p, run in kept)
    return element("polyline", points=points, fill="none", stroke=COLOUR, stroke_width=1.2)


def _row(run: PlottedRun, rows: Axis) -> float:
    return rows.at(min(max(run.value, rows.low), rows.high))


def _mark(run: PlottedRun, column: float, rows: Axis) -> str:
    row = _row(run, rows)
    mark = run.series.mark(column, row, 4 if run.series is RUN else 6)
    is_beyond = not rows.low <= run.value <= rows.high
    told = [] if run.rule is None else [run.rule]
    told += [f"{run.value:.4g}"] if is_beyond else []
    if not told:
        return mark
    above = row < (rows.start_px + rows.end_px) / 2
    label = text(
        " ".join(told), column, row - 9 if above else row + 19, size=12, fill=BROKEN_COLOUR,
        anchor="middle",
    )  # fmt: skip
    return mark + label


def _days(runs: Sequence[PlottedRun], columns: Axis, rows: Axis) -> list[str]:
    """The first and the last day, below the runs they belong to."""
    row = rows.start_px + 18
    first = text(f"{runs[0].at:%-d %b %Y}", columns.start_px, row, size=12, fill=MUTED)
    if runs[0].at.date() == runs[-1].at.date():
        return [first]
    place = max(columns.at(len(runs) - 1), columns.start_px + 180)
    return [
        first, text(f"{runs[-1].at:%-d %b %Y}", place, row, size=12, fill=MUTED, anchor="end"),
    ]  # fmt: skip


def _legend(runs: Sequence[PlottedRun], row: float) -> str:
    present = {run.series.name for run in runs}
    marks, column = [], float(LEFT_PX)
    for series in (RUN, BROKEN, LEFT_OUT):
        if series.name in present:
            marks.append(series.mark(column + 6, row, 5))
            marks.append(text(series.name, column + 18, row + 4, size=12))
            column += 18 + 7 * len(series.name) + 18
    return "".join(marks)


def _spoken(runs: Sequence[PlottedRun], limits: PlottedLimits | None) -> str:
    spoken = [
        f"{len(runs)} runs from {runs[0].at:%-d %b %Y} to {runs[-1].at:%-d %b %Y}",
        f"last {value_text(runs[-1].value, limits)}",
    ]
    if limits is None:
        spoken.append("no limits yet")
    else:
        kind = "provisional limits" if limits.is_provisional else "limits"
        low, high = (value_text(limits.levels[place], limits) for place in (0, -1))
        spoken.append(f"mean {value_text(limits.mean, limits)}, {kind} {low} to {high}")
    broken = [run.rule for run in runs if run.rule is not None]
    spoken.append(f"rules broken: {', '.join(broken)}" if broken else "no rule broken")
    return ". ".join(spoken)
