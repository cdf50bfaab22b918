"""The audit trail on the wire."""

import datetime as dt
from typing import Any

from pydantic import BaseModel, ConfigDict


class AuditEntryOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    seq: int
    at: dt.datetime
    actor: str
    action: str
    entity: str
    entity_id: str
    request_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    hash: str


class ChainCheckOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    is_whole: bool
    n_entries: int
    broken_at: int | None
