"""A received image on the wire."""

import datetime as dt
import uuid
from typing import Any

from pydantic import BaseModel, ConfigDict

from app.domain.imaging.scan_image import ImageFormat
from app.domain.quality import Verdict


class ReceivedImageOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    well_id: uuid.UUID
    sha256: str
    filename: str
    format: ImageFormat
    n_bytes: int
    verdict: Verdict
    findings: list[dict[str, Any]]
    created_at: dt.datetime
