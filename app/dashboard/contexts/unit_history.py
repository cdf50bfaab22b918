"""A unit over storage days: its page, and the smaller picture on a sample's page."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from app.charts import Estimate
from app.charts.history import ChartedDay, ChartedLine, unit_history
from app.dashboard.contexts.sample import HistoryPart, SlopeText, TwoWidths
from app.dashboard.contexts.wording import (
    CONTAINERS,
    SAMPLE_STATES,
    TONES,
    Chip,
    DinText,
    FindingText,
    chart_markup,
    counted_text,
    din_text,
    interval_text,
    moment_text,
    score_text,
    signed_text,
)
from app.domain.assessment import NotAssessable
from app.domain.identifiers import Din
from app.domain.method_comparison.pairs import Estimate as Figure
from app.domain.unit_history import Trend
from app.services.unit_history import BAG, DayValue, History, HistoryPoint, UnitLine

NARROW_PX: Final = 340
WIDE_PX: Final = 640
DRAWN_FROM: Final = {**CONTAINERS, BAG: "Bag or its segments"}
DAYS_PER_WEEK: Final = 7


@dataclass(frozen=True)
class HistoryRow:
    href: str
    day: str
    sampled: str
    state: Chip
    image: str
    reference: str
    difference: str
    remark: str


@dataclass(frozen=True)
class LinePart:
    """One line of a history; without a chart where no sample has a day."""

    ident: str
    heading: str
    is_demonstration: bool
    chart: TwoWidths | None
    slopes: tuple[SlopeText, ...]
    versions: str
    findings: tuple[FindingText, ...]
    rows: tuple[HistoryRow, ...]


@dataclass(frozen=True)
class VersionChoice:
    text: str
    href: str
    is_chosen: bool


@dataclass(frozen=True)
class UnitHistoryPage:
    """`lines` is empty while nothing was asked for: the page then asks which unit."""

    din: DinText | None
    donor_code: str | None
    versions: tuple[VersionChoice, ...]
    findings: tuple[FindingText, ...]
    lines: tuple[LinePart, ...]


EMPTY_PAGE: Final = UnitHistoryPage(None, None, (), (), ())


def unit_history_page(history: History) -> UnitHistoryPage:
    return UnitHistoryPage(
        din=din_text(history.din, is_checked=True),
        donor_code=history.donor_code,
        versions=_versions(history),
        findings=tuple(FindingText(TONES[one.level], one.message) for one in history.findings),
        lines=tuple(_line(line, number) for number, line in enumerate(history.lines, 1)),
    )


def history_part(line: UnitLine | None) -> HistoryPart | None:
    if line is None or line.din is None:
        return None
    return HistoryPart(
        href="/unit-history?" + urlencode({"din": line.din}),
        chart=_chart(line, "history"),
        slope=_slope("Image score", line.trend),
        samples=counted_text(len(line.points), "sample"),
    )


def _versions(history: History) -> tuple[VersionChoice, ...]:
    """Offered where the newest scores come from several versions, or one was chosen."""
    found = {
        point.model_version.id: point.model_version.name
        for line in history.lines
        for point in line.points
        if point.model_version is not None
    }
    chosen = history.model_version_id
    if len(found) < 2 and chosen is None:
        return ()
    subject = {"din": history.din, "donor_code": history.donor_code}
    query = {name: value for name, value in subject.items() if value}
    newest = VersionChoice("Newest scores", f"/unit-history?{urlencode(query)}", chosen is None)
    return (
        newest,
        *(
            VersionChoice(
                f"Scores by {name}",
                f"/unit-history?{urlencode({**query, 'model_version_id': str(version_id)})}",
                version_id == chosen,
            )
            for version_id, name in found.items()
        ),
    )


def _line(line: UnitLine, number: int) -> LinePart:
    slopes = [_slope("Image score", line.trend)]
    has_several = len(_version_names(line)) > 1
    if any(point.reference for point in line.points):
        slopes.append(_slope("Reference, by the sorting device", line.reference_trend))
    return LinePart(
        ident=f"unit-{number}",
        heading=_heading(line),
        is_demonstration=line.is_demonstration,
        chart=_chart(line, f"unit-{number}"),
        slopes=tuple(slopes),
        versions=", ".join(_version_names(line)),
        findings=tuple(FindingText(TONES[one.level], one.message) for one in line.findings),
        rows=tuple(_row(point, has_several=has_several) for point in line.points),
    )


def _version_names(line: UnitLine) -> list[str]:
    names = [point.model_version.name for point in line.points if point.model_version]
    return list(dict.fromkeys(names))


def _heading(line: UnitLine) -> str:
    unit = f"DIN {Din(line.din, is_checked=True)}" if line.din else "No donation number"
    parts = (f"Donor {line.donor_code}", unit, DRAWN_FROM[line.drawn_from], line.additive)
    return " · ".join(part for part in parts if part)


def _chart(line: UnitLine, name: str) -> TwoWidths | None:
    """Of one unit's days; samples that are not known to be one unit are not put on one axis."""
    if line.din is None:
        return None
    days = [
        ChartedDay(
            point.storage_day,
            _estimate(point.image) if point.gap is None else None,
            _estimate(point.reference),
        )
        for point in line.points
        if point.storage_day is not None
    ]
    if not days:
        return None
    fitted = _fitted(line.trend)
    wide, narrow = (
        chart_markup(unit_history(days, fitted, ident=f"{name}-{width}", width=width))
        for width in (WIDE_PX, NARROW_PX)
    )
    return TwoWidths(wide, narrow)


def _estimate(value: DayValue | None) -> Estimate | None:
    return None if value is None else Estimate(value.rigidity_score, *value.interval)


def _fitted(trend: Trend | NotAssessable) -> ChartedLine | None:
    if isinstance(trend, NotAssessable):
        return None
    return ChartedLine(trend.first_day, trend.last_day, trend.first_score, trend.last_score)


def _slope(name: str, trend: Trend | NotAssessable) -> SlopeText:
    if isinstance(trend, NotAssessable):
        words = f"No slope: not assessable, because {trend.because}."
        return SlopeText(name, words, "", "", trend.method)
    per_week = [
        f"{DAYS_PER_WEEK * end:+.3f}".replace("-", "−")
        for end in (trend.slope_per_day.value, *_ends(trend.slope_per_day))
    ]
    low, high = _ends(trend.change)
    figures = (
        f"{signed_text(trend.change.value)} from day {trend.first_day} to day {trend.last_day}, "
        f"95 % interval {signed_text(low)} to {signed_text(high)}. Per week: "
        f"{per_week[0]} ({per_week[1]} to {per_week[2]})."
    )
    basis = f"{counted_text(trend.n, 'sample')} on {counted_text(trend.n_days, 'day')}"
    return SlopeText(name, _direction(low, high), figures, basis, trend.method)


def _ends(figure: Figure) -> tuple[float, float]:
    assert figure.low is not None
    assert figure.high is not None
    return figure.low, figure.high


def _direction(low: float, high: float) -> str:
    if low > 0:
        return "The cells become more rigid."
    if high < 0:
        return "The cells become more deformable."
    return "Neither a rise nor a fall can be told from no change."


def _row(point: HistoryPoint, *, has_several: bool) -> HistoryRow:
    image, reference = point.image, point.reference
    return HistoryRow(
        href=f"/samples/{point.sample_id}",
        day=_day_text(point),
        sampled=moment_text(point.sampled_at).text.partition(",")[0] if point.sampled_at else "",
        state=SAMPLE_STATES[point.state],
        image=_value_text(image),
        reference=_value_text(reference),
        difference=signed_text(image.rigidity_score - reference.rigidity_score)
        if image and reference
        else "",
        remark=_remark(point, has_several=has_several),
    )


def _value_text(value: DayValue | None) -> str:
    if value is None:
        return "–"
    return f"{score_text(value.rigidity_score)} ({interval_text(value.interval)})"


def _day_text(point: HistoryPoint) -> str:
    if point.storage_day is None:
        return "not known"
    return f"{point.storage_day}" + ("" if point.storage_day_is_derived else " (entered)")


def _remark(point: HistoryPoint, *, has_several: bool) -> str:
    """Of a score its version as well, where the line holds scores of several."""
    remarks = []
    if point.gap is not None:
        remarks.append(point.gap.message)
    elif point.population == "outside":
        remarks.append("Unlike the training donors.")
    if has_several and point.model_version is not None:
        remarks.append(f"By {point.model_version.name}.")
    return " ".join(remarks)
