import datetime as dt
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db.queries.images import newest_scans
from app.db.queries.verdicts import cell_is_used
from app.db.tables import Cell, Donor, InstrumentProfile, Sample, Scan, ScanImage, Well

Position = tuple[dt.datetime, uuid.UUID]


class SampleRow(NamedTuple):
    """A sample and its donor's code."""

    id: uuid.UUID
    donor_code: str
    din: str | None
    din_is_checked: bool | None
    din_raw: str | None
    accession_number: str | None
    placer_order_number: str | None
    filler_order_number: str | None
    local_identifiers: dict[str, str]
    collected_on: dt.date | None
    storage_day: int | None
    storage_day_is_derived: bool
    container: str
    additive: str | None
    sampled_at: dt.datetime | None
    notes: str | None
    state: str
    is_demonstration: bool
    created_at: dt.datetime


def sample_row(session: Session, sample_id: uuid.UUID) -> SampleRow:
    return SampleRow(*session.execute(sample_rows(None).where(Sample.id == sample_id)).one())


def locked_for_change(session: Session, sample_id: uuid.UUID) -> Sample:
    """The sample, for one change at a time to its wells."""
    wanted = select(Sample).where(Sample.id == sample_id).with_for_update()
    return session.scalars(wanted.execution_options(populate_existing=True)).one()


def held_still(session: Session, sample_id: uuid.UUID) -> Sample:
    """The sample, its state kept until the transaction is over; many may hold it at once."""
    wanted = select(Sample).where(Sample.id == sample_id).with_for_update(read=True)
    return session.scalars(wanted.execution_options(populate_existing=True)).one()


def _is_number(column: InstrumentedAttribute[str | None], value: str) -> ColumnElement[bool]:
    """The lower-case form is what the index holds."""
    return and_(func.lower(column) == value.lower(), column == value)


def _has_local_identifier(value: str) -> ColumnElement[bool]:
    scheme, _, number = value.partition(":")
    return Sample.local_identifiers.contains({scheme: number})


FILTERS: Final[Mapping[str, Callable[[str], ColumnElement[bool]]]] = {
    "donor_code": lambda value: Donor.code == value,
    "din": lambda value: Sample.din == value,
    "accession_number": lambda value: Sample.accession_number == value,
    "placer_order_number": lambda value: _is_number(Sample.placer_order_number, value),
    "filler_order_number": lambda value: _is_number(Sample.filler_order_number, value),
    "local_identifier": _has_local_identifier,
    "state": lambda value: Sample.state == value,
}


def list_page(
    session: Session,
    *,
    owner: str | None,
    filters: Mapping[str, str],
    after: Position | None,
    limit: int,
) -> Sequence[SampleRow]:
    """Newest first; filters by `FILTERS`."""
    wanted = sample_rows(owner).where(*(FILTERS[name](value) for name, value in filters.items()))
    if after is not None:
        wanted = wanted.where(tuple_(Sample.created_at, Sample.id) < tuple_(*after))
    wanted = wanted.order_by(Sample.created_at.desc(), Sample.id.desc()).limit(limit)
    return [SampleRow(*row) for row in session.execute(wanted)]


def count_others_with_accession(session: Session, row: SampleRow, *, owner: str | None) -> int:
    """Samples beside this one whose results go out under the same accession number."""
    wanted = select(func.count()).where(
        Sample.accession_number == row.accession_number,
        Sample.id != row.id,
        Sample.state != "withdrawn",
        *_owned(owner),
    )
    return session.scalars(wanted).one()


def donor_by_code(session: Session, code: str) -> Donor:
    """The donor of this code, made if it is new."""
    session.execute(insert(Donor).values(code=code).on_conflict_do_nothing())
    return session.scalars(select(Donor).where(Donor.code == code)).one()


def cell_counts(session: Session, sample_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Cells used by well, of the wells' newest scans."""
    wanted = (
        select(ScanImage.well_id, func.count())
        .join(Cell, and_(Cell.image_id == ScanImage.id, cell_is_used()))
        .where(ScanImage.scan_id.in_(newest_scans(Well.sample_id.in_(sample_ids))))
        .group_by(ScanImage.well_id)
    )
    return {row[0]: row[1] for row in session.execute(wanted)}


def newest_scan(session: Session, well_id: uuid.UUID) -> Scan:
    wanted = select(Scan).where(Scan.well_id == well_id).order_by(Scan.ordinal.desc()).limit(1)
    return session.scalars(wanted).one()


def next_well_number(session: Session, sample_id: uuid.UUID, outlet: int | None) -> int:
    wanted = select(func.coalesce(func.max(Well.number), 0) + 1).where(
        Well.sample_id == sample_id, Well.outlet.is_not_distinct_from(outlet)
    )
    return session.scalars(wanted).one()


def has_well(session: Session, sample_id: uuid.UUID, outlet: int | None, number: int) -> bool:
    wanted = select(Well.id).where(
        Well.sample_id == sample_id,
        Well.outlet.is_not_distinct_from(outlet),
        Well.number == number,
    )
    return session.scalars(wanted).first() is not None


def list_profiles(session: Session) -> Sequence[InstrumentProfile]:
    """The built-in one first, then by name."""
    order = (InstrumentProfile.is_built_in.desc(), InstrumentProfile.name)
    return session.scalars(select(InstrumentProfile).order_by(*order)).all()


def built_in_profile(session: Session) -> InstrumentProfile | None:
    return session.scalars(
        select(InstrumentProfile).where(InstrumentProfile.is_built_in)
    ).one_or_none()


def profile_by_name(session: Session, name: str) -> InstrumentProfile | None:
    wanted = select(InstrumentProfile).where(InstrumentProfile.name == name)
    return session.scalars(wanted).one_or_none()


def _owned(owner: str | None) -> tuple[ColumnElement[bool], ...]:
    return () if owner is None else (Sample.created_by == owner,)


def sample_rows(owner: str | None) -> Select[*tuple[Any, ...]]:
    """The columns of `SampleRow`, of the samples of one owner or of all."""
    return (
        select(
            Sample.id, Donor.code, Sample.din, Sample.din_is_checked, Sample.din_raw,
            Sample.accession_number, Sample.placer_order_number, Sample.filler_order_number,
            Sample.local_identifiers, Sample.collected_on, Sample.storage_day,
            Sample.storage_day_is_derived, Sample.container, Sample.additive, Sample.sampled_at,
            Sample.notes, Sample.state, Sample.is_demonstration, Sample.created_at,
        )
        .join(Donor, Donor.id == Sample.donor_id)
        .where(*_owned(owner))
    )  # fmt: skip
