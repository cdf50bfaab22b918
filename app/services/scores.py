"""Donor scores as people and programs read them, beside the sample's references."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from app.db.queries.analyses import (
    latest_analysis,
    latest_scored,
    unsorted_wells_of_sample,
)
from app.db.queries.references import references_of_samples
from app.db.queries.reports import newest_report
from app.db.tables import Analysis, ModelVersion, Report, Sample, Score, Well
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
    count_missing_corrections,
    look_corrected_of,
    methods_told,
    population_basis,
    replicates_of,
)
from app.services.visibility import visible_analysis, visible_sample


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
    """Share of cells called deformable among those there are; None without a cell."""

    counted: float | None


@dataclass(frozen=True)
class NoScore:
    """Why an analysis gave no number, and what can be said of its cells all the same."""

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


def well_name(well: Well) -> str:
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
    sample = visible_sample(session, principal, sample_id)
    found = latest_scored(session, sample.id)
    if found is None:
        raise _not_analysed(session, sample)
    if found.Score.rigidity_score is None:
        raise _unavailable(session, sample, found.Score)
    view = _view(found.Analysis, found.Score, found.ModelVersion)
    return replace(
        view,
        released_at=_released_at(found.Analysis, newest_report(session, sample.id)),
        findings=view.findings + _missing_corrections(session, found.Analysis),
        comparison=_comparison(session, sample.id, view.rigidity_score),
    )


def _missing_corrections(session: Session, analysis: Analysis) -> tuple[Finding, ...]:
    """Say so while a score does not hold all corrections."""
    missing = count_missing_corrections(session, analysis)
    if not missing:
        return ()
    return (
        Finding(
            "corrections_missing",
            Level.WARNING,
            float(missing),
            0.0,
            f"{missing} of the corrections may not be in this score yet; wait for the analysis "
            "that follows them, or request one if none is running.",
        ),
    )


def progress_of_sample(
    session: Session, principal: Principal, sample_id: uuid.UUID
) -> SampleProgress:
    """What changes while an analysis runs, and when a corrected score has come."""
    sample = visible_sample(session, principal, sample_id)
    found = latest_scored(session, sample.id)
    is_scored = found is not None and found.Score.rigidity_score is not None
    return SampleProgress(
        state=sample.state,
        analysis=latest_of_sample(session, sample.id),
        score=latest_score(session, principal, sample_id) if is_scored else None,
    )


def outcome_of_analysis(
    session: Session, principal: Principal, analysis_id: uuid.UUID
) -> ScoreView | NoScore | None:
    """What an analysis came to: a score, or why there is none; None before its end."""
    analysis, sample, version = visible_analysis(session, principal, analysis_id)
    score = session.get(Score, analysis.id)
    if score is None:
        return None
    if score.rigidity_score is None:
        return NoScore(
            reasons=tuple(Reason(**values) for values in score.reasons),
            n_cells=score.details["n_cells"],
            fraction_deformable=CountedShare(**score.details["fraction_deformable"]),
            published_rigidity_score=score.details.get("published_rigidity_score"),
        )
    view = _view(analysis, score, version)
    return replace(
        view,
        comparison=_comparison(session, sample.id, view.rigidity_score),
        released_at=_released_at(analysis, newest_report(session, sample.id)),
    )


def _released_at(analysis: Analysis, report: Report | None) -> dt.datetime | None:
    """When this very score went out, as far as it stands: not while another or none does."""
    if (
        report is None
        or report.analysis_id != analysis.id
        or report.status == ReportStatus.ENTERED_IN_ERROR
    ):
        return None
    return report.created_at


def _comparison(session: Session, sample_id: uuid.UUID, score: float) -> Comparison | None:
    rows = references_of_samples(session, [sample_id])
    found = compare_with_references(score, references.scores_of(rows))
    fractions = references.mean_fractions([row.fractions for row in rows])
    if found is None or fractions is None:
        return found
    return replace(found, outlet_fractions=fractions, cumulated_fractions=cumulate(fractions))


def _view(analysis: Analysis, score: Score, version: ModelVersion) -> ScoreView:
    assert score.rigidity_score is not None
    details = score.details
    return ScoreView(
        analysis_id=analysis.id,
        computed_at=score.created_at,
        rigidity_score=score.rigidity_score,
        rigidity_interval=tuple(details["rigidity_interval"]),
        deformability_score=details["deformability_score"],
        deformability_interval=tuple(details["deformability_interval"]),
        fraction_deformable=DeformableShares(**details["fraction_deformable"]),
        outlet_fractions=details["outlet_fractions"],
        cumulated_fractions=cumulate(details["outlet_fractions"]),
        crossing_um=constriction_at(score.rigidity_score),
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
        findings=tuple(Finding.from_json(values) for values in details["findings"]),
        method=score.method,
        methods=methods_told(details, score.method),
        model_version=VersionOfScore(
            version.id, version.name, version.sha256, version.is_demonstration
        ),
        comparison=None,
        released_at=None,
    )


def _well_score(values: dict[str, Any]) -> WellScore:
    fractions = {int(outlet): share for outlet, share in values["outlet_fractions"].items()}
    return WellScore(**{**values, "outlet_fractions": fractions})


def scores_of_samples(
    rows: Sequence[tuple[Analysis, Score, ModelVersion]],
    reports: Mapping[uuid.UUID, Report] | None = None,
) -> dict[uuid.UUID, ScoreView]:
    """Views by sample id for lists; rows come from one query each, without comparisons.

    Without the newest `reports` by sample id, nothing is said of when a score was released.
    """
    newest = reports or {}
    return {
        analysis.sample_id: replace(
            _view(analysis, score, version),
            released_at=_released_at(analysis, newest.get(analysis.sample_id)),
        )
        for analysis, score, version in rows
        if score.rigidity_score is not None
    }


def _unavailable(session: Session, sample: Sample, score: Score) -> Conflict:
    text = "; ".join(reason["message"] for reason in score.reasons)
    return Conflict(
        "score_unavailable",
        f"Not a donor score: {text}.".replace("..", "."),
        reasons=score.reasons,
        reference=_reference(session, sample.id),
        **score.details,
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
