"""What a principal may see: everything, or only what it made itself; the rest does not exist."""

import uuid
from typing import Final, Protocol

from sqlalchemy.orm import Session

from app.db.queries.analyses import analysis_with_sample
from app.db.queries.images import image_with_sample
from app.db.queries.model_versions import version_by_id
from app.db.tables import Analysis, InstrumentProfile, ModelVersion, Sample, ScanImage, Well
from app.domain.errors import Conflict, NotFound
from app.domain.life_cycle import OUT_OF_HAND, SampleState
from app.security.permissions import Principal

CLOSED_STATES: Final = OUT_OF_HAND | {SampleState.SUBMITTED}
"""States in which no image comes to a sample: a result was handed in."""


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


def known_version(session: Session, version_id: uuid.UUID) -> ModelVersion:
    """Model versions are nobody's own: whoever may read them at all sees each."""
    version = version_by_id(session, version_id)
    if version is None:
        raise NotFound("model_version_unknown", "There is no such model version; see the list.")
    return version


def refuse_if_closed(sample: Sample) -> None:
    """Images and wells of a result that was handed in stay as they are."""
    refuse_if_out_of_hand(sample)
    if sample.state == SampleState.SUBMITTED:
        raise Conflict(
            "sample_released",
            "The result was handed in; have the verifier send it back, or request a new analysis, "
            "then add to the sample.",
        )


def refuse_if_out_of_hand(sample: Sample) -> None:
    """What a released result rests on stays as it was."""
    if sample.state in OUT_OF_HAND:
        raise Conflict(
            "sample_released",
            f"The sample's result is {sample.state}, so what it rests on stays as it is; a "
            "verifier reopens it on the way to an amendment, or take in a new sample.",
        )


class Owned(Protocol):
    """A sample, or what was read of one."""

    @property
    def created_by(self) -> str: ...


def may_see(principal: Principal, sample: Owned | Sample) -> bool:
    return principal.sees_all or sample.created_by == principal.id
