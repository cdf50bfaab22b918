"""Tables as text, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


class Separator(StrEnum):
    """Spreadsheets of half the world take a comma for the decimal mark, and part at semicolons."""

    COMMA = "comma"
    SEMICOLON = "semicolon"

    @property
    def sign(self) -> str:
        return {"comma": ",", "semicolon": ";"}[self]


def csv_lines(rows: Sequence[Sequence[object]], separator: Separator = Separator.COMMA) -> str:
    """Lines of UTF-8 text; the decimal mark is a point whatever parts the values."""
    lines = io.StringIO()
    csv.writer(lines, delimiter=separator.sign).writerows(
        [[_cell(value) for value in row] for row in rows]
    )
    return lines.getvalue()


def _cell(value: object) -> object:
    """A spreadsheet would run text that begins like a formula; an apostrophe keeps it text."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return "" if value is None else value
