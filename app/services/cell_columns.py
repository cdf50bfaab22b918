"""What the table of an analysis's cells holds: one list for JSON, CSV and Parquet."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.services.analysis_cells import AnalysisCellView

Value = str | int | float | bool | None


class Kind(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


@dataclass(frozen=True)
class CellColumn:
    """One column; `unit` is UCUM, None for what has none. Absent values are empty, never 0."""

    name: str
    kind: Kind
    unit: str | None
    meaning: str


def _number(name: str, unit: str, meaning: str) -> CellColumn:
    return CellColumn(name, Kind.NUMBER, unit, meaning)


def _text(name: str, meaning: str) -> CellColumn:
    return CellColumn(name, Kind.TEXT, None, meaning)


COLUMNS: Final = (
    _text("id", "The cell, UUID."),
    _text("image_id", "Its image, UUID."),
    _text("filename", "Name of the image's file as it was sent."),
    _text("well_id", "Its well, UUID."),
    _text("well_name", "The well's place on the plate, else its content and number."),
    CellColumn("outlet", Kind.INTEGER, None, "Outlet the well was sorted from; empty if unsorted."),
    _number("row", "{px}", "Row of the cell's centre in its image, from the top."),
    _number("column", "{px}", "Column of the cell's centre in its image, from the left."),
    _number("area_um2", "um2", "Area inside the outline."),
    _number("diameter_um", "um", "Diameter of the circle of the same area."),
    _number("circularity", "1", "How round the outline is; 1 is a circle."),
    _number("elongation", "1", "Longest through shortest axis of the outline; 1 is a circle."),
    _number(
        "rim_contrast", "1/um", "Steepness of the rim, as a fraction of the background per µm."
    ),
    _number("rim_width_um", "um", "Width of the rim."),
    _number("shading_angle", "rad", "Direction of the shading across the cell."),
    _number("contrast", "1", "Difference to the background, as a fraction of it."),
    _number("crenation", "1", "How much the outline is toothed."),
    _text("verdict", "The verdict that holds: accepted or rejected."),
    CellColumn(
        "is_used", Kind.BOOLEAN, None, "Whether the cell and its image count towards results."
    ),
    _text("found_verdict", "The verdict as it was found, before anybody corrected it."),
    _number("p_verdict", "1", "Probability that a cell is sound, where one was worked out."),
    _text("findings", "Codes of the findings, parted by spaces in tables."),
    _number("p_deformable", "1", "Probability of the class deformable; higher = more deformable."),
)
P_OUTLET: Final = _number(
    "p_outlet_{outlet}",
    "1",
    "Probability of this outlet, one column for each that the model tells apart; higher outlets "
    "are more rigid. In JSON one object, p_outlet.",
)


def columns_for(outlets: Sequence[int]) -> tuple[CellColumn, ...]:
    """The table's columns for a model that tells these outlets apart."""
    shares = (
        CellColumn(f"p_outlet_{outlet}", P_OUTLET.kind, P_OUTLET.unit, P_OUTLET.meaning)
        for outlet in outlets
    )
    return (*COLUMNS, *shares)


def values_of(cell: AnalysisCellView, outlets: Sequence[int]) -> list[Value]:
    """One row of the table, by `columns_for`."""
    p_outlet = cell.p_outlet or {}
    return [
        *(_value(getattr(cell, column.name)) for column in COLUMNS),
        *(p_outlet.get(str(outlet)) for outlet in outlets),
    ]


def _value(value: object) -> Value:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return " ".join(value) if isinstance(value, list) else str(value)
