from collections.abc import Sequence

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from app.db.tables import Donor, Sample


def samples_of(
    session: Session, *, owner: str | None, din: str | None = None, donor_code: str | None = None
) -> Sequence[Row[Sample, Donor]]:
    """Samples of one donation or one donor by storage day, then as they were taken in."""
    wanted = select(Sample, Donor).join(Donor, Donor.id == Sample.donor_id)
    if din is not None:
        wanted = wanted.where(Sample.din == din)
    if donor_code is not None:
        wanted = wanted.where(Donor.code == donor_code)
    if owner is not None:
        wanted = wanted.where(Sample.created_by == owner)
    in_order = (Sample.storage_day.asc().nulls_last(), Sample.sampled_at, Sample.created_at)
    return session.execute(wanted.order_by(*in_order, Sample.id)).all()
