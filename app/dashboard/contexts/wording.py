"""How values are written for people: numbers, moments, states, donation numbers."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from app.domain.identifiers import din_check_character


@dataclass(frozen=True)
class Chip:
    """A short state; `tone` is the style sheet's class."""

    text: str
    tone: str = ""


@dataclass(frozen=True)
class MomentText:
    """A moment for people and for programs; `exact` fills the `datetime` attribute."""

    text: str
    exact: str


@dataclass(frozen=True)
class DinText:
    """A donation number in its printed groups, with the boxed check character."""

    grouped: str
    check: str
    is_checked: bool


@dataclass(frozen=True)
class FindingText:
    level: str
    message: str


SAMPLE_STATES: Final = {
    "received": Chip("Received"),
    "running": Chip("Analysing", "busy"),
    "computed": Chip("Scored", "good"),
    "unavailable": Chip("No score yet", "warning"),
    "submitted": Chip("Submitted", "busy"),
    "released": Chip("Released", "good"),
    "amended": Chip("Amended", "warning"),
    "withdrawn": Chip("Withdrawn", "bad"),
}
VERDICTS: Final = {
    "pending": Chip("Being judged", "busy"),
    "accepted": Chip("Accepted", "good"),
    "partly": Chip("Partly used", "warning"),
    "rejected": Chip("Not used", "bad"),
}
MODEL_STATES: Final = {
    "candidate": Chip("Candidate"),
    "active": Chip("Active", "good"),
    "retired": Chip("Retired", "warning"),
}
CONTAINERS: Final = {
    "citrate_tube": "Citrate tube",
    "blood_bag": "Blood bag",
    "segment": "Segment",
    "plastic_tube": "Plastic tube",
}
TONES: Final = {"info": "info", "warning": "warning", "reject": "bad"}


def moment_text(moment: dt.datetime) -> MomentText:
    """Times are written in UTC, so that two people in two places read the same."""
    utc = moment.astimezone(dt.UTC)
    return MomentText(f"{utc:%-d %b %Y, %H:%M} UTC", utc.isoformat(timespec="seconds"))


def din_text(din: str | None, *, is_checked: bool | None) -> DinText | None:
    if din is None:
        return None
    grouped = f"{din[:5]} {din[5:7]} {din[7:]}"
    return DinText(grouped, din_check_character(din), bool(is_checked))


def score_text(score: float) -> str:
    return f"{score:.2f}"


def interval_text(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.2f} to {interval[1]:.2f}"


def percent_text(share: float, *, digits: int = 0) -> str:
    """The sign stays on the figure's line."""
    return f"{100 * share:.{digits}f}\u00a0%"


def count_text(count: int) -> str:
    """Thousands apart by a narrow space that does not break."""
    return f"{count:,}".replace(",", "\u202f")


def counted_text(count: int, singular: str, plural: str | None = None) -> str:
    return f"{count_text(count)} {singular if count == 1 else plural or singular + 's'}"


def signed_text(value: float) -> str:
    """Two digits with a true minus sign; what rounds to nothing has none."""
    return f"{value:+.2f}".replace("-", "−") if abs(value) >= 0.005 else "0.00"


class FormValues(dict[str, str]):
    """What was typed into a form; a field left out reads as empty."""

    def __missing__(self, name: str) -> str:
        return ""


def chart_markup(svg: str) -> Markup:
    """Text of `app.charts`, which escapes everything it is given."""
    return Markup(svg)  # noqa: S704  the one source is app.charts
