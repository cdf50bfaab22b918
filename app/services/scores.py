"""Donor scores as people and programs read them, beside the sample's references."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Final

from sqlalchemy.orm import Session

from app.db.queries import told_scores as queries
from app.db.queries.analyses import latest_analysis, unsorted_wells_of_sample
from app.db.queries.counted_wells import CountedWell
from app.db.queries.references import references_of_samples
from app.db.queries.told_scores import NewestScore, ToldScore
from app.db.tables import Sample, Well
from app.domain.agreement import Comparison, compare_with_references
from app.domain.donor_score import (
    NO_UNSORTED_WELL,
    Reason,
    WellScore,
)
from app.domain.errors import Conflict
from app.domain.look_correction import LookCorrectedScore
from app.domain.outlets import constriction_at
from app.domain.quality import Finding, Level
from app.domain.scoring import REFERENCE_METHOD, cumulate
from app.reports.content import ReportStatus
from app.security.permissions import Principal
from app.services import references
from app.services.analyses import (
    AnalysisView,
    latest_of_sample,
)
from app.services.score_basis import (
    PopulationBasis,
    Replicates,
    look_corrected_of,
    methods_told,
    population_basis,
    replicates_of,
)
from app.services.visibility import may_see, visible_analysis, visible_sample

WITHDRAWN: Final = Reason(
    "withdrawn", "the result was withdrawn after its release and has no value; its report says why"
)


@dataclass(frozen=True)
class VersionOfScore:
    id: uuid.UUID
    name: str
    sha256: str
    demonstration: bool


@dataclass(frozen=True)
class DeformableShares:
    """Share of cells called deformable: as counted, and corrected for known misclassification."""

    counted: float
    corrected: float


@dataclass(frozen=True)
class CountedShare:
    """Share of cells called deformable among those there are; None without a cell or a result."""

    counted: float | None


@dataclass(frozen=True)
class NoScore:
    """Why there is no number, and what can be said of the cells; once withdrawn, only how many."""

    reasons: tuple[Reason, ...]
    n_cells: int
    fraction_deformable: CountedShare
    published_rigidity_score: float | None


@dataclass(frozen=True)
class ScoreView:
    """A donor score as it is told to people and programs.

    `methods` names the method behind each figure, by the figure's name here; `outlet_fractions` are
    empty for a model of two classes. `crossing_um` is the constriction that half the cells pass.
    Of the cells in unsorted wells `n_excluded` do not count, and `n_restored` do, because a
    technician said so of them or of their image.
    """

    analysis_id: uuid.UUID
    computed_at: dt.datetime
    rigidity_score: float
    rigidity_interval: tuple[float, float]
    deformability_score: float
    deformability_interval: tuple[float, float]
    fraction_deformable: DeformableShares
    outlet_fractions: dict[str, float]
    cumulated_fractions: dict[str, float]
    crossing_um: float
    published_rigidity_score: float
    n_cells: int
    n_images: int
    n_wells: int
    n_excluded: int
    n_restored: int
    replicate_difference: float | None
    wells: tuple[WellScore, ...]
    replicates: Replicates | None
    population: str
    population_basis: PopulationBasis | None
    look_corrected: LookCorrectedScore | None
    findings: tuple[Finding, ...]
    method: str
    methods: dict[str, str]
    model_version: VersionOfScore
    comparison: Comparison | None
    released_at: dt.datetime | None


@dataclass(frozen=True)
class SampleProgress:
    """Where a sample stands: its newest analysis and newest score, None where there is none."""

    state: str
    analysis: AnalysisView | None
    score: ScoreView | None


def well_name(well: Well | CountedWell) -> str:
    """What a person calls the well: its place on the plate, else its content and number."""
    if well.position:
        return well.position
    content = "unsorted" if well.outlet is None else f"outlet {well.outlet}"
    return f"{content} {well.number}"


def latest_score(session: Session, principal: Principal, sample_id: uuid.UUID) -> ScoreView:
    """The newest score of a sample.

    Raises
    ------
    Conflict
        `score_unavailable` with `reasons`, the number of cells and the share called deformable.
    """
    found = queries.newest_score(session, sample_id)
    if found is None or not may_see(principal, found):
        raise _not_analysed(session, visible_sample(session, principal, sample_id))
    return _newest_view(session, found)


def _newest_view(session: Session, found: NewestScore) -> ScoreView:
    told = found.score
    if _is_withdrawn(told):
        raise _withdrawn()
    if told.rigidity_score is None:
        raise _unavailable(session, told)
    return _view(
        told,
        further=_missing_corrections(found.n_corrections - told.n_corrections),
        comparison=_comparison(session, told) if found.has_references else None,
    )


def _missing_corrections(n_missing: int) -> tuple[Finding, ...]:
    """Say so while a score does not hold all corrections."""
    if n_missing <= 0:
        return ()
    return (
        Finding(
            "corrections_missing",
            Level.WARNING,
            float(n_missing),
            0.0,
            f"{n_missing} of the corrections may not be in this score yet; wait for the analysis "
            "that follows them, or request one if none is running.",
        ),
    )


def progress_of_sample(
    session: Session, principal: Principal, sample_id: uuid.UUID
) -> SampleProgress:
    """What changes while an analysis runs, and when a corrected score has come."""
    sample = visible_sample(session, principal, sample_id)
    found = queries.newest_score(session, sample.id)
    return SampleProgress(
        state=sample.state,
        analysis=latest_of_sample(session, sample.id),
        score=_newest_view(session, found) if found and _has_number(found.score) else None,
    )


def outcome_of_analysis(
    session: Session, principal: Principal, analysis_id: uuid.UUID
) -> ScoreView | NoScore | None:
    """What an analysis came to: a score, or why there is none (any more); None before its end."""
    visible_analysis(session, principal, analysis_id)
    told = queries.score_of_analysis(session, analysis_id)
    if told is None:
        return None
    if _is_withdrawn(told):
        return NoScore((WITHDRAWN,), told.details["n_cells"], CountedShare(None), None)
    if told.rigidity_score is None:
        return NoScore(
            reasons=tuple(Reason(**values) for values in told.reasons),
            n_cells=told.details["n_cells"],
            fraction_deformable=CountedShare(**told.details["fraction_deformable"]),
            published_rigidity_score=told.details.get("published_rigidity_score"),
        )
    return _view(told, comparison=_comparison(session, told))


def _released_at(told: ToldScore) -> dt.datetime | None:
    """When this very score went out, as far as it stands: not while another or none does."""
    is_this = told.report_analysis_id == told.analysis_id
    return told.report_at if is_this and not _is_withdrawn(told) else None


def _comparison(session: Session, told: ToldScore) -> Comparison | None:
    assert told.rigidity_score is not None
    rows = references_of_samples(session, [told.sample_id])
    found = compare_with_references(told.rigidity_score, references.scores_of(rows))
    fractions = references.mean_fractions([row.fractions for row in rows])
    if found is None or fractions is None:
        return found
    return replace(found, outlet_fractions=fractions, cumulated_fractions=cumulate(fractions))


def _view(
    told: ToldScore,
    *,
    further: tuple[Finding, ...] = (),
    comparison: Comparison | None = None,
) -> ScoreView:
    assert told.rigidity_score is not None
    details = told.details
    found = tuple(Finding.from_json(values) for values in details["findings"])
    return ScoreView(
        analysis_id=told.analysis_id,
        computed_at=told.computed_at,
        rigidity_score=told.rigidity_score,
        rigidity_interval=tuple(details["rigidity_interval"]),
        deformability_score=details["deformability_score"],
        deformability_interval=tuple(details["deformability_interval"]),
        fraction_deformable=DeformableShares(**details["fraction_deformable"]),
        outlet_fractions=details["outlet_fractions"],
        cumulated_fractions=cumulate(details["outlet_fractions"]),
        crossing_um=constriction_at(told.rigidity_score),
        published_rigidity_score=details["published_rigidity_score"],
        n_cells=details["n_cells"],
        n_images=details["n_images"],
        n_wells=details["n_wells"],
        n_excluded=details.get("n_excluded", 0),
        n_restored=details.get("n_restored", 0),
        replicate_difference=details["replicate_difference"],
        wells=tuple(_well_score(values) for values in details["wells"]),
        replicates=replicates_of(details),
        population=details.get("population", "uncalibrated"),
        population_basis=population_basis(details),
        look_corrected=look_corrected_of(details),
        findings=found + further,
        method=told.method,
        methods=methods_told(details, told.method),
        model_version=VersionOfScore(
            told.version_id, told.version_name, told.version_sha256, told.version_is_demonstration
        ),
        comparison=comparison,
        released_at=_released_at(told),
    )


def _well_score(values: dict[str, Any]) -> WellScore:
    fractions = {int(outlet): share for outlet, share in values["outlet_fractions"].items()}
    return WellScore(**{**values, "outlet_fractions": fractions})


def scores_of_samples(rows: Sequence[ToldScore]) -> dict[uuid.UUID, ScoreView]:
    """Views by sample id for lists: without comparisons, each of which is a query of its own."""
    return {told.sample_id: _listed(told) for told in rows if _has_number(told)}


@lru_cache(maxsize=500)
def _listed(told: ToldScore) -> ScoreView:
    """Lists are read again and again, and what a row says of a score never changes."""
    return _view(told)


def _has_number(told: ToldScore) -> bool:
    return told.rigidity_score is not None and not _is_withdrawn(told)


def _is_withdrawn(told: ToldScore) -> bool:
    """Whether people said that the sample's result is none, whatever was computed."""
    return told.report_status == ReportStatus.ENTERED_IN_ERROR


def _withdrawn() -> Conflict:
    return Conflict(
        "score_unavailable",
        f"Not a donor score: {WITHDRAWN.message}.",
        reasons=[asdict(WITHDRAWN)],
        reference=None,
    )


def _unavailable(session: Session, told: ToldScore) -> Conflict:
    text = "; ".join(reason["message"] for reason in told.reasons)
    return Conflict(
        "score_unavailable",
        f"Not a donor score: {text}.".replace("..", "."),
        reasons=told.reasons,
        reference=_reference(session, told.sample_id),
        **told.details,
    )


def _reference(session: Session, sample_id: uuid.UUID) -> dict[str, Any] | None:
    """The mean of the sample's references, which is known whether there is a score or not."""
    rows = references_of_samples(session, [sample_id])
    mean = compare_with_references(0.0, references.scores_of(rows))
    if mean is None:
        return None
    told = {"rigidity_score": mean.rigidity_score, "interval": list(mean.interval)}
    return told | {"n_runs": mean.n_runs, "method": REFERENCE_METHOD}


def _not_analysed(session: Session, sample: Sample) -> Conflict:
    reason = _why_not_analysed(session, sample)
    text = reason.message.rstrip(".")
    return Conflict(
        "score_unavailable",
        f"Not a donor score: {text}.",
        reasons=[asdict(reason)],
        reference=_reference(session, sample.id),
    )


def _why_not_analysed(session: Session, sample: Sample) -> Reason:
    if not unsorted_wells_of_sample(session, sample.id):
        return NO_UNSORTED_WELL
    analysis = latest_analysis(session, sample.id)
    if analysis is None:
        return Reason("not_analysed", "no analysis of this sample was asked for; request one")
    if analysis.failure is not None:
        return Reason("not_analysed", f"the analysis failed: {analysis.failure['message']}")
    return Reason("not_analysed", "the analysis has not ended yet; wait for it")
