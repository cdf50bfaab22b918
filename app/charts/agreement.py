"""Agreement drawn: image against reference with the fitted lines, and their difference."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
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
)  # fmt: skip
from app.domain.method_comparison import BlandAltman, Estimate

IMAGE_COLOUR: Final = "#0b4f9c"
REFERENCE_COLOUR: Final = "#a34a00"
BIAS: Final = "bias"
BAND: Final = "#e3ecf6"
LIMIT_BAND: Final = "#f6e9dd"
TICKS: Final = 6
ROUNDING: Final = 1e-9
"""Of a step; a multiple of a decimal step may lie a hair beside it."""
LEFT_PX: Final = 66
GUTTER_PX: Final = 84
"""Right of the differences, where bias and limits are named without covering a pair."""
LEAST_SPAN: Final = 0.5
"""Outlets; few or equal pairs do not fill a chart with their rounding."""
LEGEND_ROW_PX: Final = 22


@dataclass(frozen=True)
class PlottedPair:
    """A pair as drawn; `number` is its row in the table beside the charts."""

    number: int
    reference: float
    image: float
    is_outlier: bool
    is_elsewhere: bool

    @property
    def mean(self) -> float:
        return (self.reference + self.image) / 2

    @property
    def difference(self) -> float:
        return self.image - self.reference


@dataclass(frozen=True)
class FittedLine:
    """``image = intercept + slope · reference``."""

    series: Series
    slope: float
    intercept: float


def _ring(column: float, row: float, radius: float, colour: str) -> str:
    return element("circle", cx=column, cy=row, r=radius, fill="#ffffff", stroke=colour,
                   stroke_width=2)  # fmt: skip


HERE: Final = Series("measured here", IMAGE_COLOUR, None, dot)
ELSEWHERE: Final = Series("measured elsewhere", IMAGE_COLOUR, None, _ring)
OUTLIER: Final = Series("outlier, with its row", REFERENCE_COLOUR, None, diamond)
IDENTITY: Final = Series("equal scores", MUTED, "2 4", dot)
DEMING: Final = Series("Deming", IMAGE_COLOUR, None, dot)
PASSING_BABLOK: Final = Series("Passing-Bablok", REFERENCE_COLOUR, "8 5", dot)


@dataclass(frozen=True)
class _Plot:
    """A box with two axes, and what lies in it."""

    columns: Axis
    rows: Axis

    def clipped(self, slope: float, intercept: float) -> tuple[float, float, float, float] | None:
        """The part of a line inside the box, as column, row, column, row in px."""
        start, end = self.columns.low, self.columns.high
        if slope == 0:
            if not self.rows.low <= intercept <= self.rows.high:
                return None
        else:
            crossings = sorted(
                (bound - intercept) / slope for bound in (self.rows.low, self.rows.high)
            )
            start, end = max(start, crossings[0]), min(end, crossings[1])
        if start >= end:
            return None
        return (
            self.columns.at(start), self.rows.at(intercept + slope * start),
            self.columns.at(end), self.rows.at(intercept + slope * end),
        )  # fmt: skip


def scatter(
    pairs: Sequence[PlottedPair], lines: Sequence[FittedLine], *, ident: str, width: int = 540
) -> str:
    """Image score over reference score, both in outlet numbers, with the line of equal scores.

    Parameters
    ----------
    pairs
        One or more.
    lines
        Those that could be fitted.
    ident, width
        As in `app.charts.score_scale`.
    """
    scores = [score for pair in pairs for score in (pair.reference, pair.image)]
    low, high = _widened(min(scores), max(scores))
    side = width - LEFT_PX - 16
    columns = Axis(low, high, LEFT_PX, LEFT_PX + side)
    rows = Axis(low, high, 14 + 0.8 * side, 14)
    plot = _Plot(columns, rows)
    marks = [_grid(plot, "Reference score, outlet number", "Image score, outlet number")]
    drawn = [FittedLine(IDENTITY, 1, 0), *lines]
    marks += [_line_mark(plot, one) for one in drawn]
    marks += [_pair_mark(pair, columns.at(pair.reference), rows.at(pair.image)) for pair in pairs]
    legend, bottom = _legend([*(one.series for one in drawn), *_kinds(pairs)],
                             [one.series for one in drawn], width, rows.start_px + 56)  # fmt: skip
    spoken = [f"{len(pairs)} pairs"]
    spoken += [
        f"{one.series.name}: image = {one.intercept:.2f} + {one.slope:.2f} × reference"
        for one in lines
    ]
    return figure(
        [*marks, legend], (width, bottom), ident=ident,
        title="Image score against reference score", description=". ".join(spoken),
    )  # fmt: skip


def differences(
    pairs: Sequence[PlottedPair],
    agreement: BlandAltman | None,
    *,
    ident: str,
    width: int = 540,
) -> str:
    """Image minus reference over the mean of both, with bias, limits and their intervals.

    Parameters
    ----------
    pairs
        One or more.
    agreement
        None where it could not be assessed; the points are drawn all the same.
    """
    named = _named_levels(agreement)
    reach = [0.0, *(pair.difference for pair in pairs)]
    reach += [end for _, one in named for end in (one.low, one.high) if end is not None]
    means = [pair.mean for pair in pairs]
    columns = Axis(*_widened(min(means), max(means)), LEFT_PX, width - GUTTER_PX)
    rows = Axis(*_widened(min(reach), max(reach)), 14 + 0.55 * (width - LEFT_PX), 14)
    plot = _Plot(columns, rows)
    # The band of the bias lies over those of the limits, which are wider.
    marks = [_band(plot, one, LIMIT_BAND) for name, one in named if name != BIAS]
    marks += [_band(plot, one, BAND) for name, one in named if name == BIAS]
    marks.append(_grid(plot, "Mean of both scores, outlet number", "Image − reference, outlets"))
    marks.append(line(columns.start_px, rows.at(0), columns.end_px, rows.at(0), INK, 1))
    marks += [_level(plot, one, name) for name, one in named]
    marks += [_pair_mark(pair, columns.at(pair.mean), rows.at(pair.difference)) for pair in pairs]
    legend, bottom = _legend(_kinds(pairs), [], width, rows.start_px + 56)
    spoken = [f"{len(pairs)} pairs", *(f"{name} {one.value:.2f}" for name, one in named)]
    return figure(
        [*marks, legend], (width, bottom), ident=ident,
        title="Difference of the two scores over their mean", description=". ".join(spoken),
    )  # fmt: skip


def _named_levels(agreement: BlandAltman | None) -> list[tuple[str, Estimate]]:
    if agreement is None:
        return []
    return [
        ("upper", agreement.upper_limit), (BIAS, agreement.bias), ("lower", agreement.lower_limit),
    ]  # fmt: skip


def tick_step(low: float, high: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that gives at most six parts."""
    rough = (high - low) / TICKS
    power = 10.0 ** floor(log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)


def _widened(low: float, high: float) -> tuple[float, float]:
    """Ends on ticks, a little beyond the outermost values."""
    margin = max(0.05 * (high - low), (LEAST_SPAN - (high - low)) / 2)
    low, high = low - margin, high + margin
    step = 0.0
    while step != tick_step(low, high):  # rounding outwards may ask for a wider step
        step = tick_step(low, high)
        low, high = floor(low / step + ROUNDING) * step, ceil(high / step - ROUNDING) * step
    return low, high


def _ticks(axis: Axis) -> list[float]:
    step = tick_step(axis.low, axis.high)
    first, last = ceil(axis.low / step - ROUNDING), floor(axis.high / step + ROUNDING)
    return [number * step for number in range(first, last + 1)]


def _tick_text(value: float, axis: Axis) -> str:
    digits = max(0, -floor(log10(tick_step(axis.low, axis.high)) + ROUNDING))
    shown = f"{value:.{digits}f}".replace("-", "−")
    return shown.removeprefix("−") if float(f"{value:.{digits}f}") == 0 else shown


def _grid(plot: _Plot, caption: str, row_caption: str) -> str:
    columns, rows = plot.columns, plot.rows
    marks = []
    for value in _ticks(columns):
        column = columns.at(value)
        marks.append(line(column, rows.end_px, column, rows.start_px, GRID, 1))
        label = _tick_text(value, columns)
        marks.append(text(label, column, rows.start_px + 18, size=12, fill=MUTED, anchor="middle"))
    for value in _ticks(rows):
        row = rows.at(value)
        marks.append(line(columns.start_px, row, columns.end_px, row, GRID, 1))
        label = _tick_text(value, rows)
        marks.append(text(label, columns.start_px - 8, row + 4, size=12, fill=MUTED, anchor="end"))
    middle, height = (columns.start_px + columns.end_px) / 2, (rows.start_px + rows.end_px) / 2
    marks.append(text(caption, middle, rows.start_px + 38, size=12, fill=MUTED, anchor="middle"))
    upright = element(
        "text", row_caption, fill=MUTED, font_size=12, text_anchor="middle",
        transform=f"translate(14 {height:g}) rotate(-90)",
    )  # fmt: skip
    return "".join([*marks, upright])


def _line_mark(plot: _Plot, fitted: FittedLine) -> str:
    ends = plot.clipped(fitted.slope, fitted.intercept)
    if ends is None:
        return ""
    width = 1.5 if fitted.series is IDENTITY else 2.5
    return line(*ends, fitted.series.colour, width, dash=fitted.series.dash)


def _pair_mark(pair: PlottedPair, column: float, row: float) -> str:
    if not pair.is_outlier:
        return _series_of(pair).mark(column, row, 5)
    label = text(str(pair.number), column + 8, row - 7, size=12, fill=REFERENCE_COLOUR)
    return OUTLIER.mark(column, row, 6) + label


def _series_of(pair: PlottedPair) -> Series:
    if pair.is_outlier:
        return OUTLIER
    return ELSEWHERE if pair.is_elsewhere else HERE


def _kinds(pairs: Sequence[PlottedPair]) -> list[Series]:
    present = {id(_series_of(pair)) for pair in pairs}
    return [series for series in (HERE, ELSEWHERE, OUTLIER) if id(series) in present]


def _band(plot: _Plot, estimate: Estimate, colour: str) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    top, bottom = plot.rows.at(estimate.high), plot.rows.at(estimate.low)
    return element(
        "rect", x=plot.columns.start_px, y=top, fill=colour, height=bottom - top,
        width=plot.columns.end_px - plot.columns.start_px,
    )  # fmt: skip


def _level(plot: _Plot, estimate: Estimate, name: str) -> str:
    row = plot.rows.at(estimate.value)
    colour = IMAGE_COLOUR if name == BIAS else REFERENCE_COLOUR
    start, end = plot.columns.start_px, plot.columns.end_px
    drawn = line(start, row, end, row, colour, 2, dash=None if name == BIAS else "8 5")
    shown = f"{name} {estimate.value:+.2f}".replace("-", "−")
    return drawn + text(shown, end + 6, row + 4, size=12, fill=colour)


def _legend(
    entries: Sequence[Series], lines: Sequence[Series], width: int, top: float
) -> tuple[str, float]:
    """Entries in as many rows as they need; the row below them."""
    marks, column, row = [], float(LEFT_PX), top
    for series in entries:
        is_line = series in lines
        reach = (44 if is_line else 22) + 7 * len(series.name) + 16
        if column + reach > width and column > LEFT_PX:
            column, row = float(LEFT_PX), row + LEGEND_ROW_PX
        if is_line:
            marks.append(line(column, row, column + 30, row, series.colour, 2, dash=series.dash))
        else:
            marks.append(series.mark(column + 8, row, 5))
        marks.append(text(series.name, column + (38 if is_line else 20), row + 4, size=12))
        column += reach
    return "".join(marks), row + 16
