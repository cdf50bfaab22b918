"""API keys on the wire."""

import datetime as dt
import uuid
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.security.permissions import Permission, Role
from app.services.api_keys import LONGEST_DAYS, LONGEST_OVERLAP_HOURS, KeyState


class ApiKeyIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "LIMS, production", "role": "lims"}]},
    )

    name: Annotated[str, Field(max_length=100, examples=["LIMS, production"])]
    role: Annotated[Role, Field(description="`verifier` is refused: signing is a person's act.")]
    days: Annotated[int, Field(ge=1, le=LONGEST_DAYS, description="How long it works.")] = (
        LONGEST_DAYS
    )
    scopes: Annotated[
        list[Permission] | None,
        Field(
            max_length=100,
            description="What it is limited to, of what its role may do; absent: all of it.",
            examples=[["read_samples", "read_results"]],
        ),
    ] = None
    password: Annotated[
        str | None, Field(max_length=128, description="In a browser signed in long ago: yours.")
    ] = None


class RotationIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"overlap_hours": 24}]}
    )

    overlap_hours: Annotated[
        float,
        Field(ge=0, le=LONGEST_OVERLAP_HOURS, description="How long the old key works on."),
    ] = 24.0
    password: Annotated[str | None, Field(max_length=128)] = None


class ApiKeyOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    role: Role
    scopes: list[Permission] | None
    prefix: Annotated[str, Field(description="The key begins `pliant_<prefix>_`.")]
    state: KeyState
    created_at: dt.datetime
    created_by: str
    expires_at: dt.datetime
    is_ending_soon: bool
    revoked_at: dt.datetime | None
    last_used_at: Annotated[dt.datetime | None, Field(description="To the minute.")]
    replaces_id: uuid.UUID | None
    replaced_by_id: uuid.UUID | None


class NewApiKeyOut(ApiKeyOut):
    token: Annotated[
        str | None,
        Field(description="The key, shown this once; null where the answer is repeated."),
    ]
