"""Pairs measured elsewhere, on the wire."""

import uuid
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.services.pair_tables import MOST_PAIRS, EnteredPair, NewPair
from app.web.dates import IsoDate

Text = Annotated[str, Field(min_length=1, max_length=200)]
Score = Annotated[
    float,
    Field(allow_inf_nan=False, description="A rigidity score: an outlet number, 1 to 12."),
]


class PairIn(BaseModel):
    """The two scores of one sample, both measured elsewhere."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    donor_code: Annotated[str, Field(max_length=64, examples=["donor 1"])]
    reference_score: Annotated[Score, Field(examples=[3.27])]
    image_score: Annotated[Score, Field(examples=[3.19])]
    measured_with: Annotated[
        Text, Field(description="What made the image score.", examples=["published network"])
    ]
    storage_day: Annotated[int | None, Field(ge=0, le=10_000)] = None
    measured_on: IsoDate | None = None
    model_version_id: Annotated[
        uuid.UUID | None, Field(description="The version, if it is one of this installation.")
    ] = None
    source: Text | None = None


class PairsIn(BaseModel):
    """Pairs to enter, all or none."""

    model_config = ConfigDict(extra="forbid")

    pairs: Annotated[list[PairIn], Field(min_length=1, max_length=MOST_PAIRS)]

    def entered(self) -> list[EnteredPair]:
        return [
            EnteredPair(f"pair {number}", NewPair(**pair.model_dump()))
            for number, pair in enumerate(self.pairs, 1)
        ]


class NoteIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"text": "The device was clogged."}]},
    )

    text: Annotated[str, Field(max_length=1000)]


class WithdrawalIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "Entered twice."}]},
    )

    reason: Annotated[str, Field(max_length=1000)]
