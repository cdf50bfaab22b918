import uuid
from collections.abc import Collection, Sequence
from functools import cache
from typing import Final

from sqlalchemy import Select, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.orm import Session

from app.db.tables import ReferenceMeasurement

UUIDS: Final = ARRAY(UUID(as_uuid=True))


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
