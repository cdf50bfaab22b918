"""Samples and their wells: taking them in, and what is known of them."""

import datetime as dt
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries import samples as queries
from app.db.queries.counted_wells import CountedWell, counted_wells
from app.db.queries.references import references_of_samples
from app.db.queries.samples import SampleRow
from app.db.queries.told_scores import told_scores
from app.db.tables import Sample, Scan, Well
from app.domain.errors import Conflict, InvalidInput
from app.domain.identifiers import (
    EntryWay,
    SiteIdentifiers,
    din_check_character,
    entry_way,
    parse_din,
)
from app.domain.life_cycle import SampleState
from app.domain.outlets import OUTLETS
from app.domain.quality import Finding
from app.domain.storage_day import judge_storage_day
from app.security.permissions import Principal
from app.services import audit, instrument_profiles, mix_ups, references, scores
from app.services.paging import Listing, cut, decode
from app.services.references import ReferenceView
from app.services.scores import ScoreView, well_name
from app.services.visibility import refuse_if_closed, visible_sample, visible_well
from app.settings import Settings

DONOR_CODE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._/-]{0,62}[A-Za-z0-9])?")

ANY_SITE: Final = SiteIdentifiers()


class Container(StrEnum):
    CITRATE_TUBE = "citrate_tube"
    BLOOD_BAG = "blood_bag"
    SEGMENT = "segment"
    PLASTIC_TUBE = "plastic_tube"


@dataclass(frozen=True, kw_only=True)
class NewSample:
    """What was entered; `din` in any scanner form, times with their zone.

    `local_identifiers` are numbers of the site's own, by the name of their scheme.
    """

    donor_code: str
    container: Container
    din: str | None = None
    accession_number: str | None = None
    placer_order_number: str | None = None
    filler_order_number: str | None = None
    local_identifiers: Mapping[str, str] = field(default_factory=dict)
    collected_on: dt.date | None = None
    storage_day: int | None = None
    additive: str | None = None
    sampled_at: dt.datetime | None = None
    notes: str | None = None
    is_demonstration: bool = False


@dataclass(frozen=True, kw_only=True)
class NewWell:
    """`outlet` None: unsorted; `number` None: the next free one."""

    outlet: int | None
    number: int | None = 1
    plate_barcode: str | None = None
    position: str | None = None
    profile_id: uuid.UUID | None = None


@dataclass(frozen=True)
class ImageCounts:
    total: int
    pending: int
    accepted: int
    partly: int
    rejected: int


@dataclass(frozen=True)
class WellView:
    id: uuid.UUID
    sample_id: uuid.UUID
    outlet: int | None
    number: int
    name: str
    plate_barcode: str | None
    position: str | None
    profile_id: uuid.UUID
    images: ImageCounts
    n_cells: int | None


@dataclass(frozen=True)
class SampleView:
    id: uuid.UUID
    donor_code: str
    din: str | None
    din_is_checked: bool | None
    din_raw: str | None
    accession_number: str | None
    placer_order_number: str | None
    filler_order_number: str | None
    local_identifiers: Mapping[str, str]
    collected_on: dt.date | None
    storage_day: int | None
    storage_day_is_derived: bool
    container: Container
    additive: str | None
    sampled_at: dt.datetime | None
    notes: str | None
    state: SampleState
    is_demonstration: bool
    created_at: dt.datetime
    wells: tuple[WellView, ...]
    references: tuple[ReferenceView, ...]
    latest_score: ScoreView | None
    alarms: tuple[Finding, ...] = ()

    @property
    def din_check_character(self) -> str | None:
        """Shown boxed after the number."""
        return din_check_character(self.din) if self.din else None

    @property
    def din_entry(self) -> EntryWay | None:
        return entry_way(self.din_raw) if self.din_raw else None


def site_identifiers(settings: Settings) -> SiteIdentifiers:
    return SiteIdentifiers(
        din_pattern=settings.din_pattern,
        din_needs_check=settings.din_needs_check,
        patterns=settings.identifier_patterns,
    )


def create_sample(
    session: Session,
    principal: Principal,
    new: NewSample,
    site: SiteIdentifiers = ANY_SITE,
) -> SampleView:
    if not DONOR_CODE.fullmatch(new.donor_code):
        raise InvalidInput(
            "donor_code",
            "A donor code has 1 to 64 letters, digits, dots, dashes or spaces; never a name.",
        )
    din = site.din(new.din) if new.din else None
    _check_numbers(new, site)
    storage_day, is_derived = judge_storage_day(
        entered=new.storage_day, collected_on=new.collected_on, sampled_at=new.sampled_at
    )
    donor = queries.donor_by_code(session, new.donor_code)
    sample = Sample(
        donor_id=donor.id,
        din=din.value if din else None,
        din_raw=new.din or None,
        din_is_checked=din.is_checked if din else None,
        accession_number=new.accession_number,
        placer_order_number=new.placer_order_number,
        filler_order_number=new.filler_order_number,
        local_identifiers=dict(new.local_identifiers),
        collected_on=new.collected_on,
        storage_day=storage_day,
        storage_day_is_derived=is_derived,
        container=new.container.value,
        additive=new.additive,
        sampled_at=new.sampled_at,
        notes=new.notes,
        is_demonstration=new.is_demonstration,
        created_by=principal.id,
    )
    session.add(sample)
    session.flush()
    session.refresh(sample)
    audit.record(
        session, actor=principal.id, action="sample.created", entity="sample",
        entity_id=str(sample.id), after={"donor_code": donor.code, "din": sample.din},
    )  # fmt: skip
    row = queries.sample_row(session, sample.id)
    view = _sample_view(row, wells=(), references=(), score=None)
    return replace(view, alarms=mix_ups.shared_accession(session, principal, row))


def get_sample(
    session: Session, principal: Principal, sample_id: uuid.UUID, *, with_cells: bool = True
) -> SampleView:
    """The sample, with the alarms that a person must see before trusting it."""
    visible_sample(session, principal, sample_id)
    row = queries.sample_row(session, sample_id)
    (view,) = sample_views(session, [row], with_cells=with_cells)
    return replace(view, alarms=mix_ups.alarms_of_sample(session, principal, row))


def list_samples(
    session: Session,
    principal: Principal,
    *,
    donor_code: str | None = None,
    din: str | None = None,
    accession_number: str | None = None,
    placer_order_number: str | None = None,
    filler_order_number: str | None = None,
    local_identifier: str | None = None,
    state: SampleState | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Listing[SampleView]:
    """Newest first; `din` in any scanner form, `local_identifier` as scheme:number."""
    filters = {
        "donor_code": donor_code,
        "din": parse_din(din).value if din else None,
        "accession_number": accession_number,
        "placer_order_number": placer_order_number,
        "filler_order_number": filler_order_number,
        "local_identifier": local_identifier,
        "state": state,
    }
    rows = queries.list_page(
        session,
        owner=principal.owner,
        filters={name: value for name, value in filters.items() if value is not None},
        after=decode(cursor),
        limit=limit + 1,
    )
    page = cut(rows, limit, lambda row: (row.created_at, row.id))
    return Listing(tuple(sample_views(session, page.items, with_cells=False)), page.next_cursor)


def add_well(
    session: Session, principal: Principal, sample_id: uuid.UUID, new: NewWell
) -> WellView:
    """A well and its first scan."""
    visible_sample(session, principal, sample_id)
    sample = queries.locked_for_change(session, sample_id)
    refuse_if_closed(sample)
    number = _well_number(session, sample, new)
    profile_id = new.profile_id or instrument_profiles.built_in(session).id
    instrument_profiles.get_profile(session, profile_id)
    well = Well(
        sample_id=sample.id,
        outlet=new.outlet,
        number=number,
        plate_barcode=new.plate_barcode,
        position=new.position,
        profile_id=profile_id,
        created_by=principal.id,
    )
    session.add(well)
    session.flush()
    session.add(Scan(well_id=well.id, ordinal=1))
    audit.record(
        session, actor=principal.id, action="well.added", entity="sample",
        entity_id=str(sample.id),
        after={"well_id": str(well.id), "outlet": new.outlet, "number": number},
    )  # fmt: skip
    return _well_without_images(well)


def get_well(session: Session, principal: Principal, well_id: uuid.UUID) -> WellView:
    well, sample = visible_well(session, principal, well_id)
    wells = counted_wells(session, [sample.id])[sample.id]
    cells = queries.cell_counts(session, [sample.id])
    return next(_well_view(one, cells) for one in wells if one.id == well.id)


def start_scan(session: Session, principal: Principal, well_id: uuid.UUID) -> WellView:
    """Begin a retake: later images go to a new scan, and only the newest counts."""
    well, sample = visible_well(session, principal, well_id)
    refuse_if_closed(queries.locked_for_change(session, sample.id))
    ordinal = queries.newest_scan(session, well.id).ordinal + 1
    session.add(Scan(well_id=well.id, ordinal=ordinal))
    audit.record(
        session, actor=principal.id, action="well.retake_started", entity="sample",
        entity_id=str(sample.id), after={"well_id": str(well.id), "scan": ordinal},
    )  # fmt: skip
    return _well_without_images(well)


def annotate(session: Session, principal: Principal, sample_id: uuid.UUID, notes: str) -> None:
    """Replace a sample's notes."""
    visible_sample(session, principal, sample_id)
    sample = queries.locked_for_change(session, sample_id)
    before, sample.notes = sample.notes, notes
    audit.record(
        session, actor=principal.id, action="sample.annotated", entity="sample",
        entity_id=str(sample_id), before={"notes": before}, after={"notes": notes},
    )  # fmt: skip


def _well_number(session: Session, sample: Sample, new: NewWell) -> int:
    if new.outlet is not None and new.outlet not in OUTLETS:
        raise InvalidInput("outlet_unknown", "The outlet is unsorted or 1 to 12; correct it.")
    if new.number is None:
        return queries.next_well_number(session, sample.id, new.outlet)
    if new.number < 1:
        raise InvalidInput("well_number", "Wells are numbered from 1.")
    if queries.has_well(session, sample.id, new.outlet, new.number):
        what = "unsorted" if new.outlet is None else f"outlet {new.outlet}"
        raise Conflict(
            "well_exists", f"The sample already has well {new.number} of {what}; use its next one."
        )
    return new.number


def _check_numbers(new: NewSample, site: SiteIdentifiers) -> None:
    """Hold every number against its scheme; a scheme that the site does not know is refused."""
    site.check("accession_number", new.accession_number)
    site.check("placer_order_number", new.placer_order_number)
    site.check("filler_order_number", new.filler_order_number)
    for scheme, value in new.local_identifiers.items():
        if scheme not in site.patterns:
            raise InvalidInput(
                "identifier_scheme",
                "This site has no such scheme of numbers; ask whoever runs it to set its pattern.",
                scheme=scheme,
            )
        site.check(scheme, value)


def sample_views(
    session: Session, rows: Sequence[SampleRow], *, with_cells: bool = True
) -> list[SampleView]:
    """Views of many samples in a fixed number of queries.

    Without cells, a well's are None: counting hundreds of thousands takes the longest of all.
    """
    ids = [row.id for row in rows]
    wells = counted_wells(session, ids)
    cells = queries.cell_counts(session, ids) if with_cells else None
    measured = references_of_samples(session, ids)
    computed = scores.scores_of_samples(told_scores(session, ids))
    return [
        _sample_view(
            row,
            wells=tuple(_well_view(well, cells) for well in wells.get(row.id, ())),
            references=tuple(references.view(r) for r in measured if r.sample_id == row.id),
            score=computed.get(row.id),
        )
        for row in rows
    ]


def _sample_view(
    row: SampleRow,
    *,
    wells: tuple[WellView, ...],
    references: tuple[ReferenceView, ...],
    score: ScoreView | None,
) -> SampleView:
    known = row._asdict() | {
        "container": Container(row.container),
        "state": SampleState(row.state),
    }
    return SampleView(**known, wells=wells, references=references, latest_score=score)


def _well_without_images(well: Well) -> WellView:
    counted = CountedWell(
        well.id, well.sample_id, well.outlet, well.number, well.plate_barcode, well.position,
        well.profile_id, n_pending=0, n_accepted=0, n_partly=0, n_rejected=0,
    )  # fmt: skip
    return _well_view(counted, {})


def _well_view(well: CountedWell, cells: Mapping[uuid.UUID, int] | None) -> WellView:
    return WellView(
        id=well.id,
        sample_id=well.sample_id,
        outlet=well.outlet,
        number=well.number,
        name=well_name(well),
        plate_barcode=well.plate_barcode,
        position=well.position,
        profile_id=well.profile_id,
        images=ImageCounts(
            total=well.n_pending + well.n_accepted + well.n_partly + well.n_rejected,
            pending=well.n_pending,
            accepted=well.n_accepted,
            partly=well.n_partly,
            rejected=well.n_rejected,
        ),
        n_cells=None if cells is None else cells.get(well.id, 0),
    )
