"""What a candidate would change: stored images scored by it and by the active version."""

from collections.abc import Sequence

import numpy as np
from sqlalchemy.orm import Session

from app.db.session import snapshot, transaction
from app.db.tables import Job
from app.domain.cell_looks import LookSums, mean_looks
from app.domain.donor_score import ModelFigures, WellCells
from app.domain.errors import PliantError
from app.domain.impact import SampleImpact, ScoreInBrief
from app.services import impact, impact_material, score_runs
from app.services.impact_material import (
    ImageToRescore,
    PreviewPlan,
    SampleToRescore,
    SampleToTry,
    WellToRescore,
)
from app.services.inspections import NetworkFile
from app.services.score_runs import ComputedScore, ScoreMaterial
from models.classifier import Classifier
from worker import pipeline
from worker.context import Context, Work
from worker.loading import load_network, load_pixels
from worker.pipeline import ClassifiedCells

Network = tuple[NetworkFile, Classifier]


def preview_impact(work: Work) -> None:
    with transaction(work.context.sessions) as session:
        plan = impact_material.begin_preview(session, work.subject_id)
    samples = [] if plan is None else _try_on_samples(work, plan)
    with work.finish() as session:
        impact.record_preview(session, work.subject_id, samples)


def on_failure(session: Session, job: Job, error: PliantError) -> None:
    impact.fail_preview(session, job.subject_id, code=error.code, message=error.message)


def _try_on_samples(work: Work, plan: PreviewPlan) -> list[SampleImpact]:
    candidate = (plan.candidate, _prove(work.context, plan.candidate))
    active = None
    if plan.active is not None:
        active = (plan.active, load_network(work.context, plan.active))
    impacts: list[SampleImpact] = []
    for sample in plan.samples:
        work.checkpoint()
        impacts += _try_on(work.context, sample, candidate, active)
        with transaction(work.context.sessions) as session:
            impact.note_progress(session, work.subject_id, len(impacts))
    return impacts


def _prove(context: Context, network: NetworkFile) -> Classifier:
    """Read the file anew, even if this process knows it: it shall be sound now, where it lies."""
    context.classifiers.pop(network.sha256, None)
    classifier = load_network(context, network)
    with transaction(context.sessions) as session:
        impact.note_verified(session, network.version_id)
    return classifier


def _try_on(
    context: Context, sample: SampleToTry, candidate: Network, active: Network | None
) -> list[SampleImpact]:
    with snapshot(context.sessions) as session:
        material = impact_material.read_sample(session, sample, active[0] if active else None)
    if material is None:
        return []
    networks = [candidate] if active is None or material.told else [candidate, active]
    scores = _score_by(context, material, networks)
    return [
        SampleImpact(
            sample_id=str(sample.sample_id),
            donor_code=sample.donor_code,
            is_locked=sample.is_locked,
            old=material.told or (scores[1] if active else _no_version()),
            new=scores[0],
            reference=material.reference,
        )
    ]


def _no_version() -> ScoreInBrief:
    return ScoreInBrief(None, None, ("no_active_model",))


def _score_by(
    context: Context, sample: SampleToRescore, networks: Sequence[Network]
) -> list[ScoreInBrief]:
    """One score per network, from one reading of the pixels."""
    wells = [_classify_well(context, well, networks) for well in sample.wells]
    return [
        _brief(
            score_runs.compute(
                ScoreMaterial(
                    analysis_id=sample.analysis_id,
                    wells=tuple(cells[i] for cells in wells),
                    figures=ModelFigures.from_manifest(network.manifest),
                    requirements=sample.requirements,
                    history=None,
                    n_excluded=0,
                    n_restored=0,
                )
            )
        )
        for i, (network, _) in enumerate(networks)
    ]


def _classify_well(
    context: Context, well: WellToRescore, networks: Sequence[Network]
) -> list[WellCells]:
    by_image = [_classify_image(context, image, networks) for image in well.images]
    return [
        _well_cells(well.name, [cells[i] for cells in by_image], len(network.manifest["outlets"]))
        for i, (network, _) in enumerate(networks)
    ]


def _classify_image(
    context: Context, image: ImageToRescore, networks: Sequence[Network]
) -> list[ClassifiedCells]:
    pixels = load_pixels(context, image.image)
    return [
        pipeline.classify(pixels, image.rows, image.columns, classifier)
        for _, classifier in networks
    ]


def _well_cells(name: str, images: Sequence[ClassifiedCells], n_outlets: int) -> WellCells:
    none = np.zeros((0, n_outlets), np.float32)
    return WellCells(
        name=name,
        p_outlet=np.concatenate([none, *(image.p_outlet for image in images)]),
        image_index=np.repeat(np.arange(len(images)), [len(image.index) for image in images]),
        n_images=len(images),
        mean_looks=mean_looks([LookSums.of(image.looks) for image in images]),
    )


def _brief(computed: ComputedScore) -> ScoreInBrief:
    score = computed.score
    if score is None:
        return ScoreInBrief(None, None, tuple(reason.code for reason in computed.reasons))
    return ScoreInBrief(score.rigidity_score, score.rigidity_interval)
