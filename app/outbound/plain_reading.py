"""An ORU message as a plain receiver reads it, and where that goes wrong.

Some receivers, such as OpenELIS (read in its source, commit 568f32400), split on | and ^, restore
no escape sequence, take the first number they find for the accession number, and look at nothing
but a name, a value, a type and a unit in each line.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.domain.identifiers import DIN_PATTERN
from app.domain.result_terms import CODES
from app.outbound.results import Sender
from app.reports.content import ReportContent, ReportStatus

NO_NUMBER: Final = "HL7-UNKNOWN"
"""What such a receiver files under where it finds no number: one place for all of them."""
ESCAPED: Final = re.compile(r"\\[EFSTR]\\")


class Weight(StrEnum):
    """How much goes wrong."""

    WRONG = "wrong"  # the result goes astray, or is misread
    LOST = "lost"  # something of it does not arrive
    NOTE = "note"  # the receiver has to be set up for it


@dataclass(frozen=True)
class ReadLine:
    """What is taken from one OBX."""

    code: str
    name: str
    kind: str
    value: str
    unit: str


@dataclass(frozen=True)
class Reading:
    """What is taken from a message; `accession_from` names the field."""

    accession_number: str
    accession_from: str
    patient_id: str
    test: str
    lines: tuple[ReadLine, ...]


@dataclass(frozen=True)
class Trap:
    """One thing that goes wrong, and what to do about it."""

    code: str
    weight: Weight
    message: str


def read_plainly(message: str) -> Reading:
    """Read as such a receiver does."""
    segments = [segment.split("|") for segment in re.split(r"[\r\n]+", message) if segment]
    first = {segment[0]: segment for segment in reversed(segments)}
    number, source = _accession(first)
    return Reading(
        accession_number=number,
        accession_from=source,
        patient_id=_field(first, "PID", 3),
        test=_field(first, "OBR", 4),
        lines=tuple(_line(segment) for segment in segments if segment[0] == "OBX"),
    )


def traps_of(message: str, content: ReportContent, sender: Sender) -> tuple[Trap, ...]:
    """What would go wrong with this message of this report, the worst first."""
    reading = read_plainly(message)
    found = [
        *_of_numbers(message, reading, content),
        *_of_values(reading),
        *_of_status(content),
        *_of_mapping(reading, sender),
    ]
    return tuple(sorted(found, key=lambda one: list(Weight).index(one.weight)))


def _accession(first: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    for name, place in (("OBR", 3), ("ORC", 3), ("OBR", 2), ("ORC", 2), ("PID", 3)):
        number = _field(first, name, place)
        if number:
            return number, f"{name}-{place}"
    return NO_NUMBER, "nothing"


def _field(first: Mapping[str, Sequence[str]], name: str, place: int) -> str:
    """Of the first such segment, up to the first ^."""
    return _component(first.get(name, ()), place, 0)


def _component(segment: Sequence[str], place: int, number: int) -> str:
    field = segment[place] if place < len(segment) else ""
    parts = field.split("^")
    return parts[number] if number < len(parts) else ""


def _line(segment: Sequence[str]) -> ReadLine:
    return ReadLine(
        code=_component(segment, 3, 0),
        name=_component(segment, 3, 1),
        kind=_component(segment, 2, 0),
        value=_component(segment, 5, 0),
        unit=_component(segment, 6, 0),
    )


def _of_numbers(message: str, reading: Reading, content: ReportContent) -> Iterator[Trap]:
    identity, read = content.identity, reading.accession_number
    if not identity.accession_number:
        yield Trap(
            "accession_missing",
            Weight.WRONG,
            f"The sample has no accession number, so it is filed under {read}, which is its "
            "number here. Give the sample its accession number.",
        )
    elif read != identity.accession_number:
        yield Trap(
            "accession_differs",
            Weight.WRONG,
            f"The accession number is {identity.accession_number}, and {read} is read. Use "
            "numbers without | ^ & ~ and \\.",
        )
    if len(set(_order_numbers(message))) > 1:
        yield Trap(
            "order_numbers_differ",
            Weight.WRONG,
            "ORC-2, ORC-3, OBR-2 and OBR-3 are not the same number; receivers differ in which they "
            "take.",
        )
    is_din = re.fullmatch(DIN_PATTERN, read) is not None
    if is_din or (identity.din and identity.din in (read, reading.patient_id)):
        yield Trap(
            "din_as_accession",
            Weight.WRONG,
            "The donation number stands where the accession number or the patient belongs. One "
            "donation has many samples: give the sample an accession number of its own.",
        )


def _order_numbers(message: str) -> list[str]:
    segments = [segment.split("|") for segment in message.split("\r")]
    return [
        _component(segment, place, 0)
        for segment in segments
        if segment[0] in ("ORC", "OBR")
        for place in (2, 3)
    ]


def _of_values(reading: Reading) -> Iterator[Trap]:
    escaped = [
        line.code
        for line in reading.lines
        if any(ESCAPED.search(text) for text in (line.value, line.name))
    ]
    if escaped:
        yield Trap(
            "delimiters",
            Weight.WRONG,
            f"{', '.join(escaped)}: a name or value holds | ^ & ~ or \\, which is sent as an "
            "escape sequence and shown as one.",
        )
    words = [line.code for line in reading.lines if line.kind != "NM" and line.value]
    if words:
        yield Trap(
            "words_as_numbers",
            Weight.NOTE,
            f"{', '.join(words)} are words. A receiver that takes every value for a number needs "
            "these tests set up as text, or left out.",
        )
    empty = [line.code for line in reading.lines if not line.value]
    if empty:
        yield Trap(
            "empty_values",
            Weight.LOST,
            f"{', '.join(empty)} have no value. Why is told in OBX-11 and NTE, which are not read.",
        )


def _of_status(content: ReportContent) -> Iterator[Trap]:
    if content.status is not ReportStatus.FINAL:
        yield Trap(
            "status_lost",
            Weight.WRONG,
            f"This report is {content.status.value}. OBX-11 and OBR-25 say so and are not read: "
            "see to it in the receiver by hand.",
        )
    yield Trap(
        "notes_lost",
        Weight.LOST,
        "NTE, OBX-11, OBX-14 and OBX-19 are not read: the label, the status and the times. "
        "Interval, findings and state of the controls arrive as lines of their own.",
    )


def _of_mapping(reading: Reading, sender: Sender) -> Iterator[Trap]:
    codes = [line.code for line in reading.lines if line.code in CODES]
    missing = [code for code in codes if code not in sender.loinc]
    if missing and not sender.loinc:
        yield Trap(
            "mapping_missing",
            Weight.NOTE,
            f"Every line has a local code, such as {missing[0]}: set up a test for each code that "
            "you want. A receiver that knows tests by LOINC alone files none until PLIANT_LOINC "
            "is set.",
        )
    elif missing:
        yield Trap(
            "mapping_missing",
            Weight.NOTE,
            f"No LOINC code is set for {', '.join(missing)}; a receiver that knows tests by LOINC "
            "alone leaves these out.",
        )
