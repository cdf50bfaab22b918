"""Promotion on the wire."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Password = Annotated[str | None, Field(max_length=1000)]
Reason = Annotated[str, Field(max_length=1000)]


class ActivationIn(BaseModel):
    """`override` sets rules of the gate aside that do not hold; it is kept with the reason.

    `password` is for a signed-in browser, after five minutes; an API key needs none.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "better on donors of autumn"}]},
    )

    reason: Reason
    override: bool = False
    password: Password = None


class ReasonIn(BaseModel):
    """`reason` is kept in the audit trail."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "trained on swapped wells"}]}
    )

    reason: Reason


class RetirementIn(ReasonIn):
    """`password` as for activation."""

    password: Password = None
