"""Settings: environment variables with the prefix ``PLIANT_``, flat names, no other source."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.domain.delivery_rules import parse_retry_seconds
from app.domain.identifiers import DIN_PATTERN, DIN_SYSTEM, PRODUCT_CODE_SYSTEM, SCHEME_PATTERN
from app.domain.network_addresses import parse_allowed
from app.domain.result_terms import parse_loinc


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern} is not a regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]


def _names_places(text: str) -> str:
    parse_allowed(text)
    return text


def _names_waits(text: str) -> str:
    parse_retry_seconds(text)
    return text


Words = Annotated[str, Field(max_length=60, pattern=r"^[^|^&~\\\x00-\x1f]*$")]
"""No delimiter of HL7: every receiver files by these, and not all unescape."""
Scheme = Annotated[str, Field(pattern=rf"^{SCHEME_PATTERN}$")]
Uri = Annotated[str, Field(min_length=3, max_length=200, pattern=r"^[a-zA-Z][a-zA-Z0-9+.-]*:\S+$")]
Loinc = Annotated[dict[str, str], AfterValidator(parse_loinc)]
Places = Annotated[str, AfterValidator(_names_places)]
Waits = Annotated[str, AfterValidator(_names_waits)]


class Settings(BaseSettings):
    """Built once per process, in its composition root."""

    model_config = SettingsConfigDict(env_prefix="PLIANT_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    """Address the web process listens on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    """Port the web process listens on."""
    public_url: HttpUrl | None = None
    """Address browsers use, where a proxy stands before Pliant; unset: made from host and port."""
    data_dir: Path = Path("var")
    """Folder of the private servers, the stored files and their logs."""
    database_url: str | None = None
    """PostgreSQL to use instead of the private one, `postgresql://…`."""
    broker_url: str | None = None
    """Redis or Valkey to use instead of the private one, `redis://…` or `redis+socket://…`."""
    storage_url: str | None = None
    """Where image files lie: `file:///…` or `s3://bucket/prefix`; unset: `DATA_DIR/storage`."""
    web_processes: Annotated[int, Field(ge=1, le=16)] = 2
    """Processes that answer requests; they share the memory that uploads may take."""
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    """Worker processes for images; one each is added for background work, messages, training."""
    training: bool = True
    """Whether this installation trains models (needs TensorFlow)."""
    demo: bool = True
    """Whether `pliant up` makes the demonstration donors on its first start."""
    min_wells: Annotated[int, Field(ge=1)] = 2
    """Unsorted wells with enough images that a donor score needs."""
    min_images_per_well: Annotated[int, Field(ge=1)] = 20
    """Accepted images that a well needs to count towards a donor score."""
    min_cells: Annotated[int, Field(ge=1)] = 1000
    """Accepted cells that a donor score needs."""
    two_person_promotion: bool = False
    """Whether a model must be activated by someone other than the person who trained it."""
    two_person_release: bool = True
    """Whether a result must be signed by someone other than the person who handed it in."""
    reference_run_sd: Annotated[float, Field(gt=0)] = 0.17
    """Between-run standard deviation of the ratchet's rigidity score (Lamoureux et al. 2022)."""
    wet_control: bool = False
    """Whether release needs a wet control: cells of a known lot, run on the day, within limits."""
    control_valid_hours: Annotated[float, Field(ge=1, le=168)] = 26.0
    """How long a control run allows releases; a nightly run needs a little more than a day."""
    key_requests_per_minute: Annotated[int, Field(ge=1)] = 12_000
    """Requests that one API key may make in any minute; more are refused with 429."""
    min_free_bytes: Annotated[int, Field(ge=0)] = 2_000_000_000
    """Free space of a local store below which images are refused with 507."""
    max_body_bytes: Annotated[int, Field(ge=1_000_000)] = 20_000_000
    """Largest image file accepted, in bytes."""
    din_pattern: Pattern = DIN_PATTERN
    """Regular expression of a donation number's 13 characters."""
    din_needs_check: bool = False
    """Whether a donation number typed without its boxed check character is refused."""
    identifier_patterns: dict[Scheme, Pattern] = {}
    """Regular expressions of the site's other numbers, JSON, by scheme."""
    din_system: str = DIN_SYSTEM
    """FHIR identifier system under which donation numbers are sent."""
    product_code_system: str = PRODUCT_CODE_SYSTEM
    """FHIR system under which the codes of the scheme `product_code` are sent."""
    lims_facility: Words = "LAB"
    """This laboratory's name in messages: MSH-4 and the performer of a report."""
    lims_receiving_application: Words = "LIMS"
    """Program that HL7 messages are addressed to, MSH-5."""
    lims_receiving_facility: Words = ""
    """Place that HL7 messages are addressed to, MSH-6."""
    accession_system: Uri = "urn:pliant:accession"
    """FHIR identifier system of the site's accession numbers."""
    identifier_systems: dict[Scheme, Uri] = {}
    """FHIR identifier systems of the site's other numbers, JSON, by scheme."""
    message_system: Uri = "urn:pliant"
    """What the FHIR systems of Pliant's own codes and identifiers begin with."""
    loinc: Loinc = {}
    """LOINC codes that the site stands behind, JSON, by local code: `{"RBCDEF-RS": "…"}`."""
    outbound_allowed: Places | None = None
    """Private networks that messages may go to, each with its port: `10.1.0.0/16:443, …`."""
    webhook_retry_seconds: Waits = "5,300,1800,7200,18000,36000,50400,72000,72000"
    """How long to wait after each failed try of a delivery, in seconds; then it is given up."""
    webhook_timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 15.0
    """How long one try of a delivery may take in all."""
    log_format: str = "console"
    """`console` for people, `json` for log collectors."""
