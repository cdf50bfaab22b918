"""What a principal may see: everything, or only what it made itself; the rest does not exist."""

import uuid
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries.analyses import analysis_with_sample
from app.db.queries.images import image_with_sample
from app.db.tables import Analysis, InstrumentProfile, ModelVersion, Sample, ScanImage, Well
from app.domain.errors import Conflict, NotFound
from app.security.permissions import Principal

CLOSED_STATES: Final = frozenset({"submitted", "released", "amended", "withdrawn"})


def visible_sample(session: Session, principal: Principal, sample_id: uuid.UUID) -> Sample:
    sample = session.get(Sample, sample_id)
    if sample is None or not may_see(principal, sample):
        raise NotFound("sample_unknown", "There is no such sample; check the address.")
    return sample


def visible_well(session: Session, principal: Principal, well_id: uuid.UUID) -> tuple[Well, Sample]:
    well = session.get(Well, well_id)
    sample = session.get(Sample, well.sample_id) if well else None
    if well is None or sample is None or not may_see(principal, sample):
        raise NotFound("well_unknown", "There is no such well; check the address.")
    return well, sample


def visible_image(
    session: Session, principal: Principal, image_id: uuid.UUID
) -> tuple[ScanImage, Well, Sample, InstrumentProfile]:
    row = image_with_sample(session, image_id)
    if row is None or not may_see(principal, row.Sample):
        raise NotFound("image_unknown", "There is no such image; check the address.")
    return row.ScanImage, row.Well, row.Sample, row.InstrumentProfile


def visible_analysis(
    session: Session, principal: Principal, analysis_id: uuid.UUID
) -> tuple[Analysis, Sample, ModelVersion]:
    row = analysis_with_sample(session, analysis_id)
    if row is None or not may_see(principal, row.Sample):
        raise NotFound("analysis_unknown", "There is no such analysis; check the address.")
    return row.Analysis, row.Sample, row.ModelVersion


def refuse_if_closed(sample: Sample) -> None:
    """What a handed-in result rests on stays as it was."""
    if sample.state in CLOSED_STATES:
        raise Conflict(
            "sample_released",
            f"The sample's result is {sample.state}, so its wells and images stay as they are; "
            "take in a new sample.",
        )


def may_see(principal: Principal, sample: Sample) -> bool:
    return principal.sees_all or sample.created_by == principal.id
