"""What a LIMS reads of a result: numbers, lines, and what goes wrong."""

from dataclasses import dataclass
from typing import Final

from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import SAMPLE_STATES, Chip
from app.outbound.plain_reading import ReadLine, Weight
from app.services.messages import LimsReading
from app.services.samples import SampleView

WEIGHTS: Final = {
    Weight.WRONG: Chip("✗ Goes wrong", "bad"),
    Weight.LOST: Chip("! Is lost", "warning"),
    Weight.NOTE: Chip("i Set up", "info"),
}
STATUSES: Final = {
    "preliminary": "Not released yet: this is what would be told. Other programs get it only if "
    "they ask for what is not released.",
    "registered": "The score is still to come: this is how other programs are told so, if they "
    "ask.",
    "cancelled": "No score can be had of what is there: this is how other programs are told so, if "
    "they ask.",
    "entered-in-error": "The result was withdrawn: every line is taken back.",
}


@dataclass(frozen=True)
class TrapRow:
    code: str
    mark: Chip
    message: str


@dataclass(frozen=True)
class FiledUnder:
    """The number that a receiver files by."""

    number: str
    read_from: str
    test: str
    patient: str


@dataclass(frozen=True)
class LimsPage:
    """`filed` is None where there is no message to read; the notice then says why."""

    href: str
    donor_code: str
    state: Chip
    is_demonstration: bool
    notice: Notice | None
    filed: FiledUnder | None = None
    traps: tuple[TrapRow, ...] = ()
    lines: tuple[ReadLine, ...] = ()
    segments: tuple[str, ...] = ()
    query: str = ""


def lims_page(sample: SampleView, reading: LimsReading) -> LimsPage:
    words = STATUSES.get(reading.status)
    return LimsPage(
        href=f"/samples/{sample.id}",
        donor_code=sample.donor_code,
        state=SAMPLE_STATES[sample.state],
        is_demonstration=sample.is_demonstration,
        notice=None if words is None else Notice(words, "warning"),
        filed=FiledUnder(
            number=reading.accession_number,
            read_from=reading.accession_from,
            test=reading.test,
            patient=reading.patient_id or "nobody",
        ),
        traps=tuple(
            TrapRow(one.code, WEIGHTS[one.weight], one.message) for one in reading.warnings
        ),
        lines=reading.results,
        segments=tuple(reading.message.rstrip("\r").split("\r")),
        query="" if reading.version else "?unreleased=true",
    )


def unread_page(sample: SampleView, reason: str) -> LimsPage:
    return LimsPage(
        href=f"/samples/{sample.id}",
        donor_code=sample.donor_code,
        state=SAMPLE_STATES[sample.state],
        is_demonstration=sample.is_demonstration,
        notice=Notice(reason, "warning"),
    )
