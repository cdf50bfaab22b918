"""A technician's correction on the wire."""

import uuid
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.services.corrections import MOST_CELLS, MOST_REASON_CHARACTERS, CorrectedVerdict

Reason = Annotated[str, Field(min_length=1, max_length=MOST_REASON_CHARACTERS)]


class CorrectionIn(BaseModel):
    """`reason` is kept with the verdict and in the audit trail."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"verdict": "rejected", "reason": "an air bubble"}]},
    )

    verdict: CorrectedVerdict
    reason: Reason


class CellsCorrectionIn(CorrectionIn):
    """The same word on many cells of one sample."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "cell_ids": ["3f0e7a52-6c1b-4f5e-9a57-0d5f2b1c9e11"],
                    "verdict": "rejected",
                    "reason": "two cells in one outline",
                }
            ]
        }
    )

    cell_ids: Annotated[list[uuid.UUID], Field(min_length=1, max_length=MOST_CELLS)]
