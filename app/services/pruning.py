"""Rows that nobody asks for any more are taken away, once a night, a batch at a time."""

import datetime as dt
from typing import Final

import structlog
from sqlalchemy import ColumnElement, Delete, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db.tables import BrowserSession, IdempotentAnswer, Job, TimetableSlot
from app.jobs import timetable
from app.jobs.kinds import JobKind
from app.services import idempotency, password_tries

log = structlog.get_logger()

SLOT: Final = "pruning"
NIGHT_BEGINS: Final = 3
BATCH: Final = 5_000
"""Rows of one table at a turn: no long transaction, no long lock."""
JOBS_KEPT: Final = dt.timedelta(days=30)
SESSIONS_KEPT: Final = dt.timedelta(days=365)
"""Ended sessions still say when somebody was last seen."""
SLOTS_KEPT: Final = dt.timedelta(days=90)
DONE: Final = ("done", "cancelled")
"""Failed and quarantined jobs stay until somebody has seen to them."""
MANY: Final = (
    JobKind.INSPECT_IMAGE, JobKind.CLASSIFY_IMAGE, JobKind.SCORE_ANALYSIS, JobKind.CHECK_CONTROL,
)  # fmt: skip
"""Of the other kinds there are few, and their rows keep work from being done twice."""


def prune_nightly(session: Session) -> None:
    """What falls to tonight's turn, if nobody took it; called at every tick of the timetable."""
    slot = timetable.nightly_slot(session, hour=NIGHT_BEGINS)
    if timetable.is_taken(session, SLOT, slot):
        return
    n_rows = prune(session)
    if max(n_rows.values()) < BATCH:  # else the next tick goes on
        timetable.claim_slot(session, SLOT, slot)
    log.info("pruned", **n_rows)


def prune(session: Session) -> dict[str, int]:
    """One batch of each table; how many rows went."""
    now = func.clock_timestamp()
    return {
        "jobs": _delete(
            session,
            Job.id,
            Job.kind.in_(MANY) & Job.state.in_(DONE) & (Job.finished_at < now - JOBS_KEPT),
        ),
        "idempotent_answers": _delete_answers(session),
        "password_tries": password_tries.prune_tries(session),
        "browser_sessions": _delete(
            session, BrowserSession.id, BrowserSession.expires_at < now - SESSIONS_KEPT
        ),
        "timetable_slots": _count(
            session, delete(TimetableSlot).where(TimetableSlot.created_at < now - SLOTS_KEPT)
        ),
    }


def _delete(
    session: Session, key: InstrumentedAttribute[object], which: ColumnElement[bool]
) -> int:
    batch = select(key).where(which).limit(BATCH).with_for_update(skip_locked=True)
    return _count(session, delete(key.class_).where(key.in_(batch)))


def _delete_answers(session: Session) -> int:
    """A repeat after this time is a new request, as its service says."""
    old = IdempotentAnswer.created_at < func.clock_timestamp() - idempotency.KEPT
    return _count(session, delete(IdempotentAnswer).where(old))


def _count(session: Session, statement: Delete) -> int:
    found = session.connection().execute(statement)
    return found.rowcount
