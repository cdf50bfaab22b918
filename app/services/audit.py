"""The audit trail: each entry holds the hash of the one before, in the change's transaction."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from app.db.queries import audit as queries
from app.db.tables import AuditEntry
from app.observability import current_request_id
from app.services.paging import Listing

GENESIS: Final = "0" * 64
_DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True)
class AuditView:
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


@dataclass(frozen=True)
class ChainCheck:
    """Whether the trail is whole; `broken_at` is the first entry that does not fit."""

    is_whole: bool
    n_entries: int
    broken_at: int | None


def record(
    session: Session,
    *,
    actor: str,
    action: str,
    entity: str,
    entity_id: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    request_id: str | None = None,
) -> None:
    """Append one entry. Call it last: it locks the chain's end until the transaction is over."""
    session.flush()
    head, at = queries.lock_head(session)
    request_id = request_id or current_request_id()
    content = _canonical(
        {
            "seq": head.seq + 1,
            "at": at.astimezone(dt.UTC).isoformat(),
            "actor": actor,
            "action": action,
            "entity": entity,
            "entity_id": entity_id,
            "before": before,
            "after": after,
            "request_id": request_id,
            "prev_hash": head.hash,
        }
    )
    entry = AuditEntry(
        seq=head.seq + 1,
        at=at,
        actor=actor,
        action=action,
        entity=entity,
        entity_id=entity_id,
        request_id=request_id,
        content=content,
        prev_hash=head.hash,
        hash=_hash(content),
    )
    session.add(entry)
    head.seq, head.hash = entry.seq, entry.hash
    session.flush()


def list_entries(
    session: Session,
    *,
    entity: str | None = None,
    entity_id: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    first_on: dt.date | None = None,
    last_on: dt.date | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Listing[AuditView]:
    """Newest first; days are those of UTC, both included."""
    rows = queries.list_entries(
        session,
        entity=entity,
        entity_id=entity_id,
        actor=actor,
        action=action,
        since=None if first_on is None else _midnight(first_on),
        until=None if last_on in (None, dt.date.max) else _midnight(last_on + _DAY),
        before_seq=_seq_of(cursor),
        limit=limit + 1,
    )
    more = len(rows) > limit
    views = tuple(_view(row) for row in rows[:limit])
    return Listing(views, str(views[-1].seq) if more else None)


def verify(session: Session) -> ChainCheck:
    """Walk the whole chain: every content fits its hash, and every hash its successor."""
    head = queries.read_head(session)
    seq, previous = 0, GENESIS
    for entry in queries.walk(session, up_to=head.seq):
        expected = seq + 1
        if not _fits(entry, expected, previous):
            return ChainCheck(is_whole=False, n_entries=seq, broken_at=expected)
        seq, previous = entry.seq, entry.hash
    is_whole = (head.seq, head.hash) == (seq, previous)
    return ChainCheck(is_whole=is_whole, n_entries=seq, broken_at=None if is_whole else seq + 1)


def is_end_sound(session: Session, *, newest: int = 1000) -> bool:
    """Whether the newest entries fit each other and the chain's end: seconds matter at a release.

    `verify` walks the whole chain.
    """
    head = queries.read_head(session)
    first = max(head.seq - newest, 0)
    entries = queries.entries_between(session, first, head.seq)
    if first == 0:
        seq, previous = 0, GENESIS
    else:
        seq, previous = first, entries[0].hash if entries else ""
        entries = entries[1:]
    for entry in entries:
        if not _fits(entry, seq + 1, previous):
            return False
        seq, previous = entry.seq, entry.hash
    return (head.seq, head.hash) == (seq, previous)


def _fits(entry: AuditEntry, seq: int, previous: str) -> bool:
    content = json.loads(entry.content)
    columns = (entry.seq, entry.actor, entry.action, entry.entity, entry.entity_id, entry.prev_hash)
    said = tuple(
        content[name] for name in ("seq", "actor", "action", "entity", "entity_id", "prev_hash")
    )
    return (
        entry.seq == seq
        and entry.prev_hash == previous
        and entry.hash == _hash(entry.content)
        and columns == said
    )


def _view(entry: AuditEntry) -> AuditView:
    content = json.loads(entry.content)
    return AuditView(
        seq=entry.seq,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        entity=entry.entity,
        entity_id=entry.entity_id,
        request_id=entry.request_id,
        before=content["before"],
        after=content["after"],
        hash=entry.hash,
    )


def kinds(session: Session) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every entity and every action that the trail has, for whoever looks for one."""
    return queries.distinct(session, "entity"), queries.distinct(session, "action")


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)


def _seq_of(cursor: str | None) -> int | None:
    return int(cursor) if cursor and cursor.isdecimal() and len(cursor) < 19 else None


def _canonical(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _hash(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()
