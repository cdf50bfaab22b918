"""A training run drawn: loss and accuracy over epochs, one curve for each fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, floor
from typing import Final

from app.charts.agreement import tick_step
from app.charts.drawing import GRID, MUTED, Axis, dot, element, figure, line, text

CURRENT: Final = "#0b4f9c"
EARLIER: Final = "#8a98a6"
LEFT_PX: Final = 54
RIGHT_PX: Final = 84
"""Room beside the newest curve for its name."""


@dataclass(frozen=True)
class EpochPoint:
    """One quantity after one epoch of one fit; `fit` numbers the fits of the run."""

    fit: int
    name: str
    epoch: int
    epochs: int
    value: float


def training_curves(
    points: Sequence[EpochPoint], *, quantity: str, ident: str, width: int = 540
) -> str:
    """Draw a quantity over epochs, the newest fit on top and named, the earlier ones behind it.

    Parameters
    ----------
    points
        One or more, fit by fit, epochs ascending.
    quantity
        Its name, for the axis and for readers; ``accuracy`` ends at 1, anything else begins at 0.
    ident, width
        As in `app.charts.score_scale`.
    """
    fits = {fit: list(own) for fit, own in groupby(points, key=lambda point: point.fit)}
    most = max(point.epochs for point in points)
    columns = Axis(min(1, most - 1), most, LEFT_PX, width - RIGHT_PX)
    rows = Axis(*_reach(points, quantity), 0.45 * width, 14)
    newest = points[-1]
    marks = [_grid(columns, rows, quantity)]
    marks += [_curve(own, columns, rows, EARLIER, 1.5) for own in _earlier(fits, newest.fit)]
    marks.append(_curve(fits[newest.fit], columns, rows, CURRENT, 3))
    end = (columns.at(newest.epoch), rows.at(newest.value))
    marks.append(dot(*end, 5, CURRENT))
    marks.append(text(newest.name, end[0] + 10, end[1] + 4, size=13, fill=CURRENT))
    spoken = "; ".join(
        f"{own[-1].name}: {own[-1].value:.3f} after {own[-1].epoch} of {own[-1].epochs} epochs"
        for own in fits.values()
    )
    return figure(
        marks, (width, 0.45 * width + 44), ident=ident, title=f"{quantity.capitalize()} by epoch",
        description=spoken,
    )  # fmt: skip


def _earlier(fits: Mapping[int, Sequence[EpochPoint]], newest: int) -> list[Sequence[EpochPoint]]:
    return [own for fit, own in fits.items() if fit != newest]


def _reach(points: Sequence[EpochPoint], quantity: str) -> tuple[float, float]:
    values = [point.value for point in points]
    if quantity == "accuracy":
        return min(0.9, floor(10 * min(values)) / 10), 1.0
    step = tick_step(0, max(*values, 1e-3))
    return 0.0, ceil(max(values) / step) * step or step


def _curve(
    points: Sequence[EpochPoint], columns: Axis, rows: Axis, colour: str, width: float
) -> str:
    places = " ".join(
        f"{columns.at(point.epoch):.1f},{rows.at(point.value):.1f}" for point in points
    )
    return element(
        "polyline", points=places, fill="none", stroke=colour, stroke_width=width,
        stroke_linejoin="round",
    )  # fmt: skip


def _grid(columns: Axis, rows: Axis, quantity: str) -> str:
    marks = [
        line(columns.start_px, rows.at(value), columns.end_px, rows.at(value), GRID, 1)
        + text(f"{value:g}", columns.start_px - 8, rows.at(value) + 4, size=12, fill=MUTED,
               anchor="end")
        for value in _ticks(rows)
    ]  # fmt: skip
    marks += [
        text(f"{epoch:g}", columns.at(epoch), rows.start_px + 18, size=12, fill=MUTED,
             anchor="middle")
        for epoch in _epochs(columns)
    ]  # fmt: skip
    middle = (columns.start_px + columns.end_px) / 2
    caption = f"{quantity.capitalize()} on the cells fitted to, over epochs"
    marks.append(text(caption, middle, rows.start_px + 38, size=13, fill=MUTED, anchor="middle"))
    return "".join(marks)


def _ticks(axis: Axis) -> list[float]:
    step = tick_step(axis.low, axis.high)
    count = round((axis.high - axis.low) / step)
    return [round(axis.low + place * step, 6) for place in range(count + 1)]


def _epochs(columns: Axis) -> list[int]:
    step = max(1, ceil((columns.high - columns.low) / 6))
    return list(range(int(columns.low), int(columns.high) + 1, step))
