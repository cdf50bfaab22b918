import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import ReferenceMeasurement


def references_of_samples(
    session: Session, sample_ids: Sequence[uuid.UUID]
) -> Sequence[ReferenceMeasurement]:
    return session.scalars(
        select(ReferenceMeasurement)
        .where(ReferenceMeasurement.sample_id.in_(sample_ids))
        .order_by(ReferenceMeasurement.created_at)
    ).all()
