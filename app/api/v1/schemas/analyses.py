"""Analyses on the wire."""

import datetime as dt
import uuid

from pydantic import BaseModel, ConfigDict

from app.services.scores import NoScore, ScoreView


class AnalysisIn(BaseModel):
    """`model_version_id` absent: the active version."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{}]},
    )

    model_version_id: uuid.UUID | None = None


class ProgressOut(BaseModel):
    images_done: int
    images_total: int


class FailureOut(BaseModel):
    code: str
    message: str


class AnalysisOut(BaseModel):
    id: uuid.UUID
    sample_id: uuid.UUID
    model_version_id: uuid.UUID
    state: str
    progress: ProgressOut
    failure: FailureOut | None
    score: ScoreView | None
    unavailable: NoScore | None
    created_at: dt.datetime
    finished_at: dt.datetime | None
