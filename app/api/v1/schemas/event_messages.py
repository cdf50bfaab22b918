"""Messages of webhooks on the wire: what a receiver is sent, as the contract tells it."""

import uuid
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from app.domain.life_cycle import SampleState
from app.reports.content import ReportStatus

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Demonstration = Annotated[
    bool, Field(description="A drawn donor's, or of a model trained on drawn cells.")
]


class Told(BaseModel):
    """`sequence` counts the events of one subject from 1: a smaller one is older."""

    model_config = ConfigDict(extra="forbid")

    sequence: Annotated[int, Field(ge=1)]


class SampleTold(Told):
    """`state` is the sample's at that moment; ask for the sample to know the one it has now."""

    sample_id: uuid.UUID
    state: SampleState
    demonstration: Demonstration


class SampleScoredTold(SampleTold):
    analysis_id: uuid.UUID
    model_version_id: uuid.UUID
    model_sha256: Sha256


class ReportTold(SampleScoredTold):
    """Version 1 is a release; every later one replaces the one before, or withdraws it."""

    report_id: uuid.UUID
    report_version: Annotated[int, Field(ge=1)]
    report_status: ReportStatus
    content_sha256: Sha256


class ImageRejectedTold(SampleTold):
    """`findings` are the codes for which it was rejected."""

    image_id: uuid.UUID
    well_id: uuid.UUID
    sha256: Sha256
    findings: list[str]


class TrainingRunFinishedTold(Told):
    training_run_id: uuid.UUID
    state: Literal["done", "failed", "cancelled"]
    model_version_id: uuid.UUID | None
    dataset_sha256: Sha256
    demonstration: Demonstration


class ModelVersionActivatedTold(Told):
    model_version_id: uuid.UUID
    model_sha256: Sha256
    state: str
    demonstration: Demonstration


class WebhookTestTold(Told):
    webhook_id: uuid.UUID


class _Message(BaseModel):
    """The signed text, byte for byte the same on each try."""

    model_config = ConfigDict(extra="forbid")

    timestamp: Annotated[AwareDatetime, Field(description="Of the event, not of the try.")]


class SampleScored(_Message):
    type: Literal["sample.scored"]
    data: SampleScoredTold


class SampleReleased(_Message):
    type: Literal["sample.released"]
    data: ReportTold


class SampleAmended(_Message):
    type: Literal["sample.amended"]
    data: ReportTold


class ImageRejected(_Message):
    type: Literal["image.rejected"]
    data: ImageRejectedTold


class TrainingRunFinished(_Message):
    type: Literal["training_run.finished"]
    data: TrainingRunFinishedTold


class ModelVersionActivated(_Message):
    type: Literal["model_version.activated"]
    data: ModelVersionActivatedTold


class WebhookTest(_Message):
    type: Literal["webhook.test"]
    data: WebhookTestTold
