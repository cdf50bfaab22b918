"""The gallery: crops of a sample's cells side by side, and what may be asked of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from app.dashboard.contexts.corrections import EXCLUDE_CELL, RESTORE_CELL
from app.dashboard.contexts.findings import CELL_FINDINGS, short_finding_text
from app.dashboard.contexts.image import ScoreStrip, score_strip
from app.dashboard.contexts.wording import count_text, percent_text
from app.domain.errors import Conflict
from app.services.analyses import AnalysisView
from app.services.gallery import GalleryCell, GalleryQuery, Shown, Sort
from app.services.paging import Listing
from app.services.samples import SampleView, WellView
from app.services.scores import ScoreView

CELLS_PER_PAGE: Final = 240
SORTS: Final = {
    Sort.DOUBTFUL: "Least certain verdicts",
    Sort.UNUSUAL: "Most unusual cells",
    Sort.UNDECIDED: "Between deformable and rigid",
    Sort.DEFORMABLE: "Most deformable",
    Sort.RIGID: "Most rigid",
    Sort.SMALL: "Smallest",
    Sort.LARGE: "Largest",
    Sort.ELONGATED: "Most elongated",
    Sort.FAINT: "Faintest",
    Sort.PLACE: "No order",
}
SHOWN: Final = {
    Shown.ALL: "Any verdict",
    Shown.ACCEPTED: "Accepted",
    Shown.REJECTED: "Rejected",
    Shown.CORRECTED: "Corrected by hand",
}
VERDICTS: Final = {"accepted": "accepted", "rejected": "rejected"}


@dataclass(frozen=True)
class Option:
    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True)
class Choice:
    """One question to the gallery."""

    name: str
    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Tile:
    """One cell: what is read aloud of it, and what its crop is marked with."""

    id: str
    href: str
    label: str
    verdict: str
    is_corrected: bool
    caption: str


@dataclass(frozen=True)
class GalleryPage:
    href: str
    sample_href: str
    donor_code: str
    is_demonstration: bool
    choices: tuple[Choice, ...]
    summary: str
    tiles: tuple[Tile, ...]
    first_href: str | None
    next_href: str | None
    sheets: str
    may_correct: bool
    exclude_reasons: tuple[str, ...]
    restore_reasons: tuple[str, ...]
    score: ScoreStrip


def gallery_page(
    *,
    sample: SampleView,
    query: GalleryQuery,
    cells: Listing[GalleryCell],
    n_cells: int,
    is_first: bool,
    score: ScoreView | Conflict,
    analysis: AnalysisView | None,
    may_correct: bool,
) -> GalleryPage:
    href = f"/samples/{sample.id}/cells"
    names = {well.id: well.name for well in sample.wells}
    address = f"{href}?{urlencode(_asked(query))}"
    return GalleryPage(
        href=href,
        sample_href=f"/samples/{sample.id}",
        donor_code=sample.donor_code,
        is_demonstration=sample.is_demonstration,
        choices=_choices(query, sample.wells),
        summary=_summary(len(cells.items), n_cells, is_first=is_first),
        tiles=tuple(_tile(cell, names[cell.well_id]) for cell in cells.items),
        first_href=None if is_first else address,
        next_href=None if cells.next_cursor is None else f"{address}&after={cells.next_cursor}",
        sheets=f"/samples/{sample.id}/crop-sheets",
        may_correct=may_correct,
        exclude_reasons=EXCLUDE_CELL,
        restore_reasons=RESTORE_CELL,
        score=score_strip(score, analysis),
    )


def _asked(query: GalleryQuery) -> dict[str, str]:
    asked = {"sort": query.sort.value, "show": query.show.value}
    asked |= {} if query.well_id is None else {"well": str(query.well_id)}
    return asked | ({} if query.finding is None else {"finding": query.finding})


def _choices(query: GalleryQuery, wells: Sequence[WellView]) -> tuple[Choice, ...]:
    well = "" if query.well_id is None else str(query.well_id)
    of_wells = {"": "All wells"} | {str(well.id): well.name for well in wells}
    reasons = {"": "Any finding"}
    reasons |= {code: short_finding_text(code).capitalize() for code in CELL_FINDINGS}
    return (
        _choice("sort", "Order", {s.value: text for s, text in SORTS.items()}, query.sort.value),
        _choice("show", "Verdict", {s.value: text for s, text in SHOWN.items()}, query.show.value),
        _choice("well", "Well", of_wells, well),
        _choice("finding", "Finding", reasons, query.finding or ""),
    )


def _choice(name: str, label: str, texts: dict[str, str], chosen: str) -> Choice:
    options = (Option(value, text, value == chosen) for value, text in texts.items())
    return Choice(name, label, tuple(options))


def _summary(n_shown: int, n_cells: int, *, is_first: bool) -> str:
    if n_cells == 0:
        return "No cell answers to this; choose otherwise."
    if n_shown == n_cells:
        return f"{count_text(n_cells)} cells"
    which = "first" if is_first else "next"
    return f"The {which} {count_text(n_shown)} of {count_text(n_cells)} cells"


def _tile(cell: GalleryCell, well: str) -> Tile:
    p = cell.p_deformable if cell.verdict == "accepted" else None
    says = "" if p is None else percent_text(p)
    return Tile(
        id=str(cell.id),
        href=f"/images/{cell.image_id}?cell={cell.id}",
        label=", ".join(filter(None, _words(cell, well, says))),
        verdict=cell.verdict,
        is_corrected=cell.is_corrected,
        caption=says or _reason(cell),
    )


def _words(cell: GalleryCell, well: str, says: str) -> tuple[str, ...]:
    by_hand = " by hand" if cell.is_corrected else ""
    return (
        f"{VERDICTS[cell.verdict]}{by_hand}",
        "" if cell.verdict == "accepted" else _reason(cell),
        f"deformable {says}" if says else "",
        f"{cell.diameter_um:.1f} µm",
        f"well {well}",
        cell.filename,
    )


def _reason(cell: GalleryCell) -> str:
    return short_finding_text(cell.findings[0]) if cell.findings else ""
