import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, Select, and_, func, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session, defer

from app.db.queries.images import newest_scans
from app.db.queries.verdicts import cell_is_used, image_verdict
from app.db.tables import (
    Analysis,
    Cell,
    Donor,
    InstrumentProfile,
    ModelVersion,
    Sample,
    Scan,
    ScanImage,
    Score,
    Well,
)  # fmt: skip

Position = tuple[dt.datetime, uuid.UUID]


def with_donor(session: Session, sample_id: uuid.UUID) -> tuple[Sample, Donor]:
    row = session.execute(with_donors(None).where(Sample.id == sample_id)).one()
    return row[0], row[1]


def locked_for_change(session: Session, sample_id: uuid.UUID) -> Sample:
    """The sample, for one change at a time to its wells."""
    wanted = select(Sample).where(Sample.id == sample_id).with_for_update()
    return session.scalars(wanted.execution_options(populate_existing=True)).one()


def held_still(session: Session, sample_id: uuid.UUID) -> Sample:
    """The sample, its state kept until the transaction is over; many may hold it at once."""
    wanted = select(Sample).where(Sample.id == sample_id).with_for_update(read=True)
    return session.scalars(wanted.execution_options(populate_existing=True)).one()


def list_page(
    session: Session,
    *,
    owner: str | None,
    filters: Mapping[str, str],
    after: Position | None,
    limit: int,
) -> Sequence[tuple[Sample, Donor]]:
    """Newest first; filters by `donor_code`, `din`, `accession_number` and `state`."""
    columns = {
        "donor_code": Donor.code,
        "din": Sample.din,
        "accession_number": Sample.accession_number,
        "state": Sample.state,
    }
    wanted = with_donors(owner).where(*(columns[name] == value for name, value in filters.items()))
    if after is not None:
        wanted = wanted.where(tuple_(Sample.created_at, Sample.id) < tuple_(*after))
    wanted = wanted.order_by(Sample.created_at.desc(), Sample.id.desc()).limit(limit)
    return [(row[0], row[1]) for row in session.execute(wanted)]


def donor_by_code(session: Session, code: str) -> Donor:
    """The donor of this code, made if it is new."""
    session.execute(insert(Donor).values(code=code).on_conflict_do_nothing())
    return session.scalars(select(Donor).where(Donor.code == code)).one()


def wells_of(session: Session, sample_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[Well]]:
    """By sample: unsorted wells first, then by outlet and number."""
    wanted = select(Well).where(Well.sample_id.in_(sample_ids))
    found: dict[uuid.UUID, list[Well]] = defaultdict(list)
    for well in session.scalars(wanted.order_by(Well.outlet.asc().nulls_first(), Well.number)):
        found[well.sample_id].append(well)
    return found


def image_counts(
    session: Session, sample_ids: Collection[uuid.UUID]
) -> dict[tuple[uuid.UUID, str], int]:
    """By well and the verdict that holds, of the wells' newest scans."""
    wanted = (
        select(Scan.well_id, image_verdict(), func.count())
        .join(ScanImage, ScanImage.scan_id == Scan.id)
        .where(Scan.id.in_(newest_scans(Well.sample_id.in_(sample_ids))))
        .group_by(Scan.well_id, image_verdict())
    )
    return {(well_id, verdict): count for well_id, verdict, count in session.execute(wanted)}


def cell_counts(session: Session, sample_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Cells used by well, of the wells' newest scans."""
    wanted = (
        select(ScanImage.well_id, func.count())
        .join(Cell, and_(Cell.image_id == ScanImage.id, cell_is_used()))
        .where(ScanImage.scan_id.in_(newest_scans(Well.sample_id.in_(sample_ids))))
        .group_by(ScanImage.well_id)
    )
    return {row[0]: row[1] for row in session.execute(wanted)}


def latest_scores(
    session: Session, sample_ids: Collection[uuid.UUID], model_version_id: uuid.UUID | None = None
) -> list[tuple[Analysis, Score, ModelVersion]]:
    """Of each sample's newest analysis that came to an answer, by one model version or by any."""
    wanted = (
        select(Analysis, Score, ModelVersion)
        .join(Score, Score.analysis_id == Analysis.id)
        .join(ModelVersion, ModelVersion.id == Analysis.model_version_id)
        .where(Analysis.sample_id.in_(sample_ids), Analysis.state == "done")
        .ext(distinct_on(Analysis.sample_id))
        .order_by(Analysis.sample_id, Analysis.created_at.desc())
        .options(defer(ModelVersion.manifest))  # long, and read once for each row
    )
    if model_version_id is not None:
        wanted = wanted.where(Analysis.model_version_id == model_version_id)
    return [(row[0], row[1], row[2]) for row in session.execute(wanted)]


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


def with_donors(owner: str | None) -> Select[Sample, Donor]:
    joined = select(Sample, Donor).join(Donor, Donor.id == Sample.donor_id)
    return joined.where(*_owned(owner))
