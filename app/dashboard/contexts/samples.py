"""The samples list and the form of a new sample."""

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import Chip, DinText, FormValues, MomentText


@dataclass(frozen=True)
class ScoreCell:
    """A score in a row of the list."""

    value: str
    interval: str
    scale: Markup


@dataclass(frozen=True)
class SampleRow:
    href: str
    donor_code: str
    din: DinText | None
    accession_number: str | None
    state: Chip
    score: ScoreCell | None
    images: str
    created: MomentText
    is_demonstration: bool


@dataclass(frozen=True)
class SampleSearch:
    """What was searched for, as typed."""

    text: str = ""
    state: str = ""

    @property
    def is_active(self) -> bool:
        return bool(self.text or self.state)


@dataclass(frozen=True)
class SamplesPage:
    rows: tuple[SampleRow, ...]
    search: SampleSearch
    states: Mapping[str, Chip]
    next_href: str | None
    notice: Notice | None = None


@dataclass(frozen=True)
class NewSamplePage:
    values: FormValues
    containers: Mapping[str, str]
    additives: tuple[str, ...]
    notice: Notice | None = None
    wrong_field: str | None = None
