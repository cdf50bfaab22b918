"""From the cells of an analysis to its donor score: read, compute, record."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from app.db.queries.analyses import (
    UsedImage,
    analysis_with_sample,
    count_corrected_cells,
    posteriors_of_images,
    unsorted_wells_of_sample,
    used_images,
)
from app.db.tables import Analysis, ModelVersion, Score, Well
from app.domain.cell_looks import LookSums, mean_looks
from app.domain.donor_score import (
    DonorScore,
    ModelFigures,
    Reason,
    Requirements,
    WellCells,
    counted_share,
)
from app.domain.sample_score import score_sample
from app.domain.score_record import to_details
from app.domain.scoring import CORRECTED_METHOD, IMAGE_METHOD, published_rigidity_score
from app.domain.well_effects import WellSpread
from app.services import events
from app.services.analyses import OVER, end_analysis, lock_open_analysis
from app.services.score_basis import read_well_history
from app.services.scores import well_name


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
    called_history: WellSpread | None = None


@dataclass(frozen=True)
class ComputedScore:
    analysis_id: uuid.UUID
    method: str
    score: DonorScore | None
    reasons: tuple[Reason, ...]
    counted: float | None
    n_cells: int
    n_excluded: int
    n_restored: int


def read_material(session: Session, analysis_id: uuid.UUID) -> ScoreMaterial | None:
    """The cells behind an analysis's score; None where the analysis is already over.

    Read it in a snapshot: a correction may be committed between two statements.
    """
    row = analysis_with_sample(session, analysis_id)
    if row is None or row.Analysis.state in OVER:
        return None
    n_excluded, n_restored = count_corrected_cells(session, row.Analysis)
    history = read_well_history(session, row.Analysis)
    return ScoreMaterial(
        analysis_id=analysis_id,
        wells=_wells(session, row.Analysis, row.ModelVersion),
        figures=ModelFigures.from_manifest(row.ModelVersion.manifest),
        requirements=Requirements(**row.Analysis.parameters),
        history=history.scores,
        n_excluded=n_excluded,
        n_restored=n_restored,
        called_history=history.called,
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


def compute(material: ScoreMaterial) -> ComputedScore:
    """Score, or say why not; no database, so that no transaction waits for it."""
    found = score_sample(
        material.wells,
        material.figures,
        material.requirements,
        material.history,
        material.called_history,
    )
    return ComputedScore(
        analysis_id=material.analysis_id,
        method=CORRECTED_METHOD if material.figures.is_two_class else IMAGE_METHOD,
        score=found if isinstance(found, DonorScore) else None,
        reasons=() if isinstance(found, DonorScore) else found,
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
            method=computed.method,
            rigidity_score=None if score is None else score.rigidity_score,
            reasons=[asdict(reason) for reason in computed.reasons],
            details=_details(computed),
        )
    )
    end_analysis(session, analysis)
    if score is not None:
        events.sample_scored(session, analysis)


def _details(computed: ComputedScore) -> dict[str, Any]:
    corrected = {"n_excluded": computed.n_excluded, "n_restored": computed.n_restored}
    if computed.score is not None:
        return to_details(computed.score) | corrected
    counted = computed.counted
    return corrected | {
        "fraction_deformable": {"counted": counted},
        "published_rigidity_score": None if counted is None else published_rigidity_score(counted),
        "n_cells": computed.n_cells,
    }
