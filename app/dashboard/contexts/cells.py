"""The cells of an image: their list with its filters, and one cell with all that is known of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import numpy as np

from app.dashboard.contexts.corrections import CorrectionForm, WordText, cell_form, word_text
from app.dashboard.contexts.findings import CELL_FINDINGS, finding_text, short_finding_text
from app.dashboard.contexts.sample import Fact
from app.dashboard.contexts.wording import Chip, count_text, percent_text
from app.domain.imaging.crops import CROP_PX, has_crop
from app.services.image_places import PlacedCell
from app.services.images import CellView, ImageView

LINES_PER_PAGE: Final = 60
SCALE_STEPS: Final = 5
"""Steps of the colour scale of p(deformable); the style sheet names them p0 to p4."""
TOO_NEAR_THE_EDGE: Final = (
    "It lies too near the edge of the image to be classified, so it cannot be restored."
)
FULL_PICTURE: Final = "/api/v1/images/{}/pixels?width={}"
CELL_CHIPS: Final = {
    ("accepted", False): Chip("Accepted", "good"),
    ("rejected", False): Chip("Rejected", "bad"),
    ("accepted", True): Chip("Restored by hand", "good"),
    ("rejected", True): Chip("Excluded by hand", "bad"),
}


@dataclass(frozen=True)
class CellLine:
    id: str
    href: str
    number: int
    place: str
    diameter: str
    verdict: Chip
    reason: str
    p_deformable: str
    p_class: str
    is_chosen: bool


@dataclass(frozen=True)
class CellFilter:
    code: str
    text: str
    count: str
    href: str
    is_current: bool


@dataclass(frozen=True)
class CellList:
    filters: tuple[CellFilter, ...]
    lines: tuple[CellLine, ...]
    place: str
    previous_href: str | None
    next_href: str | None


@dataclass(frozen=True)
class Crop:
    """The cell's part of the picture, as a view into the whole of it."""

    picture: str
    width_px: int
    height_px: int
    view_box: str
    outline: str
    style: str


@dataclass(frozen=True)
class CellPanel:
    id: str
    number: int
    of: str
    verdict: Chip
    sentence: str
    findings: tuple[str, ...]
    crop: Crop
    p_deformable: str | None
    p_class: str
    measures: tuple[Fact, ...]
    form: CorrectionForm | None
    hint: str | None
    correction: WordText | None


@dataclass(frozen=True)
class CellQuery:
    """What of an image's cells is asked for: a filter, a page of the list, one cell."""

    show: str = "all"
    page: int | None = None
    cell: str | None = None


def tags_of(cell: CellView) -> list[str]:
    """What the filters go by: the verdict that counts, the findings, whether by hand."""
    findings = cell.findings if cell.verdict == "rejected" else []
    by_hand = ["corrected"] if cell.correction else []
    return [cell.verdict, *findings, *by_hand]


def shown_p(cell: CellView) -> float | None:
    """The probability of being deformable, of cells that count."""
    return cell.p_deformable if cell.verdict == "accepted" else None


def cell_list(image: ImageView, cells: Sequence[CellView], query: CellQuery) -> CellList:
    shown = [
        (number, cell)
        for number, cell in enumerate(cells, 1)
        if query.show == "all" or query.show in tags_of(cell)
    ]
    n_pages = max(-(-len(shown) // LINES_PER_PAGE), 1)
    page = min(max(query.page or _page_of(shown, query.cell), 1), n_pages)
    lines = shown[(page - 1) * LINES_PER_PAGE : page * LINES_PER_PAGE]
    first = (page - 1) * LINES_PER_PAGE + 1
    return CellList(
        filters=_filters(image, cells, query),
        lines=tuple(_line(image, number, cell, query) for number, cell in lines),
        place=f"{first} to {first + len(lines) - 1} of {len(shown)}" if n_pages > 1 else "",
        previous_href=_href(image, query, page=page - 1) if page > 1 else None,
        next_href=_href(image, query, page=page + 1) if page < n_pages else None,
    )


def _page_of(shown: Sequence[tuple[int, CellView]], cell_id: str | None) -> int:
    places = [place for place, (_, cell) in enumerate(shown) if str(cell.id) == cell_id]
    return places[0] // LINES_PER_PAGE + 1 if places else 1


def _href(image: ImageView, query: CellQuery, *, page: int) -> str:
    return f"/images/{image.id}?{urlencode({'show': query.show, 'page': page})}#cells-head"


def _filters(
    image: ImageView, cells: Sequence[CellView], query: CellQuery
) -> tuple[CellFilter, ...]:
    counts: dict[str, int] = {"all": len(cells)}
    for tag in (tag for cell in cells for tag in tags_of(cell)):
        counts[tag] = counts.get(tag, 0) + 1
    names = {"all": "All", "accepted": "Accepted", "rejected": "Rejected"}
    names |= {code: short_finding_text(code).capitalize() for code in CELL_FINDINGS}
    names |= {"corrected": "By hand"}
    always = {"all", "accepted", "rejected", "corrected", query.show}
    return tuple(
        CellFilter(
            code=code,
            text=text,
            count=count_text(counts.get(code, 0)),
            href=f"/images/{image.id}?{urlencode({'show': code})}#cells-head",
            is_current=code == query.show,
        )
        for code, text in names.items()
        if code in counts or code in always
    )


def _line(image: ImageView, number: int, cell: CellView, query: CellQuery) -> CellLine:
    p = shown_p(cell)
    address = urlencode({"show": query.show, "cell": cell.id})
    return CellLine(
        id=str(cell.id),
        href=f"/images/{image.id}?{address}#cell",
        number=number,
        place=f"row {cell.row:.0f}, column {cell.column:.0f}",
        diameter=f"{cell.diameter_um:.1f} µm",
        verdict=_chip(cell),
        reason=_reason(cell),
        p_deformable="" if p is None else percent_text(p),
        p_class=_p_class(p),
        is_chosen=str(cell.id) == query.cell,
    )


def _chip(cell: CellView) -> Chip:
    return CELL_CHIPS[cell.verdict, cell.correction is not None]


def _reason(cell: CellView) -> str:
    if cell.verdict == "accepted" or cell.correction:
        return ""
    return ", ".join(short_finding_text(code) for code in cell.findings)


def _p_class(p: float | None) -> str:
    return "" if p is None else f"p{min(int(p * SCALE_STEPS), SCALE_STEPS - 1)}"


def cell_panel(image: ImageView, placed: PlacedCell, *, may_correct: bool) -> CellPanel:
    cell, number = placed.cell, placed.number
    p = shown_p(cell)
    form = cell_form(str(image.id), str(cell.id), number, cell.verdict)
    is_stuck = cell.verdict == "rejected" and not _has_crop(image, cell)
    return CellPanel(
        id=str(cell.id),
        number=number,
        of=count_text(placed.count),
        verdict=_chip(cell),
        sentence=_sentence(cell),
        findings=tuple(finding_text(code) for code in cell.findings),
        crop=_crop(image, cell),
        p_deformable=None if p is None else percent_text(p),
        p_class=_p_class(p),
        measures=tuple(_measures(cell)),
        form=form if may_correct and not is_stuck else None,
        hint=TOO_NEAR_THE_EDGE if may_correct and is_stuck else None,
        correction=None if cell.correction is None else word_text(cell.verdict, cell.correction),
    )


def _has_crop(image: ImageView, cell: CellView) -> bool:
    place = np.array([[cell.row], [cell.column]], np.float32)
    return bool(has_crop(place[0], place[1], (image.height, image.width))[0])


def _sentence(cell: CellView) -> str:
    """What was found, and how sure the judgement is."""
    taken = "took it for a whole single cell" if cell.found_verdict == "accepted" else "rejected it"
    sure = (
        "" if cell.p_verdict is None else f" with a probability of {percent_text(cell.p_verdict)}"
    )
    return f"The program {taken}{sure}{':' if cell.findings else '.'}"


def _crop(image: ImageView, cell: CellView) -> Crop:
    half = CROP_PX / 2
    return Crop(
        picture=FULL_PICTURE.format(image.id, image.width),
        width_px=image.width,
        height_px=image.height,
        view_box=f"{cell.column - half:.1f} {cell.row - half:.1f} {CROP_PX} {CROP_PX}",
        outline=" ".join(f"{column:.2f},{row:.2f}" for row, column in cell.outline),
        style=_p_class(shown_p(cell)) or cell.verdict,
    )


def _measures(cell: CellView) -> list[Fact]:
    known = {
        "Diameter": f"{cell.diameter_um:.2f} µm",
        "Area": f"{cell.area_um2:.1f} µm²",
        "Circularity": f"{cell.circularity:.2f} (circle 1)",
        "Elongation": f"{cell.elongation:.2f} (round 1)",
        "Rim contrast": f"{100 * cell.rim_contrast:.1f} % per µm",
        "Rim width": f"{cell.rim_width_um:.2f} µm",
        "Contrast": None if cell.contrast is None else percent_text(cell.contrast, digits=1),
        "Crenation": None if cell.crenation is None else percent_text(cell.crenation, digits=1),
        "Likely outlets": _outlets(cell),
        "Centre": f"row {cell.row:.0f}, column {cell.column:.0f}",
    }
    return [Fact(name, value) for name, value in known.items() if value]


def _outlets(cell: CellView) -> str | None:
    if cell.p_outlet is None or cell.verdict != "accepted":
        return None
    likely = sorted(cell.p_outlet.items(), key=lambda one: -one[1])[:3]
    return ", ".join(f"{outlet}:\u00a0{percent_text(p)}" for outlet, p in likely if p >= 0.005)
