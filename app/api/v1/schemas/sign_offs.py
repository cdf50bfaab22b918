"""Signing on the wire."""

import uuid
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from app.services.amendments import Change
from app.services.sign_offs import Seen

Reason = Annotated[str, Field(max_length=500)]
Password = Annotated[SecretStr, Field(max_length=128)]
"""Kept out of logs, of error texts and of what an Idempotency-Key remembers."""


class SubmitIn(BaseModel):
    """`analysis_id` is the one that was looked at; another is refused."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"analysis_id": "3f0e7a52-6c1b-4f5e-9a57-0d5f2b1c9e11"}]},
    )

    analysis_id: uuid.UUID | None = None


class ReleaseIn(BaseModel):
    """`approved` releases; `rejected` sends the result back to work and needs a reason."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"password": "of the one who signs", "meaning": "approved"}]
        },
    )

    password: Password
    meaning: Literal["approved", "rejected"] = "approved"
    reason: Reason | None = None
    analysis_id: uuid.UUID | None = None
    evidence_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None

    @property
    def seen(self) -> Seen:
        return Seen(self.analysis_id, self.evidence_sha256)


class AmendIn(BaseModel):
    """What is amended: see `change`.

    `details` makes a new version of the same value; `value` reopens the result for work, and the
    next release is the amended version; `withdraw` makes a last version without a value.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "password": "of the one who signs",
                    "change": "value",
                    "reason": "A well was mixed up.",
                    "told": "Ward 7",
                }
            ]
        },
    )

    password: Password
    change: Change = Change.DETAILS
    reason: Reason
    told: Reason | None = None


class AcknowledgeIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"code": "images_unique", "reason": "The same folder was dropped twice."}]
        },
    )

    code: Annotated[str, Field(max_length=100)]
    reason: Reason
