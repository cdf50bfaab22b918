"""Settings: environment variables with the prefix ``PLIANT_``, flat names, no other source."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, HttpUrl
from pydantic_settings import BaseSettings, SettingsConfigDict


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
    workers: Annotated[int, Field(ge=1, le=64)] = 2
    """Worker processes for images; one each is added for background work and training."""
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
    max_body_bytes: Annotated[int, Field(ge=1_000_000)] = 20_000_000
    """Largest image file accepted, in bytes."""
    log_format: str = "console"
    """`console` for people, `json` for log collectors."""
