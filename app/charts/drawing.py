"""Marks of SVG: the one place that writes elements and escapes what it is given.

Marks carry presentation attributes, so that the same text looks right without a style sheet. No
inline style: the pages' content policy forbids it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Final

INK: Final = "#1b2733"
MUTED: Final = "#51606f"
GRID: Final = "#d5dce3"
FONT: Final = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"


@dataclass(frozen=True)
class Axis:
    """A linear axis from a quantity to px."""

    low: float
    high: float
    start_px: float
    end_px: float

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start_px + share * (self.end_px - self.start_px)


@dataclass(frozen=True)
class Series:
    """How one quantity looks in every chart: colour, shape and dash, so never colour alone."""

    name: str
    colour: str
    dash: str | None
    draw: Callable[[float, float, float, str], str]

    def mark(self, column: float, row: float, radius: float) -> str:
        return self.draw(column, row, radius, self.colour)


def dot(column: float, row: float, radius: float, colour: str) -> str:
    return element(
        "circle", cx=column, cy=row, r=radius, fill=colour, stroke="#ffffff", stroke_width=1.5
    )


def diamond(column: float, row: float, radius: float, colour: str) -> str:
    reach = radius * 1.15
    corners = [(0, -reach), (reach, 0), (0, reach), (-reach, 0)]
    points = " ".join(f"{column + dx:.1f},{row + dy:.1f}" for dx, dy in corners)
    return element("polygon", points=points, fill="#ffffff", stroke=colour, stroke_width=2.5)


def figure(
    marks: Sequence[str], size: tuple[int, float], *, ident: str, title: str, description: str
) -> str:
    width, height = size
    names = element("title", escape(title), id=f"{ident}-title")
    names += element("desc", escape(description), id=f"{ident}-desc")
    return element(
        "svg", names + "".join(marks), xmlns="http://www.w3.org/2000/svg", class_="chart",
        viewBox=f"0 0 {width} {height:g}", width=width, height=height, role="img",
        aria_labelledby=f"{ident}-title {ident}-desc", font_family=FONT,
    )  # fmt: skip


def line(
    column: float, row: float, to_column: float, to_row: float, colour: str, width: float,
    *, dash: str | None = None,
) -> str:  # fmt: skip
    return element(
        "line", x1=column, y1=row, x2=to_column, y2=to_row, stroke=colour, stroke_width=width,
        stroke_dasharray=dash,
    )  # fmt: skip


def text(
    content: str, column: float, row: float, *, size: int, fill: str = INK, anchor: str = "start"
) -> str:
    return element(
        "text", escape(content), x=column, y=row, fill=fill, font_size=size, text_anchor=anchor
    )


def element(tag: str, inner: str = "", **attributes: str | float | None) -> str:
    """One element; attribute values are escaped here, `inner` is markup already."""
    written = "".join(
        f' {_attribute_name(name)}="{_written(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return f"<{tag}{written}>{inner}</{tag}>"


@cache
def _attribute_name(name: str) -> str:
    return name if name == "viewBox" else name.rstrip("_").replace("_", "-")


def _written(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else f"{value:.6g}"
