"""Marks on a PDF page, measured in points from its top left corner as in the charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from reportlab.lib.colors import HexColor
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from app.reports.typography import (
    BOLD,
    REGULAR,
    cut_to,
    runs_of,
    width_of,
    wrapped,
    writable,
)

INK: Final = "#1b2733"
MUTED: Final = "#51606f"
RULE: Final = "#c3cbd3"
LEADING: Final = 1.3
"""Distance of lines, in heights of the type."""
MOST_ACROSS: Final = 84
"""Points; how large the word across the page may become."""


@dataclass(frozen=True)
class Paint:
    """How a shape is drawn; None leaves its edge or its inside out."""

    stroke: str | None = RULE
    fill: str | None = None
    width: float = 0.5
    dash: str | None = None


class Sheet:
    """One page; rows count downwards, as in the charts."""

    def __init__(self, canvas: Canvas, width: float, height: float) -> None:
        self._canvas, self._width, self._height = canvas, width, height

    def text(
        self, text: str, column: float, row: float, *, size: float, bold: bool = False,
        colour: str = INK, anchor: str = "start", width: float | None = None,
    ) -> float:  # fmt: skip
        """One line at its baseline, cut where it would leave the width; how wide it became."""
        font = BOLD if bold else REGULAR
        shown = writable(text if width is None else text[: int(width) + 1])
        if width is not None:
            shown = cut_to(shown, font, size, width)
        reach = width_of(shown, font, size)
        start = column - {"start": 0.0, "middle": reach / 2, "end": reach}[anchor]
        self._canvas.setFillColor(HexColor(colour))
        for run in runs_of(shown, font):
            self._canvas.setFont(run.font, size)
            self._canvas.drawString(start, self._height - row, run.text)
            start += width_of(run.text, run.font, size)
        return reach

    def paragraph(
        self, text: str, column: float, row: float, width: float, *, size: float, most: int,
        bold: bool = False, colour: str = INK,
    ) -> float:  # fmt: skip
        """Lines from a first baseline on; the baseline after the last one."""
        for line in wrapped(text, BOLD if bold else REGULAR, size, width, most=most):
            self.text(line, column, row, size=size, bold=bold, colour=colour)
            row += LEADING * size
        return row

    def line(
        self, column: float, row: float, to_column: float, to_row: float, *,
        colour: str = RULE, width: float = 0.5, dash: str | None = None,
    ) -> None:  # fmt: skip
        self.path(
            [(column, row), (to_column, to_row)], Paint(colour, None, width, dash), closed=False
        )

    def path(
        self, places: Sequence[tuple[float, float]], paint: Paint, *, closed: bool = True
    ) -> None:
        path = self._canvas.beginPath()
        path.moveTo(places[0][0], self._height - places[0][1])
        for column, row in places[1:]:
            path.lineTo(column, self._height - row)
        if closed:
            path.close()
        stroke, fill = self._ready(paint)
        self._canvas.drawPath(path, stroke=stroke, fill=fill)

    def box(self, column: float, row: float, width: float, height: float, paint: Paint) -> None:
        stroke, fill = self._ready(paint)
        bottom = self._height - row - height
        self._canvas.rect(column, bottom, width, height, stroke=stroke, fill=fill)

    def circle(self, column: float, row: float, radius: float, paint: Paint) -> None:
        stroke, fill = self._ready(paint)
        self._canvas.circle(column, self._height - row, radius, stroke=stroke, fill=fill)

    def picture(self, data: bytes, column: float, row: float, width: float, height: float) -> None:
        """A JPEG or PNG, stretched over the box."""
        image = ImageReader(BytesIO(data))
        self._canvas.drawImage(image, column, self._height - row - height, width, height)

    def across(self, text: str, *, row: float, colour: str) -> None:
        """Large and aslant over the page, pale enough to read what lies on it."""
        canvas = self._canvas
        canvas.saveState()
        canvas.translate(self._width / 2, self._height - row)
        canvas.rotate(35)
        size = min(MOST_ACROSS, 560 / width_of(text, BOLD, 1.0))
        canvas.setFont(BOLD, size)
        canvas.setFillColor(HexColor(colour))
        canvas.drawCentredString(0, -size / 3, text)
        canvas.restoreState()

    def _ready(self, paint: Paint) -> tuple[int, int]:
        canvas = self._canvas
        if paint.stroke is not None:
            canvas.setStrokeColor(HexColor(paint.stroke))
        if paint.fill is not None:
            canvas.setFillColor(HexColor(paint.fill))
        canvas.setLineWidth(paint.width)
        canvas.setDash([float(part) for part in paint.dash.split()] if paint.dash else [])
        return int(paint.stroke is not None), int(paint.fill is not None)
