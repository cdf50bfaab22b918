"""Samples found by the beginning of a number, each number by an index of its own."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Select, func, select, tuple_, union
from sqlalchemy.orm import Session

from app.db.queries.samples import Position, SampleRow, sample_rows
from app.db.tables import Donor, Sample

NUMBERS: Final = (
    Sample.accession_number,
    Sample.placer_order_number,
    Sample.filler_order_number,
)


@dataclass(frozen=True)
class Wanted:
    """What was typed, in lower case and as it is, and what it may be of a DIN, in upper case.

    "" for nothing.
    """

    text: str
    number: str
    din_part: str


def search_page(
    session: Session,
    *,
    owner: str | None,
    wanted: Wanted | None,
    state: str | None,
    after: Position | None,
    limit: int,
) -> Sequence[SampleRow]:
    """Newest first."""
    asked = sample_rows(owner)
    if wanted is not None:
        asked = asked.where(Sample.id.in_(_found(wanted)))
    if state is not None:
        asked = asked.where(Sample.state == state)
    if after is not None:
        asked = asked.where(tuple_(Sample.created_at, Sample.id) < tuple_(*after))
    asked = asked.order_by(Sample.created_at.desc(), Sample.id.desc()).limit(limit)
    return [SampleRow(*row) for row in session.execute(asked)]


def _found(wanted: Wanted) -> Select[uuid.UUID]:
    text, part = wanted.text, wanted.din_part
    by_donor = select(Sample.id).join(Donor, Donor.id == Sample.donor_id)
    ways = [
        by_donor.where(func.lower(Donor.code).startswith(text, autoescape=True)),
        *(
            select(Sample.id).where(func.lower(number).startswith(text, autoescape=True))
            for number in NUMBERS
        ),
        select(Sample.id).where(
            Sample.local_identifiers.path_exists(f"$.* ? (@ == {json.dumps(wanted.number)})")
        ),
    ]
    if part:  # people type its beginning, or the serial number at its end
        ways += [
            select(Sample.id).where(Sample.din.startswith(part, autoescape=True)),
            select(Sample.id).where(
                func.reverse(Sample.din).startswith(part[::-1], autoescape=True)
            ),
        ]
    found = union(*ways).subquery()
    return select(found.c.id)
