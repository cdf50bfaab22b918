"""The gallery: crops of a sample's cells side by side, and what may be asked of them."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from app.dashboard.contexts.corrections import EXCLUDE_CELL, RESTORE_CELL
from app.dashboard.contexts.findings import CELL_FINDINGS, short_finding_text
from app.dashboard.contexts.image import ScoreStrip, score_strip
from app.dashboard.contexts.wording import count_text, percent_text
from app.domain.errors import Conflict
from app.services.analyses import AnalysisView
from app.services.gallery import Band, GalleryCell, GalleryQuery, Shown, Sort
from app.services.paging import Listing
from app.services.samples import SampleView, WellView
from app.services.scores import ScoreView
from app.services.visibility import CLOSED_STATES

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
BANDS: Final[Mapping[str, Mapping[str, tuple[str, Band]]]] = {
    "deformable": {
        "0": ("0–20 %, rigid", Band(None, 0.2)),
        "20": ("20–40 %", Band(0.2, 0.4)),
        "40": ("40–60 %, undecided", Band(0.4, 0.6)),
        "60": ("60–80 %", Band(0.6, 0.8)),
        "80": ("80–100 %, deformable", Band(0.8, None)),
    },
    "size": {
        "0": ("Below 5 µm", Band(None, 5)),
        "5": ("5 to 6 µm", Band(5, 6)),
        "6": ("6 to 7 µm", Band(6, 7)),
        "7": ("7 to 8 µm", Band(7, 8)),
        "8": ("8 µm and more", Band(8, None)),
    },
    "shape": {
        "round": ("Round: below 1.15", Band(None, 1.15)),
        "oval": ("Oval: 1.15 to 1.4", Band(1.15, 1.4)),
        "long": ("Long: 1.4 and more", Band(1.4, None)),
    },
}
"""Measures that cells may be asked for by; the probabilities' steps are the viewer's colours."""
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
    reason: str
    """Why it was corrected; empty where nobody did."""
    caption: str


@dataclass(frozen=True)
class GalleryPage:
    href: str
    sample_href: str
    donor_code: str
    is_demonstration: bool
    choices: tuple[Choice, ...]
    measures: tuple[Choice, ...]
    is_measured: bool
    """Whether cells are asked for by a measure."""
    summary: str
    tiles: tuple[Tile, ...]
    first_href: str | None
    next_href: str | None
    sheets: str
    may_correct: bool
    is_closed: bool
    """Handed in or released: what was found stays as it is."""
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
    reasons: Mapping[uuid.UUID, str],
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
        measures=_measures(query),
        is_measured=any(_bands(query).values()),
        summary=_summary(len(cells.items), n_cells, is_first=is_first)
        if n_cells or _is_narrowed(query)
        else "No cells were found yet: add images on the sample's page.",
        tiles=tuple(
            _tile(cell, names[cell.well_id], reasons.get(cell.id, "")) for cell in cells.items
        ),
        first_href=None if is_first else address,
        next_href=None if cells.next_cursor is None else f"{address}&after={cells.next_cursor}",
        sheets=f"/samples/{sample.id}/crop-sheets",
        may_correct=may_correct,
        is_closed=sample.state in CLOSED_STATES,
        exclude_reasons=EXCLUDE_CELL,
        restore_reasons=RESTORE_CELL,
        score=score_strip(score, analysis),
    )


def _asked(query: GalleryQuery) -> dict[str, str]:
    asked = {"sort": query.sort.value, "show": query.show.value}
    asked |= {} if query.well_id is None else {"well": str(query.well_id)}
    asked |= {} if query.finding is None else {"finding": query.finding}
    return asked | {name: code for name, code in _bands(query).items() if code}


def band_of(name: str, code: str) -> Band | None:
    """What one of the measures is asked for; None where nothing known is."""
    found = BANDS[name].get(code)
    return None if found is None else found[1]


def _bands(query: GalleryQuery) -> dict[str, str]:
    """The code of each measure's band; empty where it is not asked for."""
    asked = {
        "deformable": query.p_deformable, "size": query.diameter_um, "shape": query.elongation,
    }  # fmt: skip
    return {
        name: next((code for code, (_, band) in BANDS[name].items() if band == wanted), "")
        for name, wanted in asked.items()
    }


def _measures(query: GalleryQuery) -> tuple[Choice, ...]:
    names = {
        "deformable": ("Probability of being deformable", "Any probability"),
        "size": ("Size (diameter)", "Any size"),
        "shape": ("Shape (length to width)", "Any shape"),
    }
    codes = _bands(query)
    return tuple(
        _choice(
            name, label, {"": none} | {code: text for code, (text, _) in BANDS[name].items()},
            codes[name],
        )
        for name, (label, none) in names.items()
    )  # fmt: skip


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


def _is_narrowed(query: GalleryQuery) -> bool:
    return replace(query, sort=Sort.DOUBTFUL) != GalleryQuery()


def _summary(n_shown: int, n_cells: int, *, is_first: bool) -> str:
    if n_cells == 0:
        return "No cell answers to this; choose otherwise."
    if n_shown == n_cells:
        return f"{count_text(n_cells)} cells"
    which = "first" if is_first else "next"
    return f"The {which} {count_text(n_shown)} of {count_text(n_cells)} cells"


def _tile(cell: GalleryCell, well: str, reason: str) -> Tile:
    p = cell.p_deformable if cell.verdict == "accepted" else None
    says = "" if p is None else percent_text(p)
    return Tile(
        id=str(cell.id),
        href=f"/images/{cell.image_id}?cell={cell.id}",
        label=", ".join(filter(None, _words(cell, well, says, reason))),
        verdict=cell.verdict,
        is_corrected=cell.is_corrected,
        reason=reason,
        caption=says or reason or _reason(cell),
    )


def _words(cell: GalleryCell, well: str, says: str, reason: str) -> tuple[str, ...]:
    by_hand = " by hand" if cell.is_corrected else ""
    return (
        f"{VERDICTS[cell.verdict]}{by_hand}",
        reason if reason or cell.verdict == "accepted" else _reason(cell),
        f"deformable {says}" if says else "",
        f"{cell.diameter_um:.1f} µm",
        f"well {well}",
        cell.filename,
    )


def _reason(cell: GalleryCell) -> str:
    return short_finding_text(cell.findings[0]) if cell.findings else ""
