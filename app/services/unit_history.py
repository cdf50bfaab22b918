"""One unit or one donor over storage days: scores with their intervals, gaps, and the slope.

A line never joins two donations, two donors, tubes and bags, two additives, or drawn and measured
samples: these are different cells, not the same ones later.
"""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries import unit_history as queries
from app.db.queries.references import references_of_samples
from app.db.queries.told_scores import ToldScore, told_scores
from app.db.tables import Donor, ReferenceMeasurement, Sample
from app.domain.agreement import compare_with_references
from app.domain.assessment import NotAssessable
from app.domain.errors import InvalidInput, NotFound
from app.domain.identifiers import parse_din
from app.domain.method_comparison.pairs import Z
from app.domain.quality import Finding, Level
from app.domain.unit_history import METHOD, DayScore, Trend, fit_trend
from app.domain.well_effects import EarlierWell, pool_wells
from app.security.permissions import Principal
from app.services import references
from app.services.scores import ScoreView, VersionOfScore, scores_of_samples
from app.services.visibility import visible_sample

BAG: Final = "bag"
DRAWN_FROM: Final = {"blood_bag": BAG, "segment": BAG}
"""A segment's cells are the bag's own, as far as deformability goes; a tube's are not."""


@dataclass(frozen=True)
class Gap:
    """Why a sample has no place on its line."""

    code: str
    message: str


@dataclass(frozen=True)
class DayValue:
    """A rigidity score with its 95 % interval; of a reference, the mean over `n_runs`."""

    rigidity_score: float
    interval: tuple[float, float]
    n_runs: int | None = None


@dataclass(frozen=True, kw_only=True)
class HistoryPoint:
    """One sample of the unit: image score and reference, each None where there is none.

    `gap` says why the sample is not on the line; it may have a score all the same.
    """

    sample_id: uuid.UUID
    storage_day: int | None
    storage_day_is_derived: bool
    sampled_at: dt.datetime | None
    container: str
    state: str
    image: DayValue | None
    method: str | None
    population: str | None
    model_version: VersionOfScore | None
    reference: DayValue | None
    gap: Gap | None


@dataclass(frozen=True, kw_only=True)
class UnitLine:
    """Samples that are the same cells on other days, in the order of these days.

    `drawn_from` is bag, citrate_tube or plastic_tube. Slopes are in outlets per day; that of the
    reference is the sorting device's, over the days on which the unit was sorted.
    """

    donor_code: str
    din: str | None
    drawn_from: str
    additive: str | None
    is_demonstration: bool
    points: tuple[HistoryPoint, ...]
    trend: Trend | NotAssessable
    reference_trend: Trend | NotAssessable
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class History:
    """What was asked for, and its lines."""

    din: str | None
    donor_code: str | None
    model_version_id: uuid.UUID | None
    lines: tuple[UnitLine, ...]
    findings: tuple[Finding, ...]


def history(
    session: Session,
    principal: Principal,
    *,
    din: str | None = None,
    donor_code: str | None = None,
    model_version_id: uuid.UUID | None = None,
) -> History:
    """The lines of one donation or one donor, newest scores or those of one model version.

    Raises
    ------
    InvalidInput
        ``history_subject``, or a code of `parse_din`.
    NotFound
        ``unit_unknown``: no sample of it is visible to this principal.
    """
    if (din is None) == (donor_code is None):
        raise InvalidInput(
            "history_subject", "A history is about one donation number or one donor; give either."
        )
    bare = None if din is None else parse_din(din).value
    rows = queries.samples_of(session, owner=principal.owner, din=bare, donor_code=donor_code)
    if not rows:
        raise NotFound("unit_unknown", "There is no sample of it; check the number or the code.")
    samples = [(sample, donor) for sample, donor in rows]
    lines = _lines(session, samples, model_version_id)
    return History(bare, donor_code, model_version_id, lines, _findings_of_all(bare, lines))


def history_of_sample(
    session: Session, principal: Principal, sample_id: uuid.UUID
) -> UnitLine | None:
    """The line that a sample lies on; None while nothing else lies on it."""
    sample = visible_sample(session, principal, sample_id)
    if sample.din is None:
        return None
    found = history(session, principal, din=sample.din)
    return next(
        (
            line
            for line in found.lines
            if len(line.points) > 1 and sample_id in {point.sample_id for point in line.points}
        ),
        None,
    )


def _lines(
    session: Session,
    samples: Sequence[tuple[Sample, Donor]],
    model_version_id: uuid.UUID | None,
) -> tuple[UnitLine, ...]:
    ids = [sample.id for sample, _ in samples]
    rows = {row.sample_id: row for row in told_scores(session, ids, model_version_id)}
    measured: dict[uuid.UUID, list[ReferenceMeasurement]] = {one: [] for one in ids}
    for reference in references_of_samples(session, ids):
        measured[reference.sample_id].append(reference)
    groups: dict[tuple[object, ...], list[tuple[Sample, Donor]]] = {}
    for sample, donor in samples:
        groups.setdefault(_line_key(sample, donor), []).append((sample, donor))
    return tuple(_line(group, rows, measured) for group in groups.values())


def _line_key(sample: Sample, donor: Donor) -> tuple[object, ...]:
    return (
        donor.id,
        sample.din,
        _drawn_from(sample),
        (sample.additive or "").strip().casefold(),
        sample.is_demonstration,
    )


def _drawn_from(sample: Sample) -> str:
    return DRAWN_FROM.get(sample.container, sample.container)


def _line(
    group: Sequence[tuple[Sample, Donor]],
    rows: Mapping[uuid.UUID, ToldScore],
    measured: Mapping[uuid.UUID, Sequence[ReferenceMeasurement]],
) -> UnitLine:
    samples, (first, donor) = [sample for sample, _ in group], group[0]
    views = scores_of_samples([rows[sample.id] for sample in samples if sample.id in rows])
    points = tuple(
        _point(sample, rows.get(sample.id), views.get(sample.id), measured[sample.id])
        for sample in samples
    )
    refusal = _no_line(samples)
    return UnitLine(
        donor_code=donor.code,
        din=first.din,
        drawn_from=_drawn_from(first),
        additive=first.additive,
        is_demonstration=first.is_demonstration,
        points=points,
        trend=refusal or _trend(points, views),
        reference_trend=refusal or _reference_trend(points),
        findings=_findings(points),
    )


def _point(
    sample: Sample,
    row: ToldScore | None,
    score: ScoreView | None,
    measured: Sequence[ReferenceMeasurement],
) -> HistoryPoint:
    return HistoryPoint(
        sample_id=sample.id,
        storage_day=sample.storage_day,
        storage_day_is_derived=sample.storage_day_is_derived,
        sampled_at=sample.sampled_at,
        container=sample.container,
        state=sample.state,
        image=None if score is None else DayValue(score.rigidity_score, score.rigidity_interval),
        method=score.method if score else None,
        population=score.population if score else None,
        model_version=score.model_version if score else None,
        reference=_reference(measured),
        gap=_gap(sample, row),
    )


def _reference(measured: Sequence[ReferenceMeasurement]) -> DayValue | None:
    # The mean and its interval do not depend on the image score they are compared with.
    mean = compare_with_references(0.0, references.scores_of(measured))
    return None if mean is None else DayValue(mean.rigidity_score, mean.interval, mean.n_runs)


def _gap(sample: Sample, row: ToldScore | None) -> Gap | None:
    """Why the image score is missing, or has no place among the days."""
    if sample.state == "withdrawn":
        return Gap("withdrawn", "The result was withdrawn.")
    if row is None:
        return Gap("not_analysed", "No analysis of it has ended yet.")
    if row.rigidity_score is None:
        reason = row.reasons[0]
        return Gap(reason["code"], f"No donor score: {reason['message'].rstrip('.')}.")
    if sample.storage_day is None:
        return Gap("no_storage_day", "Its storage day is not known; enter the day of sampling.")
    return None


def _no_line(samples: Sequence[Sample]) -> NotAssessable | None:
    """Why these samples, whatever their scores, make no line."""
    if samples[0].din is None:
        return NotAssessable(
            METHOD, "no_din", "without a donation number nobody knows whether it is one unit"
        )
    if len({sample.collected_on for sample in samples if sample.collected_on}) > 1:
        return NotAssessable(
            METHOD,
            "collection_dates_differ",
            "its samples have different days of collection, so one of the storage days is wrong",
        )
    return None


def _trend(
    points: Sequence[HistoryPoint], views: Mapping[uuid.UUID, ScoreView]
) -> Trend | NotAssessable:
    """The image scores' slope; its repeats are the wells of each sample."""
    used = [point for point in points if point.gap is None]
    ways = {(point.method, point.model_version) for point in used}
    if len(ways) > 1:
        return NotAssessable(
            METHOD,
            "several_methods",
            "its scores come from several model versions or methods; choose one version, or "
            "score the samples again",
        )
    wells = [
        [EarlierWell(well.rigidity_score, well.standard_error or 0.0) for well in view.wells]
        for view in (views[point.sample_id] for point in used)
    ]
    spread = pool_wells(wells)
    errors = [
        None if spread is None or not own else spread.within_sd / sqrt(len(own)) for own in wells
    ]
    return fit_trend(
        _day_scores(used, [point.image for point in used], errors),
        repeat_degrees=inf if spread is None else spread.degrees_of_freedom,
    )


def _reference_trend(points: Sequence[HistoryPoint]) -> Trend | NotAssessable:
    """The device's slope; the error of its runs is a setting, so it counts as known."""
    used = [point for point in points if point.reference and point.storage_day is not None]
    values = [point.reference for point in used if point.reference]
    errors = [(one.interval[1] - one.interval[0]) / 2 / Z for one in values]
    return fit_trend(_day_scores(used, values, errors))


def _day_scores(
    points: Sequence[HistoryPoint],
    values: Sequence[DayValue | None],
    errors: Sequence[float | None],
) -> list[DayScore]:
    return [
        DayScore(point.storage_day, value.rigidity_score, error)
        for point, value, error in zip(points, values, errors, strict=True)
        if point.storage_day is not None and value is not None
    ]


def _findings(points: Sequence[HistoryPoint]) -> tuple[Finding, ...]:
    """What a reader of the line must know beside its numbers."""
    outside = sum(point.gap is None and point.population == "outside" for point in points)
    if not outside:
        return ()
    return (
        Finding(
            "outside_population",
            Level.WARNING,
            float(outside),
            0.0,
            f"On {outside} of {len(points)} days the cells look unlike those of the training "
            "donors; what changes with storage may be their look and not their rigidity.",
        ),
    )


def _findings_of_all(din: str | None, lines: Sequence[UnitLine]) -> tuple[Finding, ...]:
    donors = sorted({line.donor_code for line in lines})
    if din is None or len(donors) == 1:
        return ()
    return (
        Finding(
            "several_donors",
            Level.WARNING,
            float(len(donors)),
            1.0,
            "Samples with this donation number were taken in for several donors: "
            f"{', '.join(donors)}. One of them has the wrong number or code.",
        ),
    )
