"""What was found in images and cells, in plain words, with measured values beside their limits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from app.dashboard.contexts.wording import TONES, percent_text
from app.domain.quality import Finding

CELL_FINDINGS: Final = {
    "partial": "Cut off by the edge of the image",
    "several": "Several cells in one outline, or one that lies on another",
    "blurred": "Out of focus",
    "debris": "Debris: too small, ragged or faint for a cell",
    "wrong_type": "Another kind of cell",
    "outside_usable": "In the part of the image that is left out",
}
SHORT_CELL_FINDINGS: Final = {
    "partial": "cut off",
    "several": "several cells",
    "blurred": "out of focus",
    "debris": "debris",
    "wrong_type": "other kind of cell",
    "outside_usable": "left-out area",
}


@dataclass(frozen=True)
class MeasuredFinding:
    """A finding with the figure it rests on, if it rests on one."""

    level: str
    message: str
    measured: str | None


def _percent(value: float) -> str:
    return percent_text(value, digits=1 if 0 < value < 0.1 else 0)


def _micrometres(value: float) -> str:
    return f"{value:.2f} µm"


def _grey(value: float) -> str:
    return f"{value:.0f}"


def _plain(value: float) -> str:
    return f"{value:.3g}"


MEASURES: Final[dict[str, tuple[str, Callable[[float], str]]]] = {
    "under_exposed": ("background grey", _grey),
    "over_exposed": ("saturated pixels", _percent),
    "uneven_light": ("brightest to darkest background", _plain),
    "outside_well": ("inside the well", _percent),
    "out_of_focus": ("width of the rims", _micrometres),
    "partly_out_of_focus": ("out of focus", _percent),
    "empty": ("cells in view", _plain),
    "wrong_modality": ("what belongs to single cells", _percent),
}
"""What a code's `value` and `limit` measure; a code that is not here shows bare figures."""
SHARP_BODIES: Final = ("bodies with a sharp rim", _percent)
"""Too few of them is the other reason for `out_of_focus`; their share lies below its limit."""


def measured_findings(findings: Sequence[Finding]) -> tuple[MeasuredFinding, ...]:
    return tuple(
        MeasuredFinding(TONES[one.level], one.message, measured_text(one)) for one in findings
    )


def measured_text(finding: Finding) -> str | None:
    """The measured value and the limit it was held against."""
    if finding.value is None:
        return None
    name, write = _measure(finding, finding.value)
    measured = f"Measured: {name} {write(finding.value)}".replace("  ", " ")
    return f"{measured}; limit {write(finding.limit)}" if finding.limit else measured


def _measure(finding: Finding, value: float) -> tuple[str, Callable[[float], str]]:
    if finding.code == "out_of_focus" and finding.limit and value < finding.limit:
        return SHARP_BODIES
    return MEASURES.get(finding.code, ("", _plain))


def finding_text(code: str) -> str:
    return CELL_FINDINGS.get(code, code.replace("_", " ").capitalize())


def short_finding_text(code: str) -> str:
    return SHORT_CELL_FINDINGS.get(code, code.replace("_", " "))
