"""Promotion on the wire."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Reason = Annotated[str, Field(max_length=1000)]


class ActivationIn(BaseModel):
    """`override` sets rules of the gate aside that do not hold; it is kept with the reason."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "better on donors of autumn"}]},
    )

    reason: Reason
    override: bool = False


class ReasonIn(BaseModel):
    """`reason` is kept in the audit trail."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "trained on swapped wells"}]}
    )

    reason: Reason
