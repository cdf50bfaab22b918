"""Rigidity scores drawn: on one scale, by well, and as cumulative shares over outlets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, floor
from typing import Final

from app.charts.drawing import (
    GRID,
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
from app.domain.outlets import CONSTRICTION_UM, OUTLETS

DEFAULT_AXIS: Final = (2.0, 4.0)
"""Outlet numbers between which the rigidity scores of nearly all donors lie."""


@dataclass(frozen=True)
class Estimate:
    """A rigidity score with its 95 % interval, in outlet numbers."""

    value: float
    low: float
    high: float


def score_scale(
    image: Estimate | None, reference: Estimate | None, *, ident: str, width: int = 640
) -> str:
    """Image score and reference on one axis, each a mark with its interval.

    Parameters
    ----------
    image, reference
        Scores in outlet numbers; None leaves the row out.
    ident
        Prefix of the ids that title and description carry; unique within a page.
    width
        Width of the drawing in px; text keeps its size.

    Returns
    -------
    str
        One ``svg`` element.
    """
    rows = [
        (series, estimate)
        for series, estimate in ((IMAGE, image), (REFERENCE, reference))
        if estimate is not None
    ]
    axis = _axis_for([estimate for _, estimate in rows], start_px=92, end_px=width - 30)
    baseline = 14 + 42 * max(len(rows), 1)
    marks = [_ruler(axis, baseline)]
    for position, (series, estimate) in enumerate(rows):
        centre = 28 + 42 * position
        marks.append(text(series.name, 0, centre + 5, size=14))
        marks.append(_interval(axis, estimate, centre, series.colour))
        marks.append(series.mark(axis.at(estimate.value), centre, 8))
    spoken = ". ".join(f"{series.name} {_spoken(estimate)}" for series, estimate in rows)
    title = "Rigidity scores on one scale"
    return figure(
        marks,
        (width, baseline + 66),
        ident=ident,
        title=title,
        description=spoken or "No score yet",
    )


def outlets_on_scale(estimates: Sequence[Estimate]) -> tuple[int, ...]:
    """The outlets that have a line on the scale of all of these."""
    axis = _axis_for(estimates, start_px=0, end_px=1)
    return tuple(range(ceil(axis.low), floor(axis.high) + 1))


def tiny_scale(
    image: Estimate,
    reference: Estimate | None,
    *,
    among: Sequence[Estimate] = (),
    width: int = 120,
) -> str:
    """The same scale for a table row; hidden from screen readers, since numbers stand beside it.

    `among` are the estimates of every row: all rows of a table share one scale.
    """
    estimates = [image] if reference is None else [image, reference]
    axis = _axis_for([*estimates, *among], start_px=6, end_px=width - 6)
    whole = range(ceil(axis.low), floor(axis.high) + 1)
    row, reference_row = (14, 14) if reference is None else (8, 20)
    marks = [line(axis.at(outlet), 2, axis.at(outlet), 26, GRID, 1.5) for outlet in whole]
    marks.append(line(axis.start_px, 14, axis.end_px, 14, GRID, 1.5))
    if reference is not None:
        marks.append(_interval(axis, reference, reference_row, REFERENCE.colour, reach=0))
        marks.append(REFERENCE.mark(axis.at(reference.value), reference_row, 4))
    marks.append(_interval(axis, image, row, IMAGE.colour, reach=0))
    marks.append(IMAGE.mark(axis.at(image.value), row, 4.5))
    return element(
        "svg", "".join(marks), viewBox=f"0 0 {width} 28", width=width, height=28,
        class_="chart", aria_hidden="true", focusable="false",
    )  # fmt: skip


def well_strip(
    scores: Mapping[str, float], donor: Estimate, *, ident: str, width: int = 560
) -> str:
    """Score of each well over the donor's interval, to see whether replicates agree."""
    wells = [Estimate(score, score, score) for score in scores.values()]
    axis = _axis_for([donor, *wells], start_px=110, end_px=width - 30)
    baseline = 10 + 30 * max(len(wells), 1)
    low, high = axis.at(donor.low), axis.at(donor.high)
    band = element("rect", x=low, y=6, width=high - low, height=baseline - 6, fill="#e3ecf6")
    marks = [band, _ruler(axis, baseline)]
    for position, (name, score) in enumerate(scores.items()):
        centre = 20 + 30 * position
        marks.append(text(name, 0, centre + 5, size=14))
        marks.append(IMAGE.mark(axis.at(score), centre, 6))
    spoken = ", ".join(f"{name} {score:.2f}" for name, score in scores.items())
    title = "Rigidity score of each well"
    description = f"{spoken}; the band is the donor score's 95 % interval"
    return figure(marks, (width, baseline + 66), ident=ident, title=title, description=description)


def cumulative_curves(
    image: Mapping[int, float] | None,
    reference: Mapping[int, float] | None,
    *,
    ident: str,
    width: int = 560,
) -> str:
    """Cumulative shares over outlets; where a curve crosses one half is its rigidity score.

    Parameters
    ----------
    image, reference
        Share of cells by outlet, 0 to 1; None leaves the curve out.
    ident, width
        As in `score_scale`.
    """
    given = [
        (series, shares) for series, shares in ((IMAGE, image), (REFERENCE, reference)) if shares
    ]
    last = max([5, *(_last_outlet(shares) for _, shares in given)])
    columns, rows = Axis(1, last, 52, width - 34), Axis(0, 1, 232, 44)
    curves = [(series, cumulated(shares, last)) for series, shares in given]
    marks = [_share_grid(columns, rows), _outlet_labels(columns, last, 251)]
    marks += [_legend_entry(series, 52 + 118 * n) for n, (series, _) in enumerate(curves)]
    marks += [_curve(columns, rows, series, points) for series, points in curves]
    spoken = ". ".join(
        f"{series.name}: " + ", ".join(f"{share:.0%} up to outlet {k}" for k, share in points)
        for series, points in curves
    )
    title = "Cumulative share of cells over outlets"
    return figure(
        marks, (width, 296), ident=ident, title=title, description=spoken or "No shares yet"
    )


def cumulated(shares: Mapping[int, float], last: int) -> list[tuple[int, float]]:
    """Cumulative share up to each outlet, 1 to `last`."""
    outlets = range(1, last + 1)
    totals = accumulate(shares.get(outlet, 0.0) for outlet in outlets)
    return list(zip(outlets, totals, strict=True))


IMAGE: Final = Series("Image", "#0b4f9c", None, dot)
REFERENCE: Final = Series("Reference", "#a34a00", "6 4", diamond)


def _axis_for(estimates: Sequence[Estimate], *, start_px: float, end_px: float) -> Axis:
    """The usual 2 to 4, widened by halves where a score or its interval lies outside."""
    low = min([DEFAULT_AXIS[0], *(floor(estimate.low * 2) / 2 for estimate in estimates)])
    high = max([DEFAULT_AXIS[1], *(ceil(estimate.high * 2) / 2 for estimate in estimates)])
    return Axis(low, high, start_px, end_px)


def _ruler(axis: Axis, baseline: float) -> str:
    """The axis line, halves as ticks, outlets as labelled lines with their constriction."""
    marks = [line(axis.start_px, baseline, axis.end_px, baseline, MUTED, 1)]
    for half in range(ceil(axis.low * 2), floor(axis.high * 2) + 1):
        position, is_outlet = axis.at(half / 2), half % 2 == 0
        reach = baseline + (7 if is_outlet else 4)
        marks.append(line(position, baseline, position, reach, MUTED, 1))
        if is_outlet:
            marks.append(line(position, 6, position, baseline, GRID, 1))
            marks.append(_outlet_label(half // 2, position, baseline + 23))
    low = baseline + 59
    marks.append(text("← more deformable", axis.start_px, low, fill=MUTED, size=12))
    marks.append(text("more rigid →", axis.end_px, low, fill=MUTED, size=12, anchor="end"))
    return "".join(marks)


def _outlet_label(outlet: int, column: float, row: float) -> str:
    number = text(str(outlet), column, row, size=14, anchor="middle")
    if outlet not in CONSTRICTION_UM:
        return number
    constriction = f"{CONSTRICTION_UM[outlet]:.2f} µm"
    return number + text(constriction, column, row + 15, fill=MUTED, size=11, anchor="middle")


def _outlet_labels(columns: Axis, last: int, row: float) -> str:
    """Outlet numbers under the curves; the constriction as well where there is room for it."""
    is_roomy = columns.at(2) - columns.at(1) > 52
    labels = [
        _outlet_label(outlet, columns.at(outlet), row)
        if is_roomy
        else text(str(outlet), columns.at(outlet), row, size=13, anchor="middle")
        for outlet in range(1, last + 1)
    ]
    caption = "outlet and its constriction" if is_roomy else "outlet"
    end = columns.end_px
    return "".join(labels) + text(caption, end, row + 36, fill=MUTED, size=12, anchor="end")


def _share_grid(columns: Axis, rows: Axis) -> str:
    marks = []
    for percent in (0, 25, 50, 75, 100):
        row, colour = rows.at(percent / 100), MUTED if percent == 50 else GRID
        marks.append(line(columns.start_px, row, columns.end_px, row, colour, 1))
        label = f"{percent} %"
        marks.append(text(label, columns.start_px - 8, row + 4, fill=MUTED, size=12, anchor="end"))
    return "".join(marks)


def _curve(columns: Axis, rows: Axis, series: Series, points: Sequence[tuple[int, float]]) -> str:
    places = [(columns.at(outlet), rows.at(share)) for outlet, share in points]
    drawn = element(
        "polyline", points=" ".join(f"{column:.1f},{row:.1f}" for column, row in places),
        fill="none", stroke=series.colour, stroke_width=2.5, stroke_dasharray=series.dash,
        stroke_linejoin="round",
    )  # fmt: skip
    return drawn + "".join(series.mark(column, row, 5) for column, row in places)


def _legend_entry(series: Series, start: float) -> str:
    sample = line(start, 16, start + 30, 16, series.colour, 2.5, dash=series.dash)
    return sample + series.mark(start + 15, 16, 5) + text(series.name, start + 38, 21, size=13)


def _interval(axis: Axis, estimate: Estimate, row: float, colour: str, *, reach: float = 6) -> str:
    low, high = axis.at(estimate.low), axis.at(estimate.high)
    ends = [line(end, row - reach, end, row + reach, colour, 2) for end in (low, high) if reach]
    return line(low, row, high, row, colour, 3) + "".join(ends)


def _spoken(estimate: Estimate) -> str:
    return f"{estimate.value:.2f}, 95 % interval {estimate.low:.2f} to {estimate.high:.2f}"


def _last_outlet(shares: Mapping[int, float]) -> int:
    return max((outlet for outlet in OUTLETS if shares.get(outlet, 0.0) > 0), default=1)
