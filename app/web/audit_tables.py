"""The audit trail as one table, as programs and pages give it out."""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Query
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from app.db.session import SessionMaker, transaction
from app.services import audit
from app.services.audit import AuditView
from app.services.paging import Listing
from app.web.csv_tables import csv_lines
from app.web.dates import IsoDate

CSV: Final = "text/csv"
BATCH: Final = 1000
COLUMNS: Final = (
    "seq", "at", "actor", "action", "entity", "entity_id", "request_id", "before", "after", "hash",
)  # fmt: skip
Filter = Annotated[str | None, Query(max_length=100)]


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """Which entries are wanted; None: whatever."""

    entity: str | None = None
    entity_id: str | None = None
    actor: str | None = None
    action: str | None = None
    first_on: dt.date | None = None
    last_on: dt.date | None = None

    def list(self, session: Session, *, cursor: str | None, limit: int) -> Listing[AuditView]:
        return audit.list_entries(
            session,
            entity=self.entity,
            entity_id=self.entity_id,
            actor=self.actor,
            action=self.action,
            first_on=self.first_on,
            last_on=self.last_on,
            cursor=cursor,
            limit=limit,
        )


def read_filter(
    *,
    entity: Filter = None,
    entity_id: Filter = None,
    actor: Filter = None,
    action: Filter = None,
    first_on: Annotated[IsoDate | None, Query(alias="from", description="First day, UTC.")] = None,
    last_on: Annotated[IsoDate | None, Query(alias="to", description="Last day, UTC.")] = None,
) -> AuditFilter:
    return AuditFilter(
        entity=entity, entity_id=entity_id, actor=actor, action=action, first_on=first_on,
        last_on=last_on,
    )  # fmt: skip


FilterDep = Annotated[AuditFilter, Depends(read_filter)]


def audit_table(sessions: SessionMaker, wanted: AuditFilter) -> StreamingResponse:
    disposition = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return StreamingResponse(_lines(sessions, wanted), media_type=CSV, headers=disposition)


def _lines(sessions: SessionMaker, wanted: AuditFilter) -> Iterator[str]:
    """In batches with a transaction each, so that a slow reader holds up nobody."""
    yield csv_lines([COLUMNS])
    cursor: str | None = None
    while True:
        with transaction(sessions) as session:
            page = wanted.list(session, cursor=cursor, limit=BATCH)
        yield csv_lines([_row(entry) for entry in page.items])
        cursor = page.next_cursor
        if cursor is None:
            return


def _row(entry: AuditView) -> list[object]:
    values = [getattr(entry, name) for name in COLUMNS]
    return [_text(value) for value in values]


def _text(value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
