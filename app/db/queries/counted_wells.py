"""Wells with the numbers of their images: plain columns of one statement, built once."""

import uuid
from collections import defaultdict
from collections.abc import Collection
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, any_, bindparam, func, select, true
from sqlalchemy.orm import Session

from app.db.base import UUIDS
from app.db.queries.verdicts import image_verdict
from app.db.tables import Scan, ScanImage, Well


class CountedWell(NamedTuple):
    """A well, and its newest scan's images by the verdict that holds."""

    id: uuid.UUID
    sample_id: uuid.UUID
    outlet: int | None
    number: int
    plate_barcode: str | None
    position: str | None
    profile_id: uuid.UUID
    n_pending: int
    n_accepted: int
    n_partly: int
    n_rejected: int


def counted_wells(
    session: Session, sample_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[CountedWell]]:
    """By sample: unsorted wells first, then by outlet and number."""
    found: dict[uuid.UUID, list[CountedWell]] = defaultdict(list)
    for row in session.execute(_of_samples(), {"sample_ids": list(sample_ids)}):
        found[row.sample_id].append(CountedWell(*row))
    return found


@cache
def _of_samples() -> Select[*tuple[Any, ...]]:
    newest_scan = (
        select(Scan.id)
        .where(Scan.well_id == Well.id)
        .order_by(Scan.ordinal.desc())
        .limit(1)
        .correlate(Well)
        .scalar_subquery()
    )
    counts = (
        select(*(_n_images(verdict) for verdict in ("pending", "accepted", "partly", "rejected")))
        .where(ScanImage.scan_id == newest_scan)
        .lateral()
    )
    return (
        select(
            Well.id, Well.sample_id, Well.outlet, Well.number, Well.plate_barcode, Well.position,
            Well.profile_id, counts,
        )
        .join(counts, true())
        .where(Well.sample_id == any_(bindparam("sample_ids", type_=UUIDS)))
        .order_by(Well.outlet.asc().nulls_first(), Well.number)
    )  # fmt: skip


def _n_images(verdict: str) -> ColumnElement[int]:
    return func.count().filter(image_verdict() == verdict).label(verdict)
