"""Instrument profiles on the wire."""

import datetime as dt
import uuid
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from app.services.instrument_profiles import Polarity


class ProfileIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        str_strip_whitespace=True,
        json_schema_extra={
            "examples": [{"name": "20x", "um_per_px": 0.365, "width": 1212, "height": 1212}]
        },
    )

    name: Annotated[str, Field(max_length=100)]
    um_per_px: Annotated[float, Field(examples=[0.1825], allow_inf_nan=False)]
    width: Annotated[int, Field(examples=[2424])]
    height: Annotated[int, Field(examples=[2424])]
    polarity: Polarity = Polarity.DARK_CELLS


class ProfileOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    name: str
    um_per_px: float
    width: int
    height: int
    polarity: Polarity
    parameters: dict[str, Any]
    is_built_in: bool
    created_at: dt.datetime
