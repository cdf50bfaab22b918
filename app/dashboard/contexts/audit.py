"""The audit page: who changed what, found by person, kind and day; whether the record is whole."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import FormValues, MomentText, moment_text
from app.services.audit import AuditView, ChainCheck
from app.services.paging import Listing
from app.services.people import Actor


@dataclass(frozen=True)
class EntryRow:
    seq: str
    at: MomentText
    actor: str
    action: str
    entity: str
    entity_id: str
    href: str | None
    changes: str


@dataclass(frozen=True)
class AuditPage:
    rows: tuple[EntryRow, ...]
    actors: tuple[Actor, ...]
    entities: tuple[str, ...]
    actions: tuple[str, ...]
    values: FormValues
    is_filtered: bool
    table_href: str
    next_href: str | None
    notice: Notice | None


def audit_page(
    listing: Listing[AuditView],
    names: Mapping[str, str],
    *,
    actors: Sequence[Actor],
    kinds: tuple[tuple[str, ...], tuple[str, ...]],
    wanted: Mapping[str, str],
    check: ChainCheck | None,
) -> AuditPage:
    query = urlencode(wanted)
    following = {**wanted, "cursor": listing.next_cursor} if listing.next_cursor else None
    return AuditPage(
        rows=tuple(_row(entry, names) for entry in listing.items),
        actors=tuple(actors),
        entities=kinds[0],
        actions=kinds[1],
        values=FormValues(wanted),
        is_filtered=bool(wanted),
        table_href=f"/audit/entries.csv?{query}" if query else "/audit/entries.csv",
        next_href=f"/audit?{urlencode(following)}" if following else None,
        notice=None if check is None else _answer(check),
    )


def _answer(check: ChainCheck) -> Notice:
    if check.is_whole:
        return Notice(
            f"The trail is whole: {check.n_entries} entries, each fits the one before it and its "
            "own hash. Entries cut from the end together with the chain's end would not be seen.",
            "good",
        )
    return Notice(
        f"The trail is broken at entry {check.broken_at}: it was changed or is missing, or the "
        "disk failed. Entries before it are sound. Keep the database as it is, tell whoever is "
        "responsible for quality, and compare with a backup."
    )


def _row(entry: AuditView, names: Mapping[str, str]) -> EntryRow:
    return EntryRow(
        seq=str(entry.seq),
        at=moment_text(entry.at),
        actor=names.get(entry.actor, entry.actor),
        action=_words(entry.action),
        entity=_words(entry.entity),
        entity_id=entry.entity_id,
        href=f"/samples/{entry.entity_id}" if entry.entity == "sample" else None,
        changes="\n".join(_changes(entry.before, entry.after)),
    )


def _changes(before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
    old, new = before or {}, after or {}
    lines = []
    for name in [*new, *(one for one in old if one not in new)]:
        told = _value(new.get(name))
        lines.append(
            f"{_words(name)}: {_value(old[name])} → {told}"
            if name in old
            else f"{_words(name)}: {told}"
        )
    return lines


def _value(value: object) -> str:
    """Short; the table has everything."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 120 else f"{text[:117]}…"


def _words(name: str) -> str:
    return name.replace("_", " ").replace(".", ": ")
