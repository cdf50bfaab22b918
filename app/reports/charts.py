"""Charts of the pages on a sheet: the few kinds of marks that `app.charts.drawing` writes."""

from collections.abc import Callable, Mapping
from typing import Final
from xml.etree import ElementTree as ET

from app.reports.drawing import Paint, Sheet

SVG: Final = "{http://www.w3.org/2000/svg}"
SPOKEN: Final = (f"{SVG}title", f"{SVG}desc")
"""What a chart says to a screen reader; the page says it beside the chart."""


def chart_height(svg: str, width: float) -> float:
    """Of a chart that is made so wide."""
    _, _, columns, rows = _view_box(_read(svg))
    return width * rows / columns


def draw_chart(sheet: Sheet, svg: str, column: float, row: float, width: float) -> None:
    """Put a chart's upper left corner here, so wide.

    Raises
    ------
    KeyError
        It holds a kind of mark that charts did not have before.
    """
    chart = _read(svg)
    placed = _Placed(sheet, column, row, width / _view_box(chart)[2])
    for mark in chart:
        if mark.tag not in SPOKEN:
            MARKS[mark.tag.removeprefix(SVG)](placed, mark)


def _read(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314  the one source is app.charts


def _view_box(chart: ET.Element) -> list[float]:
    return [float(part) for part in chart.attrib["viewBox"].split()]


class _Placed:
    """A chart's px on the sheet."""

    def __init__(self, sheet: Sheet, column: float, row: float, scale: float) -> None:
        self.sheet, self._column, self._row, self.scale = sheet, column, row, scale

    def at(self, column: str | float, row: str | float) -> tuple[float, float]:
        return (
            self._column + self.scale * float(column),
            self._row + self.scale * float(row),
        )

    def paint(self, mark: ET.Element, *, filled: bool = True) -> Paint:
        stroke, fill = mark.get("stroke"), mark.get("fill") if filled else None
        dash = mark.get("stroke-dasharray")
        return Paint(
            stroke=stroke,
            fill=None if fill == "none" else fill,
            width=self.scale * float(mark.get("stroke-width", "1")),
            dash=dash and " ".join(f"{self.scale * float(part):g}" for part in dash.split()),
        )


def _line(placed: _Placed, mark: ET.Element) -> None:
    ends = [placed.at(mark.attrib[f"x{end}"], mark.attrib[f"y{end}"]) for end in (1, 2)]
    placed.sheet.path(ends, placed.paint(mark, filled=False), closed=False)


def _circle(placed: _Placed, mark: ET.Element) -> None:
    column, row = placed.at(mark.attrib["cx"], mark.attrib["cy"])
    radius = placed.scale * float(mark.attrib["r"])
    placed.sheet.circle(column, row, radius, placed.paint(mark))


def _rect(placed: _Placed, mark: ET.Element) -> None:
    column, row = placed.at(mark.attrib["x"], mark.attrib["y"])
    width, height = (placed.scale * float(mark.attrib[side]) for side in ("width", "height"))
    placed.sheet.box(column, row, width, height, placed.paint(mark))


def _polygon(placed: _Placed, mark: ET.Element) -> None:
    closed = mark.tag == f"{SVG}polygon"
    places = [placed.at(*place.split(",")) for place in mark.attrib["points"].split()]
    placed.sheet.path(places, placed.paint(mark), closed=closed)


def _text(placed: _Placed, mark: ET.Element) -> None:
    column, row = placed.at(mark.attrib["x"], mark.attrib["y"])
    placed.sheet.text(
        mark.text or "",
        column,
        row,
        size=placed.scale * float(mark.attrib["font-size"]),
        colour=mark.attrib["fill"],
        anchor=mark.get("text-anchor", "start"),
    )


MARKS: Final[Mapping[str, Callable[[_Placed, ET.Element], None]]] = {
    "line": _line,
    "circle": _circle,
    "rect": _rect,
    "polygon": _polygon,
    "polyline": _polygon,
    "text": _text,
}
