"""Agreement of image scores with reference scores over many samples: method comparison."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries import agreement as queries
from app.db.queries.references import references_of_samples
from app.db.tables import Donor, ModelVersion, OutsidePair, Sample, Score
from app.domain.assessment import NotAssessable
from app.domain.errors import InvalidInput
from app.domain.method_comparison import (
    BlandAltman,
    Deming,
    Outliers,
    Pairs,
    PassingBablok,
    PearsonR,
    PercentDeviation,
    Replicates,
    VarianceRatio,
    compare,
    pooled_variance,
    variance_ratio,
)
from app.domain.method_comparison.comparison import RECOMMENDED_PAIRS
from app.domain.method_comparison.findings import findings_of
from app.domain.method_comparison.replicates import NO_REPEATS, SingleRun, single_run
from app.domain.quality import Finding
from app.domain.scoring import percent_deviation
from app.security.permissions import Principal
from app.services.model_versions import get_version
from app.services.outside_pairs import NoteView, note_view

RATIO_RANGE: Final = (0.01, 100.0)


class PairSource(StrEnum):
    """Which pairs; those of the demonstration are drawn and never mixed with measured ones."""

    ALL = "all"
    HERE = "here"
    ELSEWHERE = "elsewhere"
    DEMONSTRATION = "demonstration"


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which pairs a method comparison is about; both days belong to the period.

    `measured_with` is the name of a model version, or of a method that pairs from elsewhere name.
    """

    model_version_id: uuid.UUID | None = None
    measured_with: str | None = None
    first_on: dt.date | None = None
    last_on: dt.date | None = None
    source: PairSource = PairSource.ALL


@dataclass(frozen=True, kw_only=True)
class PairView:
    """One sample's two scores.

    `id` is the sample's where it was measured here. `measured_on` is the day of sampling, or of
    receipt; elsewhere the day that was entered with the pair, or that of the entry.
    """

    id: uuid.UUID
    origin: PairSource
    sample_id: uuid.UUID | None
    donor_code: str
    storage_day: int | None
    measured_on: dt.date
    reference_score: float
    image_score: float
    difference: float
    percent_deviation: float
    n_runs: int | None
    measured_with: str
    model_version_id: uuid.UUID | None
    is_demonstration: bool
    source: str | None
    is_outlier: bool = False
    notes: tuple[NoteView, ...] = ()
    withdrawn_reason: str | None = None


@dataclass(frozen=True)
class AgreementView:
    """The pairs that were chosen, and every figure with its method's name and version.

    Figures are given whatever the number of pairs, and judged by none: there is no pass.
    `n_donor_days` counts donors by storage day, which is what the recommendation is about.
    """

    selection: Selection
    n: int
    n_donor_days: int
    n_recommended: int
    is_enough: bool
    message: str
    is_demonstration: bool
    bland_altman: BlandAltman | NotAssessable
    single_run: SingleRun | None
    deming: Deming | NotAssessable
    passing_bablok: PassingBablok | NotAssessable
    percent_deviation: PercentDeviation | NotAssessable
    pearson: PearsonR | NotAssessable
    outliers: Outliers | NotAssessable
    findings: tuple[Finding, ...]
    pairs: tuple[PairView, ...]
    withdrawn: tuple[PairView, ...]


@dataclass
class _Gathered:
    """What was read for one answer."""

    pairs: list[PairView] = field(default_factory=list)
    withdrawn: list[PairView] = field(default_factory=list)
    runs: list[list[float]] = field(default_factory=list)
    wells: list[list[float]] = field(default_factory=list)


def agreement(
    session: Session,
    principal: Principal,
    selection: Selection,
    *,
    entered_ratio: float | None = None,
) -> AgreementView:
    """The method comparison of the chosen pairs.

    `entered_ratio` is Var(error of reference) / Var(error of image) where somebody knows it better
    than the replicates do.

    Raises
    ------
    NotFound
        ``model_version_unknown``.
    InvalidInput
        ``agreement_period`` or ``variance_ratio``.
    """
    _check(session, selection, entered_ratio)
    gathered = _Gathered()
    if selection.source != PairSource.ELSEWHERE:
        _gather_here(session, principal, selection, gathered)
    if selection.source in (PairSource.ALL, PairSource.ELSEWHERE):
        _gather_elsewhere(session, principal, selection, gathered)
    notes = _notes(session, [*gathered.pairs, *gathered.withdrawn])
    return _view(selection, gathered, notes, entered_ratio)


def methods_elsewhere(session: Session, principal: Principal) -> tuple[str, ...]:
    """Names under which image scores from elsewhere were entered."""
    return tuple(queries.methods_elsewhere(session, owner=principal.owner))


def has_pairs(session: Session, principal: Principal, source: PairSource) -> bool:
    """Whether there is any pair of this kind."""
    gathered = _Gathered()
    if source in (PairSource.HERE, PairSource.DEMONSTRATION):
        _gather_here(session, principal, Selection(source=source), gathered)
    else:
        _gather_elsewhere(session, principal, Selection(source=source), gathered)
    return bool(gathered.pairs)


def _check(session: Session, selection: Selection, entered_ratio: float | None) -> None:
    if selection.model_version_id is not None:
        get_version(session, selection.model_version_id)
    first, last = selection.first_on, selection.last_on
    if first is not None and last is not None and last < first:
        raise InvalidInput(
            "agreement_period", "The period ends before it begins; exchange the two days."
        )
    low, high = RATIO_RANGE
    if entered_ratio is not None and not low <= entered_ratio <= high:
        raise InvalidInput(
            "variance_ratio", f"The ratio of the error variances lies between {low} and {high:g}."
        )


def _gather_here(
    session: Session, principal: Principal, selection: Selection, gathered: _Gathered
) -> None:
    rows = queries.scored_with_reference(
        session,
        owner=principal.owner,
        model_version_id=selection.model_version_id,
        measured_with=selection.measured_with,
        first_on=selection.first_on,
        last_on=selection.last_on,
        is_demonstration=selection.source == PairSource.DEMONSTRATION,
    )
    runs: dict[uuid.UUID, list[float]] = {row.Sample.id: [] for row in rows}
    for reference in references_of_samples(session, list(runs)):
        runs[reference.sample_id].append(reference.rigidity_score)
    for sample, donor, score, version in rows:
        gathered.pairs.append(_pair_here(sample, donor, score, version, runs[sample.id]))
        gathered.runs.append(runs[sample.id])
        gathered.wells.append([well["rigidity_score"] for well in score.details["wells"]])


def _pair_here(
    sample: Sample, donor: Donor, score: Score, version: ModelVersion, runs: Sequence[float]
) -> PairView:
    reference = sum(runs) / len(runs)
    image = score.rigidity_score
    assert image is not None
    taken_at = sample.sampled_at or sample.created_at
    return PairView(
        id=sample.id,
        origin=PairSource.DEMONSTRATION if sample.is_demonstration else PairSource.HERE,
        sample_id=sample.id,
        donor_code=donor.code,
        storage_day=sample.storage_day,
        measured_on=taken_at.astimezone(dt.UTC).date(),
        reference_score=reference,
        image_score=image,
        difference=image - reference,
        percent_deviation=percent_deviation(image, reference),
        n_runs=len(runs),
        measured_with=version.name,
        model_version_id=version.id,
        is_demonstration=version.is_demonstration or sample.is_demonstration,
        source=None,
    )


def _gather_elsewhere(
    session: Session, principal: Principal, selection: Selection, gathered: _Gathered
) -> None:
    rows = queries.outside_pairs(
        session,
        owner=principal.owner,
        model_version_id=selection.model_version_id,
        measured_with=selection.measured_with,
        first_on=selection.first_on,
        last_on=selection.last_on,
    )
    for row, version in rows:
        pair = _pair_elsewhere(row, version)
        (gathered.pairs if row.withdrawn_at is None else gathered.withdrawn).append(pair)


def _pair_elsewhere(row: OutsidePair, version: ModelVersion | None) -> PairView:
    return PairView(
        id=row.id,
        origin=PairSource.ELSEWHERE,
        sample_id=None,
        donor_code=row.donor_code,
        storage_day=row.storage_day,
        measured_on=row.measured_on or row.created_at.astimezone(dt.UTC).date(),
        reference_score=row.reference_score,
        image_score=row.image_score,
        difference=row.image_score - row.reference_score,
        percent_deviation=percent_deviation(row.image_score, row.reference_score),
        n_runs=None,
        measured_with=row.measured_with,
        model_version_id=row.model_version_id,
        is_demonstration=version is not None and version.is_demonstration,
        source=row.source,
        withdrawn_reason=row.withdrawn_reason,
    )


def _notes(session: Session, pairs: Sequence[PairView]) -> dict[uuid.UUID, list[NoteView]]:
    """By the id of the pair."""
    ids = [pair.id for pair in pairs]
    found: dict[uuid.UUID, list[NoteView]] = {}
    for note in queries.notes_of(session, ids, ids):
        subject = note.sample_id or note.outside_pair_id
        assert subject is not None
        found.setdefault(subject, []).append(note_view(note))
    return found


def _view(
    selection: Selection,
    gathered: _Gathered,
    notes: dict[uuid.UUID, list[NoteView]],
    entered_ratio: float | None,
) -> AgreementView:
    listed = gathered.pairs
    pairs = Pairs.of([p.reference_score for p in listed], [p.image_score for p in listed])
    runs, wells = _replicates(gathered)
    ratio = variance_ratio(runs, wells)
    if entered_ratio is not None:
        ratio = VarianceRatio(entered_ratio, "entered", runs.df, wells.df)
    figures = compare(pairs, ratio)
    n_donor_days = len({(pair.donor_code, pair.storage_day) for pair in listed})
    return AgreementView(
        selection=selection,
        n=len(listed),
        n_donor_days=n_donor_days,
        n_recommended=RECOMMENDED_PAIRS,
        is_enough=n_donor_days >= RECOMMENDED_PAIRS,
        message=_message(len(listed), n_donor_days),
        is_demonstration=any(pair.is_demonstration for pair in listed),
        bland_altman=figures.bland_altman,
        single_run=single_run(pairs, runs),
        deming=figures.deming,
        passing_bablok=figures.passing_bablok,
        percent_deviation=figures.percent_deviation,
        pearson=figures.pearson,
        outliers=figures.outliers,
        findings=findings_of(
            figures, [pair.measured_with for pair in listed], [pair.donor_code for pair in listed]
        ),
        pairs=_told(listed, notes, figures.outliers),
        withdrawn=_told(gathered.withdrawn, notes),
    )


def _replicates(gathered: _Gathered) -> tuple[Replicates, Replicates]:
    """Of the device's runs and of the wells; pairs measured elsewhere come without theirs."""
    if len(gathered.runs) < len(gathered.pairs):
        return NO_REPEATS, NO_REPEATS
    return pooled_variance(gathered.runs), pooled_variance(gathered.wells)


def _message(n: int, n_donor_days: int) -> str:
    if n == 0:
        return "No pairs yet."
    of = "" if n == n_donor_days else f" of {n_donor_days} donors and storage days"
    if n_donor_days < RECOMMENDED_PAIRS:
        return (
            f"{n}{of} of {RECOMMENDED_PAIRS} pairs: the figures are shown, and nothing is passed "
            "or failed."
        )
    return (
        f"{n} pairs{of}, {RECOMMENDED_PAIRS} or more are recommended: enough to hold against "
        "limits that the laboratory set beforehand."
    )


def _told(
    pairs: Sequence[PairView],
    notes: dict[uuid.UUID, list[NoteView]],
    outliers: Outliers | NotAssessable | None = None,
) -> tuple[PairView, ...]:
    """Pairs with their notes, and which of them stand out."""
    places = outliers.places if isinstance(outliers, Outliers) else ()
    return tuple(
        replace(pair, notes=tuple(notes.get(pair.id, ())), is_outlier=place in places)
        for place, pair in enumerate(pairs)
    )
