"""What an impact preview reads: which samples, and all that scoring them anew needs."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from app.db.queries import impact as queries
from app.db.queries.analyses import analysis_with_sample, unsorted_wells_of_sample
from app.db.queries.model_versions import active_version
from app.db.queries.promotions import OPEN, lock_preview
from app.db.queries.references import references_of_samples
from app.db.tables import Analysis, ModelVersion, Score
from app.domain.agreement import compare_with_references
from app.domain.donor_score import Requirements
from app.domain.impact import ScoreInBrief
from app.services.inspections import ImageToRead, NetworkFile, image_to_read, network_file
from app.services.references import scores_of
from app.services.scores import well_name

LOCKED_BY_DEFAULT: Final = 20
"""The newest scored samples with a reference, while nobody has locked any."""
NEWEST_SAMPLES: Final = 20


@dataclass(frozen=True)
class SampleToTry:
    """A sample of the preview, with the analysis whose images and cells are scored again."""

    sample_id: uuid.UUID
    analysis_id: uuid.UUID
    donor_code: str
    is_locked: bool


@dataclass(frozen=True)
class PreviewPlan:
    candidate: NetworkFile
    active: NetworkFile | None
    samples: tuple[SampleToTry, ...]


@dataclass(frozen=True)
class ImageToRescore:
    """An image of an unsorted well and the centres of its cells that count, px."""

    image: ImageToRead
    rows: NDArray[np.float32]
    columns: NDArray[np.float32]


@dataclass(frozen=True)
class WellToRescore:
    name: str
    images: tuple[ImageToRescore, ...]


@dataclass(frozen=True)
class SampleToRescore:
    """All that scoring a sample anew needs.

    `told` is the score on record where the active version made it; None where it must be computed.
    """

    analysis_id: uuid.UUID
    wells: tuple[WellToRescore, ...]
    requirements: Requirements
    told: ScoreInBrief | None
    reference: float | None


def begin_preview(session: Session, preview_id: uuid.UUID) -> PreviewPlan | None:
    """Choose the samples; None where the preview is over. A second attempt chooses anew."""
    preview = lock_preview(session, preview_id)
    if preview is None or preview.state not in OPEN:
        return None
    candidate = session.get_one(ModelVersion, preview.model_version_id)
    active = active_version(session)
    samples = _samples_to_try(session, candidate)
    candidate.verified_at = None  # by this job anew: the file may have changed where it lies
    preview.state = "running"
    preview.compared_with_id = None if active is None else active.id
    preview.locked_set_sha256 = _set_sha256(samples)
    preview.samples_done, preview.samples_total = 0, len(samples)
    return PreviewPlan(
        candidate=network_file(candidate),
        active=None if active is None else network_file(active),
        samples=samples,
    )


def _samples_to_try(session: Session, candidate: ModelVersion) -> tuple[SampleToTry, ...]:
    """The locked set, then the newest; drawn samples say nothing of a network for real ones."""
    with_drawn = candidate.is_demonstration
    if queries.has_locked(session):
        locked = queries.locked_scored(session)
    else:
        locked = queries.newest_scored(
            session, limit=LOCKED_BY_DEFAULT, with_drawn=with_drawn, with_reference=True
        )
    newest = queries.newest_scored(session, limit=NEWEST_SAMPLES, with_drawn=with_drawn)
    seen = {row[0] for row in locked}
    return (
        *(SampleToTry(*row, is_locked=True) for row in locked),
        *(SampleToTry(*row, is_locked=False) for row in newest if row[0] not in seen),
    )


def _set_sha256(samples: Sequence[SampleToTry]) -> str | None:
    locked = sorted(str(sample.sample_id) for sample in samples if sample.is_locked)
    return hashlib.sha256("\n".join(locked).encode()).hexdigest() if locked else None


def read_sample(
    session: Session, sample: SampleToTry, active: NetworkFile | None
) -> SampleToRescore | None:
    """Read it in a snapshot; None where it is gone."""
    row = analysis_with_sample(session, sample.analysis_id)
    if row is None:
        return None
    return SampleToRescore(
        analysis_id=sample.analysis_id,
        wells=_wells(session, row.Analysis),
        requirements=Requirements(**row.Analysis.parameters),
        told=_told(session, row.Analysis, active),
        reference=_reference(session, sample.sample_id),
    )


def _wells(session: Session, analysis: Analysis) -> tuple[WellToRescore, ...]:
    images: dict[uuid.UUID, list[ImageToRescore]] = {}
    for well_id, image_id, n_cells, rows, columns in queries.images_to_rescore(session, analysis):
        image = image_to_read(session, image_id)
        assert image is not None, "read in one snapshot with its row"
        centres = (np.array(all_of[:n_cells], np.float32) for all_of in (rows, columns))
        images.setdefault(well_id, []).append(ImageToRescore(image, *centres))
    wells = unsorted_wells_of_sample(session, analysis.sample_id, until=analysis.frozen_at)
    return tuple(WellToRescore(well_name(well), tuple(images.get(well.id, []))) for well in wells)


def _told(session: Session, analysis: Analysis, active: NetworkFile | None) -> ScoreInBrief | None:
    if active is None or analysis.model_version_id != active.version_id:
        return None
    score = session.get_one(Score, analysis.id)
    interval = score.details.get("rigidity_interval")
    return ScoreInBrief(
        rigidity_score=score.rigidity_score,
        interval=None if interval is None else (interval[0], interval[1]),
        reasons=tuple(reason["code"] for reason in score.reasons),
    )


def _reference(session: Session, sample_id: uuid.UUID) -> float | None:
    rows = references_of_samples(session, [sample_id])
    comparison = compare_with_references(0.0, scores_of(rows))
    return None if comparison is None else comparison.rigidity_score
