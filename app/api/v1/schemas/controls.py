"""Controls on the wire."""

import uuid
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.web.dates import IsoDate, IsoMoment

Name = Annotated[str, Field(min_length=1, max_length=100)]
Words = Annotated[str, Field(max_length=1000)]


class LotIn(BaseModel):
    """A lot of control material."""

    model_config = ConfigDict(
        extra="forbid",
        str_strip_whitespace=True,
        json_schema_extra={
            "examples": [
                {"kind": "wet", "name": "Fixed cells, lot 2026-11", "expires_on": "2026-12-31"}
            ]
        },
    )

    kind: Literal["wet"]
    name: Annotated[Name, Field(examples=["Fixed cells, lot 2026-11"])]
    expires_on: IsoDate


class SealedImagesIn(BaseModel):
    """Images of the site to be sealed; administrators only."""

    model_config = ConfigDict(
        extra="forbid",
        str_strip_whitespace=True,
        json_schema_extra={
            "examples": [
                {
                    "kind": "digital",
                    "name": "Sealed in November",
                    "image_ids": ["3f0e7a52-6c1b-4f5e-9a57-0d5f2b1c9e11"],
                }
            ]
        },
    )

    kind: Literal["digital"]
    name: Name
    image_ids: Annotated[list[uuid.UUID], Field(min_length=1, max_length=4)]


ControlIn = Annotated[LotIn | SealedImagesIn, Field(discriminator="kind")]


class ControlRunIn(BaseModel):
    """A typed rigidity score, or a sample whose score counts; empty for sealed images."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"rigidity_score": 3.12, "measured_at": "2026-11-22T08:00:00Z"}]
        },
    )

    rigidity_score: Annotated[float | None, Field(allow_inf_nan=False, examples=[3.12])] = None
    measured_at: Annotated[
        IsoMoment | None, Field(description="Of a typed score; now, if it is left out.")
    ] = None
    sample_id: uuid.UUID | None = None


class ResolutionIn(BaseModel):
    """Why the control broke a rule and what was done; this unlocks release."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"cause": "The lamp was new.", "action": "Exposure set anew.", "leave_out": True}
            ]
        },
    )

    cause: Words
    action: Words
    leave_out: Annotated[
        bool, Field(description="Leave the runs that broke the rule out of the limits.")
    ] = False


class EndIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "The lot is used up."}]},
    )

    reason: Words
