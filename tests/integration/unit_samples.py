"""Samples of one unit with the rows of finished analyses; no image is needed for a history."""

import datetime as dt
import uuid
from dataclasses import dataclass

from app.db.session import transaction
from app.db.tables import Analysis, Score
from app.security.permissions import SYSTEM, Principal
from app.services import references, samples
from app.services.references import EnteredReference
from app.services.samples import Container, NewSample
from tests.integration.conftest import Site

COLLECTED_ON = dt.date(2026, 3, 1)
DIN = "A999921123456"
OTHER_DIN = "G123498654321"


@dataclass(frozen=True, kw_only=True)
class TakenDay:
    """A sample of a unit; `score` None and reasons, or no analysis at all."""

    day: int | None
    score: float | None = None
    runs: tuple[float, ...] = ()
    din: str | None = DIN
    donor_code: str = "D-1"
    container: Container = Container.BLOOD_BAG
    additive: str | None = "SAGM"
    collected_on: dt.date | None = COLLECTED_ON
    reason: str | None = None
    population: str = "inside"
    is_demonstration: bool = False


def take(
    site: Site, version_id: uuid.UUID, taken: TakenDay, *, principal: Principal = SYSTEM
) -> uuid.UUID:
    collected_at = dt.datetime.combine(COLLECTED_ON, dt.time(9), dt.UTC)
    sampled_at = None if taken.day is None else collected_at + dt.timedelta(taken.day)
    new = NewSample(
        donor_code=taken.donor_code,
        container=taken.container,
        din=taken.din,
        additive=taken.additive,
        collected_on=taken.collected_on,
        sampled_at=sampled_at,
        is_demonstration=taken.is_demonstration,
    )
    with transaction(site.sessions) as session:
        sample_id = samples.create_sample(session, principal, new).id
        for run in taken.runs:
            entered = EnteredReference(rigidity_score=run)
            references.add_reference(session, principal, sample_id, entered, run_sd=0.17)
    if taken.score is not None or taken.reason is not None:
        add_score(site, sample_id, version_id, taken)
    return sample_id


def add_score(site: Site, sample_id: uuid.UUID, version_id: uuid.UUID, taken: TakenDay) -> None:
    reasons = [] if taken.reason is None else [{"code": "too_few_cells", "message": taken.reason}]
    with transaction(site.sessions) as session:
        analysis = Analysis(
            sample_id=sample_id, model_version_id=version_id, parameters={}, state="done",
            created_by=SYSTEM.id,
        )  # fmt: skip
        session.add(analysis)
        session.flush()
        score = taken.score
        details = {} if score is None else details_of(score, taken.population)
        session.add(
            Score(
                analysis_id=analysis.id, job_id=uuid.uuid4(), method="rs-image-outlets/1",
                rigidity_score=score, reasons=reasons, details=details,
            )
        )  # fmt: skip


def details_of(score: float, population: str) -> dict[str, object]:
    """As `app.domain.donor_score.to_details` writes them; wells 0.04 apart."""
    shares = {"2": 0.05, "3": 0.45, "4": 0.40, "5": 0.10}
    wells = [
        {
            "name": name, "rigidity_score": score + shift, "n_cells": 600, "n_images": 20,
            "outlet_fractions": shares, "standard_error": 0.02,
        }
        for name, shift in (("unsorted 1", -0.02), ("unsorted 2", 0.02))
    ]  # fmt: skip
    return {
        "rigidity_interval": [score - 0.2, score + 0.2],
        "deformability_score": 50.0,
        "deformability_interval": [40.0, 60.0],
        "fraction_deformable": {"counted": 0.5, "corrected": 0.5},
        "outlet_fractions": shares,
        "published_rigidity_score": score,
        "n_cells": 1200,
        "n_images": 40,
        "n_wells": 2,
        "replicate_difference": -0.04,
        "wells": wells,
        "population": population,
        "findings": [],
    }
