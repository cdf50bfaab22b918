"""The samples list and the form of a new sample."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from markupsafe import Markup

from app.charts import Estimate, outlets_on_scale, tiny_scale
from app.dashboard.contexts.references import mean_of_references
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import (
    CONTAINERS,
    SAMPLE_STATES,
    Chip,
    DinText,
    FormValues,
    MomentText,
    chart_markup,
    count_text,
    counted_text,
    din_text,
    interval_text,
    moment_text,
    score_text,
)
from app.domain.identifiers import Din
from app.services.paging import Listing
from app.services.samples import SampleView

ADDITIVES: Final = ("SAGM", "AS-1", "AS-3", "AS-5", "PAGGSM", "none", "unknown")


@dataclass(frozen=True)
class ScoreCell:
    """A score in a row of the list."""

    value: str
    interval: str
    scale: Markup
    is_demonstration_model: bool


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
    is_moving: bool = False


@dataclass(frozen=True)
class SampleSearch:
    """What was searched for, as typed."""

    text: str = ""
    state: str = ""

    @property
    def is_active(self) -> bool:
        return bool(self.text or self.state)


@dataclass(frozen=True)
class EmptyList:
    """Why a search found nothing, and what to do about it."""

    heading: str
    advice: str
    may_register: bool


@dataclass(frozen=True)
class SamplesPage:
    rows: tuple[SampleRow, ...]
    search: SampleSearch
    states: Mapping[str, Chip]
    next_href: str | None
    scale_lines: str = "2, 3, 4"
    """The outlets at the lines of the scale that all rows share."""
    empty: EmptyList | None = None
    notice: Notice | None = None


@dataclass(frozen=True)
class NewSamplePage:
    values: FormValues
    containers: Mapping[str, str]
    additives: tuple[str, ...]
    notice: Notice | None = None
    wrong_field: str | None = None


@dataclass(frozen=True)
class DinReading:
    """How a donation number reads, or why it is none."""

    din: DinText | None
    refusal: str


def din_reading(din: Din | None, refusal: str = "") -> DinReading:
    text = None if din is None else din_text(din.value, is_checked=din.is_checked)
    return DinReading(text, refusal)


def samples_page(
    listing: Listing[SampleView], search: SampleSearch, *, why_empty: str | None = None
) -> SamplesPage:
    next_href = None
    if listing.next_cursor is not None:
        query = {"text": search.text, "state": search.state, "cursor": listing.next_cursor}
        next_href = "/samples?" + urlencode({name: value for name, value in query.items() if value})
    shown = [one for sample in listing.items for one in _estimates(sample)]
    return SamplesPage(
        rows=tuple(_row(sample, shown) for sample in listing.items),
        scale_lines=", ".join(str(outlet) for outlet in outlets_on_scale(shown)),
        search=search,
        states=SAMPLE_STATES,
        next_href=next_href,
        empty=_empty_list(search, why_empty),
    )


def _empty_list(search: SampleSearch, why: str | None) -> EmptyList:
    if why is not None:
        return EmptyList("This number cannot be right", why, may_register=False)
    if not search.text:
        said = SAMPLE_STATES[search.state].text if search.state in SAMPLE_STATES else search.state
        return EmptyList(
            f"No sample is “{said}” now",
            "Samples come and go here as the work goes on; clear the filter to see all of them.",
            may_register=False,
        )
    return EmptyList(
        f"No sample matches “{search.text}”",
        "A donor code, an accession or an order number is found by how it begins, a DIN by a scan, "
        "by its beginning or by its end. Check it for a typing error; if the sample is new, "
        "register it.",
        may_register=True,
    )


def _row(sample: SampleView, shown: Sequence[Estimate]) -> SampleRow:
    return SampleRow(
        href=f"/samples/{sample.id}",
        donor_code=sample.donor_code,
        din=din_text(sample.din, is_checked=sample.din_is_checked),
        accession_number=sample.accession_number,
        state=SAMPLE_STATES[sample.state],
        score=_score_cell(sample, shown),
        images=_images_text(sample),
        created=moment_text(sample.created_at),
        is_demonstration=sample.is_demonstration,
        is_moving=_is_moving(sample),
    )


def _estimates(sample: SampleView) -> list[Estimate]:
    """The sample's own score, then its reference; nothing before it is scored."""
    score = sample.latest_score
    if score is None:
        return []
    image = Estimate(score.rigidity_score, *score.rigidity_interval)
    reference = mean_of_references(sample.references)
    return [image] if reference is None else [image, reference]


def _score_cell(sample: SampleView, shown: Sequence[Estimate]) -> ScoreCell | None:
    score = sample.latest_score
    if score is None:
        return None
    image, reference = (*_estimates(sample), None)[:2]
    assert image is not None
    return ScoreCell(
        value=score_text(score.rigidity_score),
        interval=interval_text(score.rigidity_interval),
        scale=chart_markup(tiny_scale(image, reference, among=shown)),
        is_demonstration_model=score.model_version.demonstration,
    )


def _is_moving(sample: SampleView) -> bool:
    """Whether its row is about to change: images are drawn, judged or analysed."""
    is_being_made = sample.is_demonstration and sample.state == "received"
    is_judged = any(well.images.pending for well in sample.wells)
    return is_being_made or is_judged or sample.state == "running"


def _images_text(sample: SampleView) -> str:
    n_images = sum(well.images.total for well in sample.wells)
    if not n_images:
        return "none yet"
    return f"{count_text(n_images)} in {counted_text(len(sample.wells), 'well')}"


def new_sample_page(
    values: FormValues, *, notice: Notice | None = None, wrong_field: str | None = None
) -> NewSamplePage:
    return NewSamplePage(values, CONTAINERS, ADDITIVES, notice, wrong_field)
