"""Work that comes round by the clock: each turn is done once, whoever asks and how often."""

import datetime as dt

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.tables import TimetableSlot


def claim_slot(session: Session, name: str, slot: str) -> bool:
    """Whether this turn of timetabled work falls to the caller, in the caller's transaction.

    A second caller waits for the first one's commit, and then is told no.
    """
    taken = session.execute(
        insert(TimetableSlot)
        .values(name=name, slot=slot)
        .on_conflict_do_nothing()
        .returning(TimetableSlot.slot)
    ).one_or_none()
    return taken is not None


def is_taken(session: Session, name: str, slot: str) -> bool:
    return session.get(TimetableSlot, (name, slot)) is not None


def nightly_slot(session: Session, *, hour: int) -> str:
    """The night that the database's clock is in: it begins at this hour, UTC.

    A machine that was off at that hour finds the night's slot free when it comes up.
    """
    return (_now(session) - dt.timedelta(hours=hour)).date().isoformat()


def minute_slot(session: Session) -> str:
    """The minute that the database's clock is in, UTC."""
    return _now(session).isoformat(timespec="minutes")


def _now(session: Session) -> dt.datetime:
    now = session.scalar(func.clock_timestamp())
    assert isinstance(now, dt.datetime)
    return now.astimezone(dt.UTC)
