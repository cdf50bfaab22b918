from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from app.domain.outlets import OUTLETS
from app.services.references import EnteredReference
from app.web.dates import IsoMoment

Outlet = Annotated[int, Field(ge=1, le=12)]
BY_OUTLET: Final = {"propertyNames": {"enum": [str(outlet) for outlet in OUTLETS]}}
"""JSON's names are texts: without this, a client is not told that they are outlet numbers."""
Text = Annotated[str, Field(max_length=200)]


class ReferenceIn(BaseModel):
    """One sort: counts by outlet, or fractions with n_cells, or a score computed elsewhere."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"counts": {"2": 1510, "3": 11780, "4": 14120, "5": 2590}}]
        },
    )

    counts: (
        Annotated[
            dict[Outlet, Annotated[int, Field(ge=0, le=10_000_000)]],
            Field(json_schema_extra=BY_OUTLET),
        ]
        | None
    ) = None
    fractions: (
        Annotated[
            dict[Outlet, Annotated[float, Field(ge=0, le=1)]], Field(json_schema_extra=BY_OUTLET)
        ]
        | None
    ) = None
    n_cells: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    rigidity_score: float | None = None
    sorted_at: IsoMoment | None = None
    device: Text | None = None
    source: Text | None = None

    def entered(self) -> EnteredReference:
        return EnteredReference(**self.model_dump())
