"""A fabricated, scored sample for tests of corrections, and the score worked out by other means."""

import dataclasses
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import select

from app.db.session import transaction
from app.db.tables import Analysis, Cell, ModelVersion, Prediction, Sample, ScanImage, Well
from app.domain.donor_score import (
    ModelFigures,
    Requirements,
    WellCells,
    score_donor,
)
from app.domain.errors import Conflict
from app.domain.quality import Verdict
from app.domain.score_reasons import missing_for_score
from app.domain.score_record import to_details
from app.security.permissions import SYSTEM
from app.services import analyses, corrections, scores
from app.services.corrections import CorrectedVerdict
from app.services.images import CellView, ImageView
from bench.fabricated_samples import add_image, fabricate, record
from tests.laboratory import NEEDS, SIDE_PX, Laboratory

OUTLETS = (2, 3, 4, 5)
CELLS_PER_IMAGE = 25
WHY = "looked at it again"
COMPARED = (
    "rigidity_interval", "deformability_score", "deformability_interval", "fraction_deformable",
    "outlet_fractions", "published_rigidity_score", "n_cells", "n_images", "n_wells",
    "replicate_difference", "wells",
)  # fmt: skip
"""What every score says of its cells, whatever else is known of the sample."""


@dataclass(frozen=True)
class ScoredSample:
    """Two unsorted wells and what can be done to them; `images` by the verdict found."""

    laboratory: Laboratory
    id: uuid.UUID
    wells: tuple[uuid.UUID, ...]
    images: dict[str, list[uuid.UUID]] = field(default_factory=dict)

    def exclude(self, *, cell: uuid.UUID | None = None, image: uuid.UUID | None = None) -> None:
        self._correct(CorrectedVerdict.REJECTED, cell, image)

    def restore(self, *, cell: uuid.UUID | None = None, image: uuid.UUID | None = None) -> None:
        self._correct(CorrectedVerdict.ACCEPTED, cell, image)

    def relabel(self, cell: uuid.UUID, reason: str) -> None:
        with transaction(self.laboratory.sessions) as session:
            corrections.correct_cell(
                session, SYSTEM, cell, verdict=CorrectedVerdict.REJECTED, reason=reason
            )

    def _correct(
        self, verdict: CorrectedVerdict, cell: uuid.UUID | None, image: uuid.UUID | None
    ) -> CellView | ImageView:
        with transaction(self.laboratory.sessions) as session:
            if cell is not None:
                return corrections.correct_cell(session, SYSTEM, cell, verdict=verdict, reason=WHY)
            assert image is not None
            return corrections.correct_image(session, SYSTEM, image, verdict=verdict, reason=WHY)

    def cells(self, image_id: uuid.UUID, *, verdict: str = "accepted") -> list[uuid.UUID]:
        """Ids of the image's cells with that verdict as found."""
        with transaction(self.laboratory.sessions) as session:
            wanted = select(Cell.id).where(Cell.image_id == image_id, Cell.verdict == verdict)
            return list(session.scalars(wanted.order_by(Cell.row)))

    def follow(self) -> None:
        self.laboratory.run_queue()

    def state(self) -> str:
        with transaction(self.laboratory.sessions) as session:
            return session.get_one(Sample, self.id).state

    def n_analyses(self) -> int:
        with transaction(self.laboratory.sessions) as session:
            wanted = select(Analysis.id).where(Analysis.sample_id == self.id)
            return len(session.scalars(wanted).all())

    def score(self) -> dict[str, Any]:
        """What clients are told, without what names the run: JSON texts compare every digit."""
        with transaction(self.laboratory.sessions) as session:
            try:
                view = dataclasses.asdict(scores.latest_score(session, SYSTEM, self.id))
            except Conflict as refusal:
                view = dict(refusal.extra)
        for name in ("analysis_id", "computed_at"):
            view.pop(name, None)
        known: dict[str, Any] = json.loads(json.dumps(view, default=str))
        return known

    def request(self) -> None:
        with transaction(self.laboratory.sessions) as session:
            analyses.request_analysis(session, SYSTEM, self.id, parameters=NEEDS)

    def analyse(self) -> None:
        self.request()
        self.follow()

    def worked_out(self) -> dict[str, Any]:
        """The score from rows alone, by the rule in words: no query of the product is used."""
        with transaction(self.laboratory.sessions) as session:
            version = session.scalars(select(ModelVersion)).one()
            wells = session.scalars(
                select(Well).where(Well.sample_id == self.id).order_by(Well.number)
            ).all()
            images = session.scalars(
                select(ScanImage).where(ScanImage.well_id.in_([well.id for well in wells]))
            ).all()
            cells = session.scalars(
                select(Cell).where(Cell.image_id.in_([image.id for image in images]))
            ).all()
            p_outlet = {
                prediction.cell_id: prediction.p_outlet
                for prediction in session.scalars(
                    select(Prediction).where(Prediction.cell_id.in_([cell.id for cell in cells]))
                )
            }
        material = tuple(
            _well_cells(
                well.number,
                [
                    [
                        p_outlet[cell.id]
                        for cell in sorted(cells, key=lambda cell: (cell.row, cell.column))
                        if cell.image_id == image.id and cell.id in p_outlet and counts(cell, image)
                    ]
                    for image in sorted(images, key=lambda image: image.sha256)
                    if image.well_id == well.id and is_used(image)
                ],
            )
            for well in wells
        )
        needs = Requirements(**NEEDS)
        if missing_for_score(material, needs):
            return {}
        score = score_donor(material, ModelFigures.from_manifest(version.manifest), needs)
        details: dict[str, Any] = json.loads(json.dumps(to_details(score)))
        return {name: details[name] for name in COMPARED} | {"rigidity_score": score.rigidity_score}


def is_used(image: ScanImage) -> bool:
    return (image.corrected_verdict or image.verdict) in ("accepted", "partly")


def counts(cell: Cell, image: ScanImage) -> bool:
    """What a technician said of the cell, else of its image, else what was found."""
    if cell.corrected_verdict is not None:
        return cell.corrected_verdict == "accepted"
    if image.corrected_verdict == "accepted":
        return set(cell.findings) <= {"outside_usable"}
    return cell.verdict == "accepted"


def _well_cells(number: int, images: list[list[list[float]]]) -> WellCells:
    return WellCells(
        name=f"unsorted {number}",
        p_outlet=np.array([p for image in images for p in image], np.float32).reshape(-1, 4),
        image_index=np.repeat(np.arange(len(images)), [len(image) for image in images]),
        n_images=len(images),
    )


def scored_sample(
    laboratory: Laboratory,
    *,
    seed: int = 1,
    verdicts: tuple[Verdict, ...] = (Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.PARTLY),
    is_scored: bool = True,
) -> ScoredSample:
    """Each well holds an image of each of these verdicts; the analysis is asked for, and run."""
    rng = np.random.default_rng(seed)
    sample_id = laboratory.take_sample()
    wells = tuple(laboratory.add_well(sample_id, number) for number in (1, 2))
    sample = ScoredSample(laboratory, sample_id, wells)
    for well_id in wells:
        for verdict in verdicts:
            add_found(sample, well_id, rng, verdict)
    sample.request()
    if is_scored:
        sample.follow()
    return sample


def add_found(
    sample: ScoredSample, well_id: uuid.UUID, rng: np.random.Generator, verdict: Verdict
) -> uuid.UUID:
    """One more image, found to be of that verdict."""
    image = fabricate(
        rng, n_cells=CELLS_PER_IMAGE, outlets=OUTLETS, side_px=SIDE_PX, verdict=verdict
    )
    with transaction(sample.laboratory.sessions) as session:
        image_id = add_image(session, well_id)
        record(session, image_id, image)
    sample.images.setdefault(verdict.value, []).append(image_id)
    return image_id
