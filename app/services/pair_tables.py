"""Pairs measured elsewhere as a table: CSV text to entries, each with the line it stands on."""

import csv
import datetime as dt
import io
import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from app.domain.errors import InvalidInput, TooLarge

REQUIRED: Final = ("donor_code", "reference_score", "image_score", "measured_with")
OPTIONAL: Final = ("storage_day", "measured_on", "model_version_id", "source")
COLUMNS: Final = (*REQUIRED, *OPTIONAL)
DELIMITERS: Final = (",", ";", "\t")
MOST_PAIRS: Final = 500
"""In one upload: each gets its audit entry while the trail's end is locked."""
MOST_ERRORS: Final = 20
"""Told at once; a table with more is wrong as a whole."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class NewPair:
    """One sample's two scores, both measured elsewhere."""

    donor_code: str
    reference_score: float
    image_score: float
    measured_with: str
    storage_day: int | None = None
    measured_on: dt.date | None = None
    model_version_id: uuid.UUID | None = None
    source: str | None = None


@dataclass(frozen=True)
class EnteredPair:
    """A pair with where it stands in what was sent, such as ``line 3`` or ``pair 1``."""

    place: str
    pair: NewPair


@dataclass(frozen=True)
class EntryError:
    """What is wrong in one place; `column` is None where it is the whole row."""

    place: str
    column: str | None
    message: str


class Unreadable(Exception):  # noqa: N818  never leaves this module
    """A value that cannot be read, in words that complete "it"."""


def refusal(errors: Sequence[EntryError]) -> InvalidInput:
    """The refusal of a whole table: the first error in words, the first twenty as data."""
    first, n_more = errors[0], len(errors) - 1
    column = f", {first.column}" if first.column else ""
    more = f" {n_more} more are wrong." if n_more else ""
    return InvalidInput(
        "pairs_refused",
        f"{first.place.capitalize()}{column}: {first.message}; nothing was stored.{more}",
        errors=[
            {"place": one.place, "column": one.column, "message": one.message}
            for one in errors[:MOST_ERRORS]
        ],
    )


def read_table(data: bytes) -> list[EnteredPair]:
    """Read a CSV table with a line of column names; comma, semicolon or tab between values.

    Raises
    ------
    InvalidInput
        ``pairs_unreadable`` for a file that is no such table, ``pairs_refused`` with the lines and
        columns that are wrong.
    """
    text = _decoded(data)
    header, _, _ = text.partition("\n")
    delimiter = max(DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        numbered = [(reader.line_num, [value.strip() for value in row]) for row in reader]
    except csv.Error as error:
        raise _no_table(f"line {reader.line_num}: {error}") from error
    filled = [(line, row) for line, row in numbered if any(row)]
    if not filled:
        raise _no_table("it is empty")
    names = _column_names(filled[0][1])
    return _entries(names, filled[1:], takes_comma=delimiter != ",")


def _decoded(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _no_table("it is not UTF-8; save it as CSV UTF-8") from error
    if "\0" in text:
        raise _no_table("it is not plain text; save it as CSV UTF-8")
    return text


def _column_names(row: Sequence[str]) -> list[str]:
    names = [name.lower() for name in row]
    unknown = [name for name in names if name not in COLUMNS]
    missing = [name for name in REQUIRED if name not in names]
    if unknown:
        raise _no_table(f"the column {unknown[0] or 'without a name'} is not known")
    if missing:
        raise _no_table(f"the column {missing[0]} is missing")
    if len(set(names)) < len(names):
        raise _no_table("a column is there twice")
    return names


def _no_table(reason: str) -> InvalidInput:
    return InvalidInput(
        "pairs_unreadable",
        f"The table cannot be read: {reason}. The template shows the columns.",
    )


def _entries(
    names: Sequence[str], rows: Sequence[tuple[int, list[str]]], *, takes_comma: bool
) -> list[EnteredPair]:
    if not rows:
        raise _no_table("there is no line below the column names")
    if len(rows) > MOST_PAIRS:
        raise TooLarge(
            "pairs_too_many", f"One table holds up to {MOST_PAIRS} pairs; send it in parts."
        )
    found, errors = [], []
    for line, row in rows:
        place = f"line {line}"
        if len(row) != len(names):
            errors.append(EntryError(place, None, _wrong_width(row, names)))
            continue
        pair, wrong = _pair(place, dict(zip(names, row, strict=True)), takes_comma=takes_comma)
        errors += wrong
        if pair is not None:
            found.append(EnteredPair(place, pair))
    if errors:
        raise refusal(errors)
    return found


def _wrong_width(row: Sequence[str], names: Sequence[str]) -> str:
    hint = "; write decimals with a point" if len(row) > len(names) else ""
    return f"it has {len(row)} values for {len(names)} columns{hint}"


def _pair(
    place: str, values: Mapping[str, str], *, takes_comma: bool
) -> tuple[NewPair | None, list[EntryError]]:
    errors: list[EntryError] = []

    def read(column: str, parse: Callable[[str], T], fallback: T) -> T:
        text = values.get(column, "")
        if not text and column not in REQUIRED:
            return fallback
        try:
            return parse(_filled(text))
        except Unreadable as error:
            errors.append(EntryError(place, column, f"it {error}"))
            return fallback

    score = _number_with_comma if takes_comma else _number
    pair = NewPair(
        donor_code=read("donor_code", str, ""),
        reference_score=read("reference_score", score, math.nan),
        image_score=read("image_score", score, math.nan),
        measured_with=read("measured_with", str, ""),
        storage_day=read("storage_day", _day, None),
        measured_on=read("measured_on", _date, None),
        model_version_id=read("model_version_id", _id, None),
        source=read("source", str, "") or None,
    )
    return (None if errors else pair), errors


def _filled(text: str) -> str:
    if not text:
        raise Unreadable("is empty")
    return text


def _number_with_comma(text: str) -> float:
    return _number(text.replace(",", "."))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise Unreadable(f"is not a number: {text[:40]}") from error


def _day(text: str) -> int | None:
    try:
        return int(text)
    except ValueError as error:
        raise Unreadable(f"is not a whole number of days: {text[:40]}") from error


def _date(text: str) -> dt.date:
    try:
        date = dt.date.fromisoformat(text)
    except ValueError:
        date = None
    # Python reads 20261120 and 2026-W47-5 too: a number, or a week, that nobody meant as a day.
    if date is None or date.isoformat() != text:
        raise Unreadable(f"is not a date like 2026-11-20: {text[:40]}")
    return date


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Unreadable(f"is not an id: {text[:40]}") from error
