"""Quality observations on images and cells: a finding is a value, not an exception."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class Verdict(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    PARTLY = "partly"  # images only: part of the field is usable
    REJECTED = "rejected"


class Level(StrEnum):
    INFO = "info"
    WARNING = "warning"
    REJECT = "reject"


@dataclass(frozen=True)
class Finding:
    """One quality observation.

    Attributes
    ----------
    code
        Stable snake_case name, e.g. ``out_of_focus``.
    level
        ``reject`` alone changes the verdict.
    value, limit
        The measured figure and the limit it was held against, in the unit the message names.
    message
        One sentence: what was seen and what to do.
    """

    code: str
    level: Level
    value: float | None
    limit: float | None
    message: str

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        return cls(**{**values, "level": Level(values["level"])})
