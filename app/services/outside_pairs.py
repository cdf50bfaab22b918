"""Pairs measured elsewhere: entered all or none, withdrawn with a reason; notes on any pair."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func
from sqlalchemy.orm import Session

from app.db.queries import agreement as queries
from app.db.queries.model_versions import version_by_id
from app.db.tables import OutsidePair, PairNote, Sample
from app.domain.errors import Conflict, InvalidInput, NotFound
from app.security.permissions import Principal
from app.services import audit
from app.services.pair_tables import EnteredPair, EntryError, NewPair, refusal
from app.services.samples import DONOR_CODE
from app.services.visibility import may_see

SCORE_RANGE: Final = (1.0, 12.0)
"""A rigidity score is an outlet number."""
MOST_DAYS: Final = 10_000
MOST_CHARACTERS: Final = 200
MOST_NOTE_CHARACTERS: Final = 1_000


@dataclass(frozen=True)
class NoteView:
    id: uuid.UUID
    text: str
    created_at: dt.datetime
    created_by: str


@dataclass(frozen=True)
class EnteredPairs:
    """What an upload added."""

    n: int
    ids: tuple[uuid.UUID, ...]


def add_pairs(
    session: Session, principal: Principal, entered: Sequence[EnteredPair]
) -> EnteredPairs:
    """Store every pair, or none where one is wrong or already there.

    Raises
    ------
    InvalidInput
        ``pairs_refused`` with places, columns and what is wrong.
    """
    if not entered:
        raise InvalidInput("pairs_empty", "There is no pair in the request; send one or more.")
    rows = [_row(principal, one.pair) for one in entered]
    errors = [error for one in entered for error in _errors(session, one)]
    errors = errors or _repeats(session, entered, rows)
    if errors:
        raise refusal(errors)
    session.add_all(rows)
    session.flush()
    for row in rows:
        audit.record(
            session,
            actor=principal.id,
            action="pair.added",
            entity="pair",
            entity_id=str(row.id),
            after=_told(row),
        )
    return EnteredPairs(len(rows), tuple(row.id for row in rows))


def withdraw_pair(session: Session, principal: Principal, pair_id: uuid.UUID, reason: str) -> None:
    """Take a pair that was entered wrongly out of the figures; it stays listed with the reason.

    Raises
    ------
    Conflict
        ``pair_withdrawn``: it was withdrawn before.
    """
    row = _visible_pair(session, principal, pair_id)
    if row.withdrawn_at is not None:
        raise Conflict("pair_withdrawn", "The pair was withdrawn before; nothing changed.")
    if not _is_said(reason):
        raise InvalidInput(
            "pair_reason",
            f"Say why the pair is withdrawn, in 1 to {MOST_NOTE_CHARACTERS} characters.",
        )
    row.withdrawn_reason = reason.strip()
    row.withdrawn_at = func.clock_timestamp()
    row.withdrawn_by = principal.id
    audit.record(
        session,
        actor=principal.id,
        action="pair.withdrawn",
        entity="pair",
        entity_id=str(row.id),
        before=_told(row),
        after={"reason": row.withdrawn_reason},
    )


def add_note(session: Session, principal: Principal, pair_id: uuid.UUID, text: str) -> NoteView:
    """Note something on a pair: the id is a sample's, or a pair's measured elsewhere."""
    if not _is_said(text):
        raise InvalidInput(
            "pair_note", f"Write the note, in 1 to {MOST_NOTE_CHARACTERS} characters."
        )
    note = PairNote(text=text.strip(), created_by=principal.id)
    sample = session.get(Sample, pair_id)
    if sample is not None and may_see(principal, sample):
        note.sample_id = sample.id
    else:
        note.outside_pair_id = _visible_pair(session, principal, pair_id).id
    session.add(note)
    session.flush()
    session.refresh(note)
    audit.record(
        session,
        actor=principal.id,
        action="pair.noted",
        entity="sample" if note.sample_id else "pair",
        entity_id=str(pair_id),
        after={"note_id": str(note.id), "text": note.text},
    )
    return note_view(note)


def note_view(note: PairNote) -> NoteView:
    return NoteView(note.id, note.text, note.created_at, note.created_by)


def _visible_pair(session: Session, principal: Principal, pair_id: uuid.UUID) -> OutsidePair:
    row = queries.outside_pair(session, pair_id)
    if row is None or not (principal.sees_all or row.created_by == principal.id):
        raise NotFound("pair_unknown", "There is no such pair; see the agreement page.")
    return row


def _is_said(text: str) -> bool:
    return 0 < len(text.strip()) <= MOST_NOTE_CHARACTERS


def _row(principal: Principal, pair: NewPair) -> OutsidePair:
    return OutsidePair(
        donor_code=pair.donor_code,
        storage_day=pair.storage_day,
        reference_score=pair.reference_score,
        image_score=pair.image_score,
        measured_with=pair.measured_with,
        model_version_id=pair.model_version_id,
        measured_on=pair.measured_on,
        source=pair.source,
        created_by=principal.id,
    )


def _errors(session: Session, entered: EnteredPair) -> list[EntryError]:
    pair, low, high = entered.pair, *SCORE_RANGE
    scores = {"reference_score": pair.reference_score, "image_score": pair.image_score}
    wrong = {
        column: f"a rigidity score is an outlet number between {low:g} and {high:g}"
        for column, score in scores.items()
        if not low <= score <= high
    }
    if not DONOR_CODE.fullmatch(pair.donor_code):
        wrong["donor_code"] = (
            "a donor code has 1 to 64 letters, digits, dots, dashes or spaces; never a name"
        )
    if pair.storage_day is not None and not 0 <= pair.storage_day <= MOST_DAYS:
        wrong["storage_day"] = "the storage day counts from 0, the day of collection"
    if not 0 < len(pair.measured_with) <= MOST_CHARACTERS:
        wrong["measured_with"] = f"name what made the image score in {MOST_CHARACTERS} characters"
    if len(pair.source or "") > MOST_CHARACTERS:
        wrong["source"] = f"the source has more than {MOST_CHARACTERS} characters"
    version_id = pair.model_version_id
    if version_id is not None and version_by_id(session, version_id) is None:
        wrong["model_version_id"] = "there is no such model version; see the list"
    return [EntryError(entered.place, column, message) for column, message in wrong.items()]


def _repeats(
    session: Session, entered: Sequence[EnteredPair], rows: Sequence[OutsidePair]
) -> list[EntryError]:
    """Pairs that are there already: a table sent twice must not count twice."""
    first: dict[NewPair, str] = {}
    errors = []
    for one, row in zip(entered, rows, strict=True):
        earlier = first.setdefault(one.pair, one.place)
        if earlier != one.place:
            errors.append(EntryError(one.place, None, f"it is the same as {earlier}"))
        elif queries.has_equal_pair(session, row):
            errors.append(EntryError(one.place, None, "this pair is there already"))
    return errors


def _told(row: OutsidePair) -> dict[str, object]:
    return {
        "donor_code": row.donor_code,
        "storage_day": row.storage_day,
        "reference_score": row.reference_score,
        "image_score": row.image_score,
        "measured_with": row.measured_with,
    }
