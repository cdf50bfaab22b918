"""The images of a well and of a sample: thumbnails, verdicts, what to take again."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.dashboard.contexts.image import image_chip, picture_href
from app.dashboard.contexts.wording import Chip, count_text, counted_text
from app.services.images import ImageView
from app.services.retakes import RetakeAdvice
from app.services.samples import SampleView, WellView

TILE_PX: Final = 320
CellsByHand = Mapping[uuid.UUID, int]
"""How many cells were corrected one by one, by image; only images where some were."""
MOST_TILES: Final = 300
"""On the page of all wells; a tile is 0.6 kB of markup."""
FEWEST_TILES_OF_A_WELL: Final = 5
VERDICT_FILTERS: Final = {
    "all": "All",
    "accepted": "Accepted",
    "partly": "Partly used",
    "rejected": "Not used",
    "pending": "Being judged",
    "corrected": "By hand",
}


@dataclass(frozen=True)
class ImageTile:
    href: str
    picture: str
    filename: str
    verdict: Chip
    verdict_code: str
    cells: str
    messages: tuple[str, ...]


@dataclass(frozen=True)
class VerdictFilter:
    text: str
    count: str
    href: str
    is_current: bool


@dataclass(frozen=True)
class WellPage:
    name: str
    content: str
    sample_href: str
    images_href: str
    donor_code: str
    summary: str
    advice: str | None
    filters: tuple[VerdictFilter, ...]
    tiles: tuple[ImageTile, ...]
    is_empty: bool
    is_moving: bool
    is_demonstration: bool


@dataclass(frozen=True)
class WellPart:
    name: str
    href: str
    content: str
    summary: str
    advice: str | None
    tiles: tuple[ImageTile, ...]
    further: str | None = None
    further_href: str = ""


@dataclass(frozen=True)
class SampleImagesPage:
    sample_href: str
    donor_code: str
    filters: tuple[VerdictFilter, ...]
    wells: tuple[WellPart, ...]
    is_moving: bool
    is_demonstration: bool


def well_page(
    sample: SampleView,
    well: WellView,
    images: Sequence[ImageView],
    advice: Sequence[RetakeAdvice],
    by_hand: CellsByHand,
    show: str,
) -> WellPage:
    return WellPage(
        name=well.name,
        content=_content_of(well.outlet),
        sample_href=f"/samples/{sample.id}",
        images_href=f"/samples/{sample.id}/images",
        donor_code=sample.donor_code,
        summary=_summary(well),
        advice=_advice_on(well, advice),
        filters=_filters(f"/wells/{well.id}", images, by_hand, show),
        tiles=_tiles(images, by_hand, show),
        is_empty=not images,
        is_moving=well.images.pending > 0,
        is_demonstration=sample.is_demonstration,
    )


def sample_images_page(
    sample: SampleView,
    images: Sequence[ImageView],
    advice: Sequence[RetakeAdvice],
    by_hand: CellsByHand,
    show: str,
) -> SampleImagesPage:
    by_well = [
        (well, _tiles([one for one in images if one.well_id == well.id], by_hand, show))
        for well in sample.wells
    ]
    most = _most_of_a_well([len(tiles) for _, tiles in by_well])
    return SampleImagesPage(
        sample_href=f"/samples/{sample.id}",
        donor_code=sample.donor_code,
        filters=_filters(f"/samples/{sample.id}/images", images, by_hand, show),
        wells=tuple(
            WellPart(
                name=well.name,
                href=f"/wells/{well.id}",
                content=_content_of(well.outlet),
                summary=_summary(well),
                advice=_advice_on(well, advice),
                tiles=tiles[:most],
                further=_further(len(tiles), most),
                further_href=f"/wells/{well.id}?show={show}",
            )
            for well, tiles in by_well
            if tiles or show == "all"
        ),
        is_moving=any(well.images.pending for well in sample.wells),
        is_demonstration=sample.is_demonstration,
    )


def _most_of_a_well(counts: Sequence[int]) -> int:
    """As many as keep a page of thirty wells light; two wells are shown whole."""
    if sum(counts) <= MOST_TILES:
        return MOST_TILES
    return max(FEWEST_TILES_OF_A_WELL, MOST_TILES // len(counts))


def _further(n_images: int, most: int) -> str | None:
    if n_images <= most:
        return None
    return f"All {count_text(n_images)} images of this well"


def _content_of(outlet: int | None) -> str:
    return "Unsorted cells" if outlet is None else f"Cells of outlet {outlet}"


def _summary(well: WellView) -> str:
    counts = well.images
    used = f"{counts.accepted + counts.partly} used, {counts.rejected} not used"
    waiting = f", {counts.pending} still being judged" if counts.pending else ""
    return f"{counted_text(counts.total, 'image')}: {used}{waiting}."


def _advice_on(well: WellView, advice: Sequence[RetakeAdvice]) -> str | None:
    return next((one.message for one in advice if one.well_id == well.id), None)


def _matches(image: ImageView, by_hand: CellsByHand, show: str) -> bool:
    if show == "corrected":
        return image.correction is not None or image.id in by_hand
    return show in ("all", image.verdict)


def _filters(
    path: str, images: Sequence[ImageView], by_hand: CellsByHand, show: str
) -> tuple[VerdictFilter, ...]:
    counts = {code: sum(_matches(one, by_hand, code) for one in images) for code in VERDICT_FILTERS}
    return tuple(
        VerdictFilter(text, count_text(counts[code]), f"{path}?show={code}", code == show)
        for code, text in VERDICT_FILTERS.items()
        if counts[code] or code in ("all", show)
    )


def _tiles(images: Sequence[ImageView], by_hand: CellsByHand, show: str) -> tuple[ImageTile, ...]:
    shown = (image for image in images if _matches(image, by_hand, show))
    return tuple(_tile(image, by_hand.get(image.id, 0)) for image in shown)


def _tile(image: ImageView, n_by_hand: int) -> ImageTile:
    is_used = image.verdict in ("accepted", "partly")
    return ImageTile(
        href=f"/images/{image.id}",
        picture=picture_href(image.id, TILE_PX),
        filename=image.filename,
        verdict=image_chip(image),
        verdict_code=image.verdict,
        cells=counted_text(image.n_cells or 0, "cell") if is_used else "",
        messages=tuple(_messages(image, n_by_hand)),
    )


def _messages(image: ImageView, n_by_hand: int) -> list[str]:
    """What people said, then what was found."""
    messages = [f"By hand: {image.correction.reason}"] if image.correction else []
    if n_by_hand:
        messages.append(f"{counted_text(n_by_hand, 'cell')} corrected by hand")
    return messages + [finding.message for finding in image.findings]
