"""The health page: each part's state, and first of all what to do."""

from dataclasses import dataclass
from typing import Final

from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import Chip, MomentText, moment_text
from app.services.health_report import HealthReport, PartHealth, PartState

STATES: Final = {
    PartState.GOOD: Chip("✓ Well", "good"),
    PartState.WARNING: Chip("Look at it", "warning"),
    PartState.BAD: Chip("✗ Act now", "bad"),
    PartState.UNKNOWN: Chip("? Not known", "warning"),
}
ORDER: Final = (PartState.BAD, PartState.WARNING, PartState.UNKNOWN, PartState.GOOD)


@dataclass(frozen=True)
class PartRow:
    title: str
    state: Chip
    statement: str
    next_step: str | None


@dataclass(frozen=True)
class HealthPage:
    notice: Notice
    rows: tuple[PartRow, ...]
    at: MomentText


def health_page(report: HealthReport) -> HealthPage:
    """What needs somebody comes first; otherwise the parts keep their order."""
    parts = sorted(report.parts, key=lambda part: ORDER.index(part.state))
    return HealthPage(
        _headline(report), tuple(_row(part) for part in parts), moment_text(report.at)
    )


def _headline(report: HealthReport) -> Notice:
    n_bad = sum(part.state is PartState.BAD for part in report.parts)
    n_doubtful = sum(part.state in (PartState.WARNING, PartState.UNKNOWN) for part in report.parts)
    if n_bad:
        told = "One part needs" if n_bad == 1 else f"{n_bad} parts need"
        return Notice(f"{told} somebody now; what to do stands beside it.", "bad")
    if n_doubtful:
        told = "one part is" if n_doubtful == 1 else f"{n_doubtful} parts are"
        return Notice(f"Everything works; {told} worth a look.", "warning")
    return Notice("Everything works.", "good")


def _row(part: PartHealth) -> PartRow:
    return PartRow(part.title, STATES[part.state], part.statement, part.next_step)
