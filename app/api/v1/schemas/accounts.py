"""People's accounts on the wire."""

import datetime as dt
import uuid
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.security.permissions import Role


class AccountIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "Ann", "role": "technician"}]}
    )

    name: Annotated[str, Field(max_length=100, examples=["Ann"], description="To sign in with.")]
    role: Role
    password: Annotated[
        str | None, Field(max_length=128, description="In a browser signed in long ago: yours.")
    ] = None


class ProofIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"password": "of the one who asks"}]}
    )

    password: Annotated[
        str | None, Field(max_length=128, description="In a browser signed in long ago: yours.")
    ] = None


class RoleIn(ProofIn):
    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "verifier"}]})

    role: Role


class AccountOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    role: Role
    has_password: bool
    is_disabled: bool
    created_at: dt.datetime
    last_seen_at: dt.datetime | None


class InvitedAccountOut(AccountOut):
    sign_in_path: Annotated[
        str | None,
        Field(
            description="After the address of Pliant: signs in once, within a day. Shown this "
            "once; null where the answer is repeated."
        ),
    ]
