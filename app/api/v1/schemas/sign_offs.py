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

    model_config = ConfigDict(extra="forbid")

    analysis_id: uuid.UUID | None = None


class ReleaseIn(BaseModel):
    """`approved` releases; `rejected` sends the result back to work and needs a reason."""

    model_config = ConfigDict(extra="forbid")

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

    model_config = ConfigDict(extra="forbid")

    password: Password
    change: Change = Change.DETAILS
    reason: Reason
    told: Reason | None = None


class AcknowledgeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(max_length=100)]
    reason: Reason
