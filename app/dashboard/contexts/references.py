"""Reference measurements of a sample: their mean, their rows, the form of a new one."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.charts import Estimate
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import (
    FormValues,
    MomentText,
    count_text,
    counted_text,
    interval_text,
    moment_text,
    score_text,
    signed_text,
)
from app.domain.agreement import Comparison, ReferenceScore, compare_with_references
from app.domain.outlets import CONSTRICTION_UM, IMAGED_OUTLETS, OUTLETS
from app.services.references import ReferenceView, mean_fractions


@dataclass(frozen=True)
class ReferenceSummary:
    """The mean of the sample's references, and the image score's distance from it."""

    value: str
    interval: str
    runs: str
    delta: str | None
    percent_deviation: str | None


@dataclass(frozen=True)
class ReferenceRow:
    value: str
    interval: str
    entered_as: str
    cells: str
    device: str
    source: str
    when: MomentText


@dataclass(frozen=True)
class ReferenceForm:
    values: FormValues
    first_outlets: tuple[tuple[int, str], ...]
    other_outlets: tuple[tuple[int, str], ...]
    notice: Notice | None = None


def mean_of_references(references: Sequence[ReferenceView]) -> Estimate | None:
    """The mean of the sample's runs, as the comparison with an image score uses it."""
    scores = tuple(
        ReferenceScore(one.rigidity_score, one.interval, one.deformable_fraction)
        for one in references
    )
    # The mean does not depend on the image score it is compared with.
    mean = compare_with_references(0.0, scores)
    return None if mean is None else Estimate(mean.rigidity_score, *mean.interval)


def reference_summary(
    references: Sequence[ReferenceView], comparison: Comparison | None
) -> ReferenceSummary | None:
    mean = mean_of_references(references)
    if mean is None:
        return None
    return ReferenceSummary(
        value=score_text(mean.value),
        interval=interval_text((mean.low, mean.high)),
        runs=counted_text(len(references), "run"),
        delta=signed_text(comparison.delta) if comparison else None,
        percent_deviation=f"{comparison.percent_deviation:.0f} %" if comparison else None,
    )


def reference_row(reference: ReferenceView) -> ReferenceRow:
    return ReferenceRow(
        value=score_text(reference.rigidity_score),
        interval=interval_text(reference.interval),
        entered_as=reference.entered_as.capitalize(),
        cells=count_text(reference.n_cells) if reference.n_cells else "",
        device=reference.device or "",
        source=reference.source or "",
        when=moment_text(reference.sorted_at or reference.created_at),
    )


def reference_form(values: FormValues, notice: Notice | None) -> ReferenceForm:
    labels = tuple((outlet, f"{CONSTRICTION_UM[outlet]:.2f} µm") for outlet in OUTLETS)
    return ReferenceForm(
        values=values,
        first_outlets=tuple(label for label in labels if label[0] in IMAGED_OUTLETS),
        other_outlets=tuple(label for label in labels if label[0] not in IMAGED_OUTLETS),
        notice=notice,
    )


def mean_shares(references: Sequence[ReferenceView]) -> dict[int, float] | None:
    """Shares by outlet, averaged over the runs that were entered with shares."""
    mean = mean_fractions([one.fractions for one in references])
    return None if mean is None else {int(outlet): share for outlet, share in mean.items()}
