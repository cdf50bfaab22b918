"""What a report says, frozen: pages, files and messages are made of it and read nothing else."""

import datetime as dt
import json
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

from pydantic import TypeAdapter

SCHEMA: Final = "pliant-report/1"
RESEARCH_USE: Final = "Research use only. Not a release criterion."
CONTROL_CODES: Final = ("digital_control", "control_", "wet_control")
"""What the codes of conditions begin with that are about controls."""


class ReportStatus(StrEnum):
    """Of one version; a later version never changes it."""

    PRELIMINARY = "preliminary"
    FINAL = "final"
    AMENDED = "amended"  # the value stays, something beside it was put right
    CORRECTED = "corrected"  # the value was wrong and is another now
    ENTERED_IN_ERROR = "entered-in-error"  # withdrawn: there is no value any more
    CANCELLED = "cancelled"  # never kept: no score can be had of what is there
    REGISTERED = "registered"  # never kept: the sample is there, its score is not yet


class Meaning(StrEnum):
    """What a signature says of the result."""

    REVIEWED = "reviewed"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Whose sample it is. `din` is bare, `din_display` grouped; the check character stands apart.

    `storage_day_is_derived` tells a computed day from an entered one. `local_identifiers` are the
    site's own numbers, by the name of their scheme.
    """

    sample_id: uuid.UUID
    donor_code: str
    din: str | None
    din_display: str | None
    din_check_character: str | None
    din_is_checked: bool | None
    accession_number: str | None
    container: str
    additive: str | None
    collected_on: dt.date | None
    sampled_at: dt.datetime | None
    storage_day: int | None
    storage_day_is_derived: bool
    notes: str | None
    placer_order_number: str | None = None
    filler_order_number: str | None = None
    local_identifiers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class WellResult:
    """One replicate well; shares by outlet number as text, in the model's order."""

    name: str
    rigidity_score: float
    n_cells: int
    n_images: int
    outlet_fractions: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class ReplicateResult:
    """First well minus second, or the range of more; in outlets."""

    difference: float
    expected: float | None
    largest: float


@dataclass(frozen=True, kw_only=True)
class LookCorrectedResult:
    """The score freed of what the sample's look says of the model's error; stands beside it."""

    method: str
    rigidity_score: float
    rigidity_interval: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class PopulationResult:
    """Where the sample lies among the training donors: inside, edge, outside, uncalibrated."""

    standing: str
    distance: float | None
    edge_from: float | None
    outside_from: float | None
    nearest_donors: tuple[str, ...]
    n_training_donors: int | None


@dataclass(frozen=True, kw_only=True)
class Result:
    """The value. Scores in outlets, higher is more rigid; shares 0 to 1; deformability in %.

    `interval_resamples` names what the interval was drawn over; where `interval_is_lower_bound`
    it leaves something out, and a finding says what. Of the cells in unsorted wells `n_excluded`
    do not count and `n_restored` do because a technician said so. `methods` names the method and
    its version behind each figure; reports kept before it was there have none.
    """

    analysis_id: uuid.UUID
    computed_at: dt.datetime
    method: str
    rigidity_score: float
    rigidity_interval: tuple[float, float]
    interval_resamples: tuple[str, ...]
    interval_is_lower_bound: bool
    deformability_score: float
    deformability_interval: tuple[float, float]
    counted_share: float
    corrected_share: float
    published_rigidity_score: float
    outlet_fractions: dict[str, float]
    n_cells: int
    n_images: int
    n_wells: int
    n_excluded: int
    n_restored: int
    wells: tuple[WellResult, ...]
    replicates: ReplicateResult | None
    population: PopulationResult
    look_corrected: LookCorrectedResult | None
    methods: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ReferenceResult:
    """The device's mean score over its runs, beside the image score: image minus reference.

    `outlet_fractions` are the mean shares over the runs entered with shares; None without one.
    """

    rigidity_score: float
    interval: tuple[float, float]
    delta: float
    percent_deviation: float
    n_runs: int
    outlet_fractions: dict[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class ReportFinding:
    """In plain words; `level` is info, warning or reject."""

    code: str
    level: str
    message: str


@dataclass(frozen=True, kw_only=True)
class ReportCondition:
    """One condition of release as it stood at signing; `holds` None where nobody could say."""

    code: str
    holds: bool | None
    message: str
    is_acknowledged: bool


@dataclass(frozen=True, kw_only=True)
class ReportAcknowledgement:
    """A verifier's reason to sign although this condition does not hold."""

    code: str
    message: str
    reason: str
    acknowledged_by: str
    acknowledged_at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class Exclusions:
    """What one person took out or brought back, of what holds now."""

    corrected_by: str
    cells_excluded: int
    cells_restored: int
    images_excluded: int
    images_restored: int


@dataclass(frozen=True, kw_only=True)
class Imaging:
    """Images of the analysis, and when they came; rejected ones do not count."""

    n_images: int
    n_rejected: int
    first_at: dt.datetime | None
    last_at: dt.datetime | None
    instrument_profiles: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Versions:
    """Everything that computed the value, by version and content.

    `holdout` says how the model's figures were measured: donor, well or cell.
    """

    model_version_id: uuid.UUID
    model_name: str
    model_sha256: str
    model_is_demonstration: bool
    model_outlets: tuple[int, ...]
    holdout: str | None
    pipelines: tuple[str, ...]
    program: str


@dataclass(frozen=True, kw_only=True)
class ReportSignature:
    """`act` is submit, release, reopen, amend or withdraw; `with_password` where it was asked."""

    act: str
    meaning: Meaning
    printed_name: str
    role: str
    signed_at: dt.datetime
    with_password: bool
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class Amendment:
    """Why this version follows another, and who was told."""

    previous_report_id: uuid.UUID
    previous_version: int
    reason: str
    told: str | None


@dataclass(frozen=True, kw_only=True)
class ReportContent:
    """One version of a sample's report.

    `version` is 0 and `report_id` the analysis's id while `status` is preliminary. `result` is None
    in a withdrawn report. `control_state` says in a sentence how the controls stood, the wet one
    named even where it is off. `is_demonstration` marks the demonstration's own samples.
    `unavailable` says why there is no score while `status` is cancelled or registered.
    """

    schema: str = SCHEMA
    report_id: uuid.UUID
    version: int
    status: ReportStatus
    is_demonstration: bool
    label: str = RESEARCH_USE
    issued_at: dt.datetime
    identity: Identity
    result: Result | None
    reference: ReferenceResult | None
    findings: tuple[ReportFinding, ...]
    conditions: tuple[ReportCondition, ...]
    acknowledgements: tuple[ReportAcknowledgement, ...]
    exclusions: tuple[Exclusions, ...]
    imaging: Imaging
    versions: Versions
    control_state: str
    signatures: tuple[ReportSignature, ...]
    evidence_sha256: str
    amendment: Amendment | None
    is_signed_by_one_person: bool = False
    unavailable: tuple[ReportFinding, ...] = ()

    def to_text(self) -> str:
        """Canonical JSON: the same content always gives the same text."""
        values = _without_unused(_ADAPTER.dump_python(self, mode="json"))
        return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read `to_text` back; what does not fit is a `ValueError`."""
        content = _ADAPTER.validate_json(text)
        assert isinstance(content, cls)
        return content


_ADAPTER: Final = TypeAdapter(ReportContent)
ADDED_LATER: Final = (
    (None, "unavailable"),
    ("result", "methods"),
    ("reference", "outlet_fractions"),
    ("identity", "placer_order_number"),
    ("identity", "filler_order_number"),
    ("identity", "local_identifiers"),
)
"""Fields that reports kept before them do not have, with the part that holds each."""


def _without_unused(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out later fields where nothing is in them: a kept text stays the same to the byte."""
    for part, name in ADDED_LATER:
        holder = values if part is None else values[part]
        if holder is not None and not holder[name]:
            del holder[name]
    return values
