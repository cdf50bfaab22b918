"""The locked set: samples that every candidate is tried on, chosen by an administrator."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries import impact as queries
from app.db.tables import LockedSample
from app.domain.errors import NotFound
from app.security.permissions import Principal
from app.services import audit
from app.services.promotions import checked_reason
from app.services.visibility import visible_sample

MOST_OFFERED: Final = 50


@dataclass(frozen=True)
class OfferedSample:
    """A scored sample with a reference that is not locked yet."""

    sample_id: uuid.UUID
    donor_code: str


@dataclass(frozen=True)
class LockedSampleView:
    sample_id: uuid.UUID
    donor_code: str
    reason: str
    locked_by: str
    locked_at: dt.datetime


def list_locked(session: Session) -> list[LockedSampleView]:
    """Newest first; empty while the newest samples with a reference stand in."""
    return [
        LockedSampleView(
            row.LockedSample.sample_id,
            row.code,
            row.LockedSample.reason,
            row.LockedSample.created_by,
            row.LockedSample.created_at,
        )
        for row in queries.locked_samples(session)
    ]


def offer_samples(session: Session) -> list[OfferedSample]:
    """Those that a locked set is best made of, newest first."""
    locked = {one.sample_id for one in list_locked(session)}
    rows = queries.newest_scored(
        session, limit=MOST_OFFERED + len(locked), with_drawn=True, with_reference=True
    )
    return [OfferedSample(row[0], row[2]) for row in rows if row[0] not in locked][:MOST_OFFERED]


def lock_sample(
    session: Session, principal: Principal, sample_id: uuid.UUID, *, reason: str
) -> None:
    """Keep the sample for trying candidates; locking it again changes nothing."""
    reason = checked_reason(reason)
    sample = visible_sample(session, principal, sample_id)
    if session.get(LockedSample, sample.id) is not None:
        return
    session.add(LockedSample(sample_id=sample.id, reason=reason, created_by=principal.id))
    audit.record(
        session, actor=principal.id, action="sample.locked", entity="sample",
        entity_id=str(sample.id), after={"reason": reason},
    )  # fmt: skip


def unlock_sample(
    session: Session, principal: Principal, sample_id: uuid.UUID, *, reason: str
) -> None:
    reason = checked_reason(reason)
    locked = session.get(LockedSample, sample_id)
    if locked is None:
        raise NotFound("sample_not_locked", "The sample is not in the locked set.")
    session.delete(locked)
    audit.record(
        session, actor=principal.id, action="sample.unlocked", entity="sample",
        entity_id=str(sample_id), after={"reason": reason},
    )  # fmt: skip
