"""The agreement page: which pairs, their figures, their charts, and the forms to enter more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from app.charts.agreement import (
    DEMING,
    PASSING_BABLOK,
    FittedLine,
    PlottedPair,
    differences,
    scatter,
)
from app.dashboard.contexts.figures import FigureGroup, figure_groups
from app.dashboard.contexts.sample import TwoWidths
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import (
    TONES,
    FindingText,
    FormValues,
    MomentText,
    chart_markup,
    moment_text,
    score_text,
    signed_text,
)
from app.domain.method_comparison import BlandAltman, Deming, PassingBablok
from app.services.agreement import AgreementView, PairSource, PairView, Selection
from app.services.outside_pairs import NoteView
from app.services.pair_tables import COLUMNS, MOST_PAIRS, REQUIRED

WIDE_PX: Final = 540
NARROW_PX: Final = 340
SOURCES: Final = {
    PairSource.ALL: "All measured pairs",
    PairSource.HERE: "Measured here",
    PairSource.ELSEWHERE: "Measured elsewhere",
    PairSource.DEMONSTRATION: "Demonstration",
}


@dataclass(frozen=True)
class Choice:
    """One entry of a list to choose from."""

    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True)
class PairFilter:
    sources: tuple[Choice, ...]
    methods: tuple[Choice, ...]
    first_on: str
    last_on: str
    is_active: bool


@dataclass(frozen=True)
class NoteText:
    text: str
    when: MomentText


@dataclass(frozen=True)
class PairRow:
    id: str
    number: int
    donor_code: str
    href: str | None
    storage_day: str
    measured_on: str
    reference: str
    image: str
    difference: str
    percent_deviation: str
    measured_with: str
    source: str | None
    is_elsewhere: bool
    is_demonstration: bool
    is_outlier: bool
    notes: tuple[NoteText, ...]
    withdrawn_reason: str | None


@dataclass(frozen=True)
class PairForm:
    """One pair as typed, or a whole table; `notice` says what was refused in which of them."""

    values: FormValues
    table: str = ""
    notice: Notice | None = None
    table_notice: Notice | None = None
    is_open: bool = False


@dataclass(frozen=True)
class AgreementPage:
    message: str
    is_enough: bool
    is_demonstration: bool
    is_drawn: bool
    has_drawn: bool
    filter: PairFilter
    findings: tuple[FindingText, ...]
    figures: tuple[FigureGroup, ...]
    scatter: TwoWidths | None
    differences: TwoWidths | None
    pairs: tuple[PairRow, ...]
    withdrawn: tuple[PairRow, ...]
    may_edit: bool
    form: PairForm
    columns: tuple[str, ...] = COLUMNS
    required: tuple[str, ...] = REQUIRED
    most_pairs: int = MOST_PAIRS


def agreement_page(
    view: AgreementView,
    methods: Sequence[str],
    *,
    has_drawn: bool,
    may_edit: bool,
    form: PairForm,
) -> AgreementPage:
    return AgreementPage(
        message=view.message,
        is_enough=view.is_enough,
        is_demonstration=view.is_demonstration,
        is_drawn=view.selection.source == PairSource.DEMONSTRATION,
        has_drawn=has_drawn,
        filter=_filter(view.selection, methods),
        findings=tuple(FindingText(TONES[one.level], one.message) for one in view.findings),
        figures=figure_groups(view) if view.pairs else (),
        scatter=_scatter(view),
        differences=_differences(view),
        pairs=tuple(_row(number, pair) for number, pair in enumerate(view.pairs, 1)),
        withdrawn=tuple(_row(number, pair) for number, pair in enumerate(view.withdrawn, 1)),
        may_edit=may_edit,
        form=form,
    )


def _filter(selection: Selection, methods: Sequence[str]) -> PairFilter:
    names = {"": "Every method"} | {name: name for name in methods}
    return PairFilter(
        sources=_choices({one.value: text for one, text in SOURCES.items()}, selection.source),
        methods=_choices(names, selection.measured_with or ""),
        first_on=selection.first_on.isoformat() if selection.first_on else "",
        last_on=selection.last_on.isoformat() if selection.last_on else "",
        is_active=selection != Selection(),
    )


def _choices(texts: Mapping[str, str], chosen: str) -> tuple[Choice, ...]:
    return tuple(Choice(value, text, value == chosen) for value, text in texts.items())


def _scatter(view: AgreementView) -> TwoWidths | None:
    if not view.pairs:
        return None
    fitted = ((DEMING, view.deming), (PASSING_BABLOK, view.passing_bablok))
    lines = [
        FittedLine(series, answer.slope.value, answer.intercept.value)
        for series, answer in fitted
        if isinstance(answer, Deming | PassingBablok)
    ]
    plotted = _plotted(view)
    wide, narrow = (
        scatter(plotted, lines, ident=f"scatter-{width}", width=width)
        for width in (WIDE_PX, NARROW_PX)
    )
    return _two_widths(wide, narrow)


def _differences(view: AgreementView) -> TwoWidths | None:
    if not view.pairs:
        return None
    answer = view.bland_altman if isinstance(view.bland_altman, BlandAltman) else None
    plotted = _plotted(view)
    wide, narrow = (
        differences(plotted, answer, ident=f"differences-{width}", width=width)
        for width in (WIDE_PX, NARROW_PX)
    )
    return _two_widths(wide, narrow)


def _two_widths(wide: str, narrow: str) -> TwoWidths:
    drawn: tuple[Markup, Markup] = (chart_markup(wide), chart_markup(narrow))
    return TwoWidths(*drawn)


def _plotted(view: AgreementView) -> list[PlottedPair]:
    return [
        PlottedPair(
            number=number,
            reference=pair.reference_score,
            image=pair.image_score,
            is_outlier=pair.is_outlier,
            is_elsewhere=pair.origin == PairSource.ELSEWHERE,
        )
        for number, pair in enumerate(view.pairs, 1)
    ]


def _row(number: int, pair: PairView) -> PairRow:
    return PairRow(
        id=str(pair.id),
        number=number,
        donor_code=pair.donor_code,
        href=f"/samples/{pair.sample_id}" if pair.sample_id else None,
        storage_day="" if pair.storage_day is None else str(pair.storage_day),
        measured_on=f"{pair.measured_on:%-d %b %Y}",
        reference=score_text(pair.reference_score),
        image=score_text(pair.image_score),
        difference=signed_text(pair.difference),
        percent_deviation=f"{pair.percent_deviation:.0f} %",
        measured_with=pair.measured_with,
        source=pair.source,
        is_elsewhere=pair.origin == PairSource.ELSEWHERE,
        is_demonstration=pair.is_demonstration,
        is_outlier=pair.is_outlier,
        notes=tuple(_note(note) for note in pair.notes),
        withdrawn_reason=pair.withdrawn_reason,
    )


def _note(note: NoteView) -> NoteText:
    return NoteText(note.text, moment_text(note.created_at))
