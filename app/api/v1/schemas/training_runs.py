"""Training runs on the wire."""

import uuid
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.services.training_cells import Selection
from app.services.training_requests import NewRun

SELECTED: Final = {"samples", "donors"}


class TrainingRunIn(BaseModel):
    """Only `name` is required. Samples and donors add up; neither: all but the demonstration's."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "November donors", "donors": ["D-1", "D-2"], "holdout": "donor"}]
        },
    )

    name: str = Field(max_length=200)
    samples: list[uuid.UUID] | None = Field(default=None, max_length=10_000)
    donors: list[str] | None = Field(default=None, max_length=10_000)
    architecture: Literal["compact", "published"] = "compact"
    target: Literal["outlet", "class"] = "outlet"
    holdout: Literal["donor", "well", "cell"] = "donor"
    folds: int | None = Field(default=None, description="5 unless given.")
    epochs: int | None = Field(default=None, description="By architecture: 22 or 40.")
    learning_rate: float | None = Field(default=None, description="By architecture.")
    batch_size: int | None = Field(default=None, description="By architecture: 64 or 32.")
    cells_per_class: int | None = Field(default=None, description="At most; all unless given.")
    seed: int | None = Field(default=None, description="The same seed gives the same network.")
    search: bool = Field(default=False, description="Search learning rate and epochs in each fold.")
    learning_curve: bool = Field(default=False, description="Also fit to fewer donors.")
    well_transfer: bool = Field(default=False, description="Also fit to first wells only.")

    def new_run(self) -> NewRun:
        given = self.model_dump(exclude=SELECTED | {"name"}, exclude_none=True)
        return NewRun(self.name, selection_of(self.samples, self.donors), given)


def selection_of(samples: list[uuid.UUID] | None, donors: list[str] | None) -> Selection:
    return Selection(
        samples=None if samples is None else tuple(samples),
        donors=None if donors is None else tuple(donors),
    )
