import uuid
from collections.abc import Collection, Sequence
from functools import cache

from sqlalchemy import Select, any_, bindparam, select
from sqlalchemy.orm import Session

from app.db.base import UUIDS
from app.db.tables import ReferenceMeasurement


def references_of_samples(
    session: Session, sample_ids: Collection[uuid.UUID]
) -> Sequence[ReferenceMeasurement]:
    return session.scalars(_of_samples(), {"sample_ids": list(sample_ids)}).all()


@cache
def _of_samples() -> Select[ReferenceMeasurement]:
    return (
        select(ReferenceMeasurement)
        .where(ReferenceMeasurement.sample_id == any_(bindparam("sample_ids", type_=UUIDS)))
        .order_by(ReferenceMeasurement.created_at)
    )
