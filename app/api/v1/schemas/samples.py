"""Samples and wells on the wire."""

import datetime as dt
import uuid
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from app.domain.identifiers import EntryWay
from app.domain.life_cycle import SampleState
from app.domain.quality import Finding
from app.services.references import ReferenceView
from app.services.samples import Container
from app.services.scores import ScoreView
from app.web.dates import IsoDate, IsoMoment

Text = Annotated[str, Field(min_length=1, max_length=200)]


def _outlet_on_the_wire(outlet: object) -> object:
    return "unsorted" if outlet is None else outlet


class SampleIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        str_strip_whitespace=True,
        json_schema_extra={
            "examples": [
                {
                    "donor_code": "D-0042",
                    "din": "=A99992112345663",
                    "accession_number": "ACC-0042",
                    "placer_order_number": "ORD-7",
                    "collected_on": "2026-11-08",
                    "sampled_at": "2026-11-22T09:30:00-08:00",
                    "container": "segment",
                    "additive": "SAGM",
                }
            ]
        },
    )

    donor_code: Annotated[str, Field(examples=["D-0042"], max_length=64)]
    din: Annotated[
        str | None, Field(max_length=100, description="The raw scan, or as typed; kept as it came.")
    ] = None
    accession_number: Text | None = None
    placer_order_number: Text | None = None
    filler_order_number: Text | None = None
    local_identifiers: Annotated[
        dict[Text, Text],
        Field(max_length=20, description="The site's own numbers, by the name of their scheme."),
    ] = {}
    collected_on: IsoDate | None = None
    storage_day: Annotated[int | None, Field(le=10_000)] = None
    container: Container
    additive: Text | None = None
    sampled_at: IsoMoment | None = None
    notes: Annotated[str | None, Field(max_length=4000)] = None


class SampleChangeIn(BaseModel):
    """What is named is replaced, null empties it; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid",
        str_strip_whitespace=True,
        json_schema_extra={"examples": [{"accession_number": "ACC-0043"}]},
    )

    accession_number: Text | None = None
    placer_order_number: Text | None = None
    filler_order_number: Text | None = None
    notes: Annotated[str | None, Field(max_length=4000)] = None


class SampleTerms(BaseModel):
    """What of a sample can be changed, however it came to be; it is what `If-Match` is about."""

    model_config = ConfigDict(from_attributes=True)

    accession_number: str | None
    placer_order_number: str | None
    filler_order_number: str | None
    notes: str | None


class WellIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        str_strip_whitespace=True,
        json_schema_extra={"examples": [{"outlet": "unsorted", "number": 1, "position": "B2"}]},
    )

    outlet: Annotated[
        int | str, Field(description="`unsorted`, or 1 to 12.", examples=["unsorted"])
    ]
    number: Annotated[int, Field(le=1000)] = 1
    plate_barcode: Text | None = None
    position: Annotated[str | None, Field(max_length=20, examples=["B2"])] = None
    profile_id: Annotated[
        uuid.UUID | None, Field(description="An instrument profile; the built-in one if absent.")
    ] = None


class ImageCountsOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    total: int
    pending: int
    accepted: int
    partly: int
    rejected: int


class WellOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    sample_id: uuid.UUID
    outlet: Annotated[int | Literal["unsorted"], BeforeValidator(_outlet_on_the_wire)]
    number: int
    name: str
    plate_barcode: str | None
    position: str | None
    profile_id: uuid.UUID
    images: ImageCountsOut
    n_cells: Annotated[int | None, Field(description="Null in lists: counting takes a while.")]


class SampleOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: uuid.UUID
    donor_code: str
    din: str | None
    din_is_checked: bool | None
    din_check_character: Annotated[str | None, Field(description="Shown boxed after the number.")]
    din_raw: Annotated[str | None, Field(description="As it was scanned or typed.")]
    din_entry: Annotated[EntryWay | None, Field(description="Told by the form of `din_raw`.")]
    accession_number: str | None
    placer_order_number: str | None
    filler_order_number: str | None
    local_identifiers: dict[str, str]
    collected_on: dt.date | None
    storage_day: int | None
    storage_day_is_derived: bool
    container: Container
    additive: str | None
    sampled_at: dt.datetime | None
    notes: str | None
    state: SampleState
    is_demonstration: bool
    created_at: dt.datetime
    wells: list[WellOut]
    references: list[ReferenceView]
    latest_score: ScoreView | None
    alarms: Annotated[
        list[Finding],
        Field(description="What a person must look into first; in the sample's own answer only."),
    ]
