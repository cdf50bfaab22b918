"""A unit's scores over storage days, image and reference, with what they leave open."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor
from typing import Final

from app.charts.drawing import GRID, INK, MUTED, Axis, figure, line, text
from app.charts.scores import DEFAULT_AXIS, IMAGE, REFERENCE, Estimate
from app.domain.outlets import OUTLETS

DAY_STEPS: Final = (1, 2, 7, 14, 28, 56, 140, 280, 700, 1400)
"""Storage is counted in weeks, so the days at the axis are, too."""
MOST_TICKS: Final = 9
LEFT_PX, RIGHT_PX, TOP_PX, HEIGHT_PX = 58, 18, 34, 210
ASIDE_PX: Final = 5
"""Image and reference of one day stand side by side, so that neither hides the other."""


@dataclass(frozen=True)
class ChartedDay:
    """A sample at its storage day; without an image score it is a gap."""

    storage_day: int
    image: Estimate | None
    reference: Estimate | None


@dataclass(frozen=True)
class ChartedLine:
    """The fitted line between two days."""

    first_day: int
    last_day: int
    first_score: float
    last_score: float


@dataclass(frozen=True)
class _Plot:
    days: Axis
    scores: Axis

    def at(self, score: float) -> float:
        """Row of a score; what lies beyond the axis ends at its edge."""
        return self.scores.at(min(max(score, self.scores.low), self.scores.high))


def unit_history(
    days: Sequence[ChartedDay], fitted: ChartedLine | None, *, ident: str, width: int = 640
) -> str:
    """Image score and reference by storage day, each with its interval.

    Parameters
    ----------
    days
        In their order, one or more; two samples of one day stand above each other.
    fitted
        The line of the slope; None where it is not assessable.
    ident, width
        As in `app.charts.score_scale`.
    """
    plot = _Plot(_day_axis(days, width), _score_axis(days))
    marks = [_grid(plot), _joined(plot, days)]
    if fitted is not None:
        marks.append(_fitted(plot, fitted))
    for day in days:
        marks += _day_marks(plot, day)
    marks.append(_legend(days, has_line=fitted is not None))
    return figure(
        marks, (width, TOP_PX + HEIGHT_PX + 48), ident=ident,
        title="Rigidity score over storage days",
        description=". ".join(_spoken(day) for day in days),
    )  # fmt: skip


def _day_axis(days: Sequence[ChartedDay], width: int) -> Axis:
    """From day 0; a margin keeps the outermost marks off the edge."""
    last = max(7, *(day.storage_day for day in days))
    margin = last * 0.04
    return Axis(-margin, last + margin, LEFT_PX, width - RIGHT_PX)


def _score_axis(days: Sequence[ChartedDay]) -> Axis:
    """The usual 2 to 4, widened by halves, never beyond the outlets that there are."""
    shown = [one for day in days for one in (day.image, day.reference) if one is not None]
    low = min([DEFAULT_AXIS[0], *(floor(one.low * 2) / 2 for one in shown)])
    high = max([DEFAULT_AXIS[1], *(ceil(one.high * 2) / 2 for one in shown)])
    least, most = min(OUTLETS) - 0.5, max(OUTLETS) + 0.5
    return Axis(max(low, least), min(high, most), TOP_PX + HEIGHT_PX, TOP_PX)


def _grid(plot: _Plot) -> str:
    days, scores = plot.days, plot.scores
    marks = []
    for outlet in range(ceil(scores.low), floor(scores.high) + 1):
        row = scores.at(outlet)
        marks.append(line(days.start_px, row, days.end_px, row, GRID, 1))
        marks.append(text(str(outlet), days.start_px - 10, row + 5, size=14, anchor="end"))
    marks.append(line(days.start_px, scores.start_px, days.end_px, scores.start_px, MUTED, 1))
    for day in _day_ticks(days):
        column = days.at(day)
        marks.append(line(column, scores.start_px, column, scores.start_px + 5, MUTED, 1))
        marks.append(text(str(day), column, scores.start_px + 21, size=13, anchor="middle"))
    foot = scores.start_px + 40
    marks.append(text("storage day", days.end_px, foot, size=12, fill=MUTED, anchor="end"))
    marks.append(text("↑ more rigid", 0, foot, size=12, fill=MUTED))
    return "".join(marks)


def _day_ticks(days: Axis) -> range:
    last = floor(days.high)
    step = next((one for one in DAY_STEPS if last / one < MOST_TICKS), last)
    return range(0, last + 1, step)


def _joined(plot: _Plot, days: Sequence[ChartedDay]) -> str:
    """A thin line from score to score, open where a sample between them has none."""
    return "".join(
        line(
            plot.days.at(one.storage_day) - ASIDE_PX, plot.at(one.image.value),
            plot.days.at(other.storage_day) - ASIDE_PX, plot.at(other.image.value),
            IMAGE.colour, 1.25,
        )
        for one, other in pairwise(days)
        if one.image is not None and other.image is not None
    )  # fmt: skip


def _fitted(plot: _Plot, fitted: ChartedLine) -> str:
    return line(
        plot.days.at(fitted.first_day), plot.at(fitted.first_score),
        plot.days.at(fitted.last_day), plot.at(fitted.last_score), INK, 1.5, dash="2 4",
    )  # fmt: skip


def _day_marks(plot: _Plot, day: ChartedDay) -> list[str]:
    column = plot.days.at(day.storage_day)
    marks = []
    for series, estimate, aside in (
        (REFERENCE, day.reference, ASIDE_PX),
        (IMAGE, day.image, -ASIDE_PX),
    ):
        if estimate is not None:
            low, high = plot.at(estimate.low), plot.at(estimate.high)
            marks.append(line(column + aside, low, column + aside, high, series.colour, 2.5))
            marks.append(series.mark(column + aside, plot.at(estimate.value), 6))
    if day.image is None:
        marks.append(_cross(column - ASIDE_PX, plot.scores.start_px - 10))
    return marks


def _cross(column: float, row: float) -> str:
    reach = 5
    return line(column - reach, row - reach, column + reach, row + reach, MUTED, 2) + line(
        column - reach, row + reach, column + reach, row - reach, MUTED, 2
    )


def _legend(days: Sequence[ChartedDay], *, has_line: bool) -> str:
    marks, column = [], 0.0
    for series, is_there in (
        (IMAGE, any(day.image for day in days)),
        (REFERENCE, any(day.reference for day in days)),
    ):
        if is_there:
            marks += [series.mark(column + 6, 14, 5), text(series.name, column + 18, 19, size=13)]
            column += 32 + 7 * len(series.name)
    if any(day.image is None for day in days):
        marks += [_cross(column + 6, 14), text("No score", column + 18, 19, size=13)]
        column += 32 + 7 * len("No score")
    if has_line:
        marks += [
            line(column, 14, column + 22, 14, INK, 1.5, dash="2 4"),
            text("Slope", column + 28, 19, size=13),
        ]
    return "".join(marks)


def _spoken(day: ChartedDay) -> str:
    told = [
        f"{series.name} {estimate.value:.2f}, 95 % interval {estimate.low:.2f} to "
        f"{estimate.high:.2f}"
        for series, estimate in ((IMAGE, day.image), (REFERENCE, day.reference))
        if estimate is not None
    ]
    if day.image is None:
        told.insert(0, "no score")
    return f"Day {day.storage_day}: {', '.join(told)}"
