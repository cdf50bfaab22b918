"""Which model version is live: previews of what would change, activation, rollback, retirement."""

import uuid

from sqlalchemy.orm import Session

from app.db.queries.promotions import OPEN, lock_promotions, newest_preview
from app.db.tables import ImpactPreview
from app.jobs import ledger
from app.jobs.kinds import JobKind


def request_preview(
    session: Session, version_id: uuid.UUID, *, requested_by: str = "system"
) -> ImpactPreview:
    """Queue what the version would change, in the caller's transaction; one that waits is enough.

    The same job proves the version's file: hash, operators, golden crops.
    """
    lock_promotions(session)
    newest = newest_preview(session, version_id)
    if newest is not None and newest.state in OPEN:
        return newest
    preview = ImpactPreview(model_version_id=version_id, created_by=requested_by)
    session.add(preview)
    session.flush()
    ledger.enqueue(session, JobKind.PREVIEW_IMPACT, preview.id)
    return preview
