"""A candidate's impact preview: while it is computed, and what it found."""

from dataclasses import dataclass
from typing import Final

from app.charts.impact import PlottedImpact, impact_rows
from app.dashboard.contexts.sample import Fact, TwoWidths
from app.dashboard.contexts.wording import (
    Chip,
    chart_markup,
    counted_text,
    interval_text,
    moment_text,
    score_text,
    signed_text,
)
from app.domain.impact import ImpactSummary, ScoreInBrief
from app.domain.promotion_gate import MOST_TRIED
from app.services.impact import ImpactView, SampleImpactView

PREVIEW_STATES: Final = {
    "queued": Chip("Waiting", "busy"),
    "running": Chip("Being computed", "busy"),
    "done": Chip("Done", "good"),
    "failed": Chip("Failed", "bad"),
}
NARROW_NAME: Final = 12
"""Characters of a donor's code that fit beside the chart."""


@dataclass(frozen=True)
class ImpactRow:
    href: str
    donor_code: str
    is_locked: bool
    old: str
    new: str
    delta: str
    leaves: bool
    reference: str


@dataclass(frozen=True)
class ImpactPart:
    """`value` and `most` fill the bar while it runs; `most` None before samples are chosen."""

    state: Chip
    is_moving: bool
    value: int
    most: int | None
    told: str
    notes: tuple[str, ...]
    facts: tuple[Fact, ...]
    chart: TwoWidths | None
    rows: tuple[ImpactRow, ...]


def impact_part(view: ImpactView) -> ImpactPart:
    plotted = [_plotted(sample) for sample in view.samples]
    drawn = [one for one in plotted if one is not None]
    return ImpactPart(
        state=PREVIEW_STATES[view.state],
        is_moving=view.state in ("queued", "running"),
        value=view.progress.samples_done,
        most=view.progress.samples_total,
        told=_told(view),
        notes=tuple(_notes(view)),
        facts=() if view.summary is None else tuple(_facts(view.summary)),
        chart=_chart(drawn) if drawn else None,
        rows=tuple(_row(sample) for sample in view.samples),
    )


def _told(view: ImpactView) -> str:
    if view.state == "failed":
        return view.failure["message"] if view.failure else ""
    if view.state != "done":
        total = view.progress.samples_total
        if total is None:
            return "It waits for a worker."
        return f"{view.progress.samples_done} of {counted_text(total, 'sample')} scored anew"
    other = view.compared_with
    against = "no active version" if other is None else f"the active version {other.name}"
    when = moment_text(view.finished_at).text if view.finished_at else ""
    return f"Against {against}, computed {when}. Nothing of it is any sample's score."


def _notes(view: ImpactView) -> list[str]:
    """What limits it, worst first."""
    notes = []
    if view.state == "done" and not view.is_current:
        notes.append("Another version is active now; compute the preview again.")
    if view.state == "done" and not view.samples:
        notes.append("There is no scored sample to try it on; its effect is unknown.")
    elif view.state == "done" and view.locked_set is None:
        notes.append("There is no locked set: no sample with a reference has a score.")
    if view.locked_set is not None and view.locked_set.versions_tried > MOST_TRIED:
        notes.append("The locked set has chosen among too many versions; lock other samples.")
    return notes


def _facts(summary: ImpactSummary) -> list[Fact]:
    compared = f"{summary.n_compared} of {counted_text(summary.n_samples, 'sample')}"
    facts = [Fact("Scored by both versions", compared)]
    if summary.mean_delta is not None:
        facts.append(Fact("Mean change", f"{signed_text(summary.mean_delta)} outlets"))
    if summary.sd_delta is not None:
        facts.append(Fact("Spread of the changes (SD)", f"{summary.sd_delta:.2f} outlets"))
    facts.append(Fact("Leave the interval told before", str(summary.n_leaving)))
    facts.append(Fact("Lose their score", str(summary.n_losing)))
    if summary.old_error is not None and summary.new_error is not None:
        change = f"{summary.old_error:.2f} becomes {summary.new_error:.2f} outlets"
        name = f"Mean distance from the reference ({counted_text(summary.n_referenced, 'sample')})"
        facts.append(Fact(name, change))
    return facts


def _plotted(sample: SampleImpactView) -> PlottedImpact | None:
    if sample.old.rigidity_score is None or sample.new.rigidity_score is None:
        return None
    name = sample.donor_code
    return PlottedImpact(
        name=name if len(name) <= NARROW_NAME else f"{name[: NARROW_NAME - 1]}…",
        old=sample.old.rigidity_score,
        old_interval=sample.old.interval,
        new=sample.new.rigidity_score,
        reference=sample.reference,
    )


def _chart(drawn: list[PlottedImpact]) -> TwoWidths:
    return TwoWidths(
        chart_markup(impact_rows(drawn, ident="impact", width=1000)),
        chart_markup(impact_rows(drawn, ident="impact-narrow", width=420)),
    )


def _row(sample: SampleImpactView) -> ImpactRow:
    return ImpactRow(
        href=f"/samples/{sample.sample_id}",
        donor_code=sample.donor_code,
        is_locked=sample.is_locked,
        old=_score(sample.old),
        new=_score(sample.new),
        delta="" if sample.delta is None else signed_text(sample.delta),
        leaves=sample.leaves_interval,
        reference="" if sample.reference is None else score_text(sample.reference),
    )


def _score(score: ScoreInBrief) -> str:
    if score.rigidity_score is None:
        return f"no score ({', '.join(score.reasons)})"
    told = score_text(score.rigidity_score)
    return told if score.interval is None else f"{told} ({interval_text(score.interval)})"
