"""What is told of a control: its state, runs, series, broken rules and resolutions."""

import datetime as dt
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.domain.assessment import NotAssessable
from app.domain.control_charts import LIMITS_METHOD, RULES_METHOD, ControlLimits
from app.domain.digital_control import CONTROL_METHOD


class ControlState(StrEnum):
    """Where a control stands."""

    NOT_RUN = "not_run"
    WAITING = "waiting"
    LOCKED = "locked"
    PROVISIONAL = "provisional"
    IN_CONTROL = "in_control"
    EXPIRED = "expired"
    ENDED = "ended"


@dataclass(frozen=True)
class ControlMethods:
    """Name and version of everything that judges a control."""

    limits: str = LIMITS_METHOD
    rules: str = RULES_METHOD
    digital: str = CONTROL_METHOD


@dataclass(frozen=True, kw_only=True)
class RunView:
    """One run; `measured_at` and figures are None while its sample has no score."""

    id: uuid.UUID
    trigger: str
    figures: dict[str, float | None] | None
    is_match: bool | None
    message: str | None
    model_version: str | None
    pipeline_version: str | None
    environment: str | None
    sample_id: uuid.UUID | None
    measured_at: dt.datetime | None
    created_at: dt.datetime
    created_by: str
    is_left_out: bool
    rules: tuple[str, ...]


@dataclass(frozen=True)
class PointView:
    """One value of a series; `deviate` in standard deviations under the limits shown."""

    run_id: uuid.UUID
    at: dt.datetime
    value: float
    deviate: float | None
    rules: tuple[str, ...]
    is_left_out: bool


@dataclass(frozen=True, kw_only=True)
class SeriesView:
    """One figure's comparable runs, and its limits: frozen, provisional, or why there are none."""

    figure: str
    title: str
    unit: str
    model_version_id: uuid.UUID | None
    model_version: str | None
    environment: str | None
    is_frozen: bool
    limits: ControlLimits | NotAssessable
    points: tuple[PointView, ...]


@dataclass(frozen=True, kw_only=True)
class ViolationView:
    """A rule that was broken; a lock on release unless it is a warning or resolved."""

    id: uuid.UUID
    run_id: uuid.UUID
    rule: str
    figure: str | None
    is_warning: bool
    is_open: bool
    message: str
    basis: dict[str, Any]
    at: dt.datetime
    resolution_id: uuid.UUID | None


@dataclass(frozen=True)
class ResolutionView:
    id: uuid.UUID
    cause: str
    action: str
    at: dt.datetime
    by: str


@dataclass(frozen=True, kw_only=True)
class SealView:
    """What sealed images must answer under one model version and pipeline."""

    model_version_id: uuid.UUID
    model_version: str | None
    pipeline_version: str
    answer: dict[str, float]
    answer_sha256: str
    tolerance: dict[str, float]
    is_shipped: bool
    at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class ControlBrief:
    """A control in a list; `statement` is its state in one sentence."""

    id: uuid.UUID
    kind: str
    name: str
    state: ControlState
    statement: str
    is_shipped: bool
    content_sha256: str | None
    n_images: int | None
    expires_on: dt.date | None
    created_at: dt.datetime
    created_by: str
    ended_at: dt.datetime | None
    ended_reason: str | None
    last_run: RunView | None
    open_rules: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ControlView(ControlBrief):
    """A control with everything known of it; runs and violations newest first."""

    methods: ControlMethods
    sealed: tuple[SealView, ...]
    series: tuple[SeriesView, ...]
    runs: tuple[RunView, ...]
    violations: tuple[ViolationView, ...]
    resolutions: tuple[ResolutionView, ...]
