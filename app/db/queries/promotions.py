import uuid
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.tables import ImpactPreview

OPEN: Final = ("queued", "running")


def lock_promotions(session: Session) -> None:
    """One promotion at a time: two that overlap would each end the same activation."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("promotions", 0))))


def newest_preview(session: Session, version_id: uuid.UUID) -> ImpactPreview | None:
    return session.scalar(
        select(ImpactPreview)
        .where(ImpactPreview.model_version_id == version_id)
        .order_by(ImpactPreview.created_at.desc())
        .limit(1)
    )
