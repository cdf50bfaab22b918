"""Donor scores: computed when an analysis closes, read beside the sample's references."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from app.db.queries.analyses import (
    UsedImage,
    analysis_with_sample,
    count_corrected_cells,
    latest_analysis,
    latest_scored,
    posteriors_of_images,
    unsorted_wells_of_sample,
    used_images,
)
from app.db.queries.corrections import count_corrections
from app.db.queries.references import references_of_samples
from app.db.tables import Analysis, ModelVersion, Sample, Score, Well
from app.domain.agreement import Comparison, compare_with_references
from app.domain.cell_looks import LookSums, mean_looks
from app.domain.donor_score import (
    NO_UNSORTED_WELL,
    DonorScore,
    ModelFigures,
    Reason,
    Requirements,
    WellCells,
    WellScore,
    counted_share,
    missing_for_score,
    reasons_to_withhold,
    score_donor,
    to_details,
)
from app.domain.errors import Conflict
from app.domain.look_correction import LookCorrectedScore
from app.domain.quality import Finding, Level
from app.domain.scoring import IMAGE_METHOD
from app.domain.well_effects import WellSpread
from app.security.permissions import Principal
from app.services import references
from app.services.analyses import (
    OVER,
    AnalysisView,
    end_analysis,
    latest_of_sample,
    lock_open_analysis,
)
from app.services.score_basis import (
    PopulationBasis,
    Replicates,
    look_corrected_of,
    population_basis,
    read_well_history,
    replicates_of,
)
from app.services.visibility import visible_analysis, visible_sample


@dataclass(frozen=True)
class ScoreMaterial:
    """What a score is computed from; read in one short transaction, computed outside it."""

    analysis_id: uuid.UUID
    wells: tuple[WellCells, ...]
    figures: ModelFigures
    requirements: Requirements
    history: WellSpread | None
    n_excluded: int
    n_restored: int


@dataclass(frozen=True)
class ComputedScore:
    analysis_id: uuid.UUID
    score: DonorScore | None
    reasons: tuple[Reason, ...]
    counted: float | None
    n_cells: int
    n_excluded: int
    n_restored: int


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


@dataclass(frozen=True)
class ScoreView:
    """A donor score as it is told to people and programs.

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
    model_version: VersionOfScore
    comparison: Comparison | None
    released_at: dt.datetime | None


@dataclass(frozen=True)
class SampleProgress:
    """Where a sample stands: its newest analysis and newest score, None where there is none."""

    state: str
    analysis: AnalysisView | None
    score: ScoreView | None


def read_material(session: Session, analysis_id: uuid.UUID) -> ScoreMaterial | None:
    """The cells behind an analysis's score; None where the analysis is already over.

    Read it in a snapshot: a correction may be committed between two statements.
    """
    row = analysis_with_sample(session, analysis_id)
    if row is None or row.Analysis.state in OVER:
        return None
    n_excluded, n_restored = count_corrected_cells(session, row.Analysis)
    return ScoreMaterial(
        analysis_id=analysis_id,
        wells=_wells(session, row.Analysis, row.ModelVersion),
        figures=ModelFigures.from_manifest(row.ModelVersion.manifest),
        requirements=Requirements(**row.Analysis.parameters),
        history=read_well_history(session, row.Analysis),
        n_excluded=n_excluded,
        n_restored=n_restored,
    )


def _wells(session: Session, analysis: Analysis, version: ModelVersion) -> tuple[WellCells, ...]:
    used = used_images(session, analysis)
    unpacked = [image.image_id for image in used if image.p_accepted is None]
    read = posteriors_of_images(session, unpacked, version.id) if unpacked else {}
    n_outlets = len(version.manifest["outlets"])
    cells: dict[uuid.UUID, list[NDArray[np.float32]]] = defaultdict(list)
    looks: dict[uuid.UUID, list[LookSums]] = defaultdict(list)
    for image in used:
        cells[image.well.id].append(_posteriors(image, read, n_outlets))
        if image.looks is not None:
            looks[image.well.id].append(LookSums.from_bytes(image.looks))
    wells = unsorted_wells_of_sample(session, analysis.sample_id, until=analysis.frozen_at)
    return tuple(_well_cells(well, cells[well.id], looks[well.id], n_outlets) for well in wells)


def _posteriors(
    image: UsedImage, read: Mapping[uuid.UUID, Sequence[list[float]]], n_outlets: int
) -> NDArray[np.float32]:
    if image.p_accepted is None:
        return np.asarray(read.get(image.image_id, []), np.float32).reshape(-1, n_outlets)
    return np.frombuffer(image.p_accepted, np.float32).reshape(-1, n_outlets)


def _well_cells(
    well: Well, images: list[NDArray[np.float32]], looks: list[LookSums], n_outlets: int
) -> WellCells:
    none = np.zeros((0, n_outlets), np.float32)
    return WellCells(
        name=well_name(well),
        p_outlet=np.concatenate([none, *images]),
        image_index=np.repeat(np.arange(len(images)), [len(image) for image in images]),
        n_images=len(images),
        mean_looks=mean_looks(looks),
    )


def well_name(well: Well) -> str:
    """What a person calls the well: its place on the plate, else its content and number."""
    if well.position:
        return well.position
    content = "unsorted" if well.outlet is None else f"outlet {well.outlet}"
    return f"{content} {well.number}"


def compute(material: ScoreMaterial) -> ComputedScore:
    """Score, or say why not; no database, so that no transaction waits for it."""
    reasons = missing_for_score(material.wells, material.requirements)
    score = None
    if not reasons:
        score = score_donor(
            material.wells, material.figures, material.requirements, material.history
        )
        reasons = reasons_to_withhold(score)
    return ComputedScore(
        analysis_id=material.analysis_id,
        score=None if reasons else score,
        reasons=reasons,
        counted=counted_share(material.wells, material.figures),
        n_cells=sum(len(well.p_outlet) for well in material.wells),
        n_excluded=material.n_excluded,
        n_restored=material.n_restored,
    )


def record(session: Session, computed: ComputedScore, *, job_id: uuid.UUID) -> None:
    """Write the score and end its analysis, in the transaction that finishes the job."""
    analysis = lock_open_analysis(session, computed.analysis_id)
    if analysis is None:
        return
    score = computed.score
    session.add(
        Score(
            analysis_id=analysis.id,
            job_id=job_id,
            method=IMAGE_METHOD,
            rigidity_score=None if score is None else score.rigidity_score,
            reasons=[asdict(reason) for reason in computed.reasons],
            details=_details(computed),
        )
    )
    end_analysis(session, analysis)


def _details(computed: ComputedScore) -> dict[str, Any]:
    corrected = {"n_excluded": computed.n_excluded, "n_restored": computed.n_restored}
    if computed.score is not None:
        return to_details(computed.score) | corrected
    counted = {"fraction_deformable": {"counted": computed.counted}, "n_cells": computed.n_cells}
    return counted | corrected


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
        raise _unavailable(found.Score)
    view = _view(found.Analysis, found.Score, found.ModelVersion)
    return replace(
        view,
        findings=view.findings + _missing_corrections(session, found.Analysis),
        comparison=_comparison(session, sample.id, view.rigidity_score),
    )


def _missing_corrections(session: Session, analysis: Analysis) -> tuple[Finding, ...]:
    """Say so while a score does not hold all corrections: they are on their way, or that failed."""
    missing = count_corrections(session, analysis.sample_id) - analysis.n_corrections
    if missing <= 0:
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
        )
    view = _view(analysis, score, version)
    return replace(view, comparison=_comparison(session, sample.id, view.rigidity_score))


def _comparison(session: Session, sample_id: uuid.UUID, score: float) -> Comparison | None:
    rows = references_of_samples(session, [sample_id])
    return compare_with_references(score, references.scores_of(rows))


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
        model_version=VersionOfScore(
            version.id, version.name, version.sha256, version.is_demonstration
        ),
        comparison=None,
        released_at=None,
    )


def _well_score(values: dict[str, Any]) -> WellScore:
    fractions = {int(outlet): share for outlet, share in values["outlet_fractions"].items()}
    return WellScore(**{**values, "outlet_fractions": fractions})


def scores_of_samples(rows: Sequence[tuple[Analysis, Score, ModelVersion]]) -> dict[
    uuid.UUID, ScoreView
]:  # fmt: skip
    """Views by sample id for lists; rows come from one query, without comparisons."""
    return {
        analysis.sample_id: _view(analysis, score, version)
        for analysis, score, version in rows
        if score.rigidity_score is not None
    }


def _unavailable(score: Score) -> Conflict:
    text = "; ".join(reason["message"] for reason in score.reasons)
    return Conflict(
        "score_unavailable",
        f"Not a donor score: {text}.".replace("..", "."),
        reasons=score.reasons,
        **score.details,
    )


def _not_analysed(session: Session, sample: Sample) -> Conflict:
    reason = _why_not_analysed(session, sample)
    text = reason.message.rstrip(".")
    return Conflict("score_unavailable", f"Not a donor score: {text}.", reasons=[asdict(reason)])


def _why_not_analysed(session: Session, sample: Sample) -> Reason:
    if not unsorted_wells_of_sample(session, sample.id):
        return NO_UNSORTED_WELL
    analysis = latest_analysis(session, sample.id)
    if analysis is None:
        return Reason("not_analysed", "no analysis of this sample was asked for; request one")
    if analysis.failure is not None:
        return Reason("not_analysed", f"the analysis failed: {analysis.failure['message']}")
    return Reason("not_analysed", "the analysis has not ended yet; wait for it")
