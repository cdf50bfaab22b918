"""What a candidate would change, drawn: each sample's old and new score on one axis."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Final

from app.charts.drawing import GRID, INK, MUTED, Axis, Series, diamond, dot, element, figure, line
from app.charts.drawing import text as label

ROW_PX: Final = 26
TOP_PX: Final = 40
LEAST_SPAN: Final = 1.0
"""Outlets; a few equal scores do not fill the drawing with their rounding."""

OLD: Final = Series("active version", "#51606f", None, dot)
NEW: Final = Series("candidate", "#0b4f9c", None, diamond)


def _tick(column: float, row: float, radius: float, colour: str) -> str:
    return line(column, row - radius, column, row + radius, colour, 3)


REFERENCE: Final = Series("reference", "#a34a00", None, _tick)


@dataclass(frozen=True)
class PlottedImpact:
    """One sample's row; `old_interval` is what was told with the old score."""

    name: str
    old: float
    old_interval: tuple[float, float] | None
    new: float
    reference: float | None


def impact_rows(samples: Sequence[PlottedImpact], *, ident: str, width: int = 720) -> str:
    """Old score with its interval, new score and reference, one row per sample.

    Parameters
    ----------
    samples
        One or more, with a score by both versions.
    ident, width
        As in `app.charts.score_scale`.
    """
    axis = _axis(samples, start_px=130, end_px=width - 24)
    baseline = TOP_PX + ROW_PX * len(samples)
    marks = [_legend(samples), _grid(axis, baseline)]
    marks += [
        _row(axis, sample, TOP_PX + ROW_PX * (place + 0.5)) for place, sample in enumerate(samples)
    ]
    spoken = ". ".join(f"{one.name}: {one.old:.2f} becomes {one.new:.2f}" for one in samples)
    return figure(
        marks, (width, baseline + 44), ident=ident,
        title="Scores by the active version and by the candidate", description=spoken,
    )  # fmt: skip


def _axis(samples: Sequence[PlottedImpact], *, start_px: float, end_px: float) -> Axis:
    values = [value for one in samples for value in _values(one)]
    low, high = floor(min(values) * 2) / 2, ceil(max(values) * 2) / 2
    return Axis(low, max(high, low + LEAST_SPAN), start_px, end_px)


def _values(sample: PlottedImpact) -> list[float]:
    told = [] if sample.old_interval is None else list(sample.old_interval)
    reference = [] if sample.reference is None else [sample.reference]
    return [sample.old, sample.new, *told, *reference]


def _legend(samples: Sequence[PlottedImpact]) -> str:
    has_reference = any(one.reference is not None for one in samples)
    shown = (OLD, NEW, REFERENCE) if has_reference else (OLD, NEW)
    return "".join(
        series.mark(10 + 132 * place, 14, 6) + label(series.name, 22 + 132 * place, 19, size=13)
        for place, series in enumerate(shown)
    )


def _grid(axis: Axis, baseline: float) -> str:
    marks = [line(axis.start_px, baseline, axis.end_px, baseline, MUTED, 1)]
    for half in range(ceil(axis.low * 2), floor(axis.high * 2) + 1):
        column = axis.at(half / 2)
        marks.append(line(column, TOP_PX - 6, column, baseline, GRID, 1))
        marks.append(label(f"{half / 2:g}", column, baseline + 18, size=13, anchor="middle"))
    caption = label("Rigidity score, outlet number", axis.end_px, baseline + 38, fill=MUTED,
                    size=12, anchor="end")  # fmt: skip
    return "".join(marks) + caption


def _row(axis: Axis, sample: PlottedImpact, row: float) -> str:
    old, new = axis.at(sample.old), axis.at(sample.new)
    marks = [label(sample.name, 0, row + 5, size=13, fill=INK)]
    if sample.old_interval is not None:
        low, high = (axis.at(end) for end in sample.old_interval)
        marks.append(element("rect", x=low, y=row - 5, width=high - low, height=10, fill="#e7ebef"))
    if sample.reference is not None:
        marks.append(REFERENCE.mark(axis.at(sample.reference), row, 9))
    marks.append(line(old, row, new, row, NEW.colour, 2))
    return "".join([*marks, OLD.mark(old, row, 5), NEW.mark(new, row, 5)])
