"""Finding a sample in the work list by whatever is at hand: a label, a code, a part of a number."""

import re
from typing import Final

from sqlalchemy.orm import Session

from app.db.queries.sample_search import Wanted, search_page
from app.domain.errors import InvalidInput
from app.domain.identifiers import parse_din
from app.domain.life_cycle import SampleState
from app.security.permissions import Principal
from app.services.paging import Listing, cut, decode
from app.services.samples import SampleView, sample_views

_PART_OF_A_DIN: Final = re.compile(r"[A-Z0-9]{3,13}")
_TELLING: Final = frozenset({"din_check_character", "din_other_code", "din_ambiguous"})


def find_samples(
    session: Session,
    principal: Principal,
    *,
    text: str = "",
    state: SampleState | None = None,
    cursor: str | None = None,
    limit: int,
) -> Listing[SampleView]:
    """Newest first: donor code, accession or order number that begins so, a DIN or a part of it.

    A number of the site's own is found as a whole. Cells are not counted: no list shows them.
    """
    rows = search_page(
        session,
        owner=principal.owner,
        wanted=_wanted(text) if text.strip() else None,
        state=None if state is None else state.value,
        after=decode(cursor),
        limit=limit + 1,
    )
    page = cut(rows, limit, lambda row: (row.created_at, row.id))
    return Listing(tuple(sample_views(session, page.items, with_cells=False)), page.next_cursor)


def _wanted(text: str) -> Wanted:
    return Wanted(text.strip().lower(), text.strip(), din_part(text))


def din_part(text: str) -> str:
    """What a text may be of a DIN, as it is stored; "" where it can be none."""
    try:
        return parse_din(text).value
    except InvalidInput:
        bare = re.sub(r"^\]C[04]|^\]D1", "", re.sub(r"\s", "", text).upper()).removeprefix("=")
        return bare if _PART_OF_A_DIN.fullmatch(bare) else ""


def why_not_found(text: str) -> str | None:
    """What is wrong with a scan or a typed DIN, where that explains an empty list."""
    try:
        parse_din(text)
    except InvalidInput as error:
        return error.message if error.code in _TELLING else None
    return None
