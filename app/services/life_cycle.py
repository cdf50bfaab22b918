"""The one way a sample's state is written: along the table of `app.domain.life_cycle`."""

from sqlalchemy.orm import Session

from app.db.notifications import PROGRESS_CHANNEL, notify
from app.db.queries.reports import is_reported
from app.db.tables import Sample
from app.domain.life_cycle import Act, SampleState, move


def advance(session: Session, sample: Sample, act: Act) -> None:
    """Move a sample whose row is locked, and tell who follows it."""
    before = SampleState(sample.state)
    sample.state = move(before, act, is_reported=is_reported(session, sample.id)).value
    if sample.state != before:
        notify(session, PROGRESS_CHANNEL, str(sample.id))
