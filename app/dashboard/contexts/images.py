"""The images of a well, and one image with its cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.dashboard.contexts.wording import (
    TONES,
    VERDICTS,
    Chip,
    FindingText,
    MomentText,
    count_text,
    counted_text,
    moment_text,
    percent_text,
)
from app.services.images import CellView, ImageView
from app.services.model_versions import ModelVersionView
from app.services.samples import SampleView, WellView

PICTURE_PX: Final = 1212
TILE_PX: Final = 320
SCALE_STEPS: Final = 5
"""Steps of the colour scale of p(deformable); the style sheet names them p0 to p4."""


@dataclass(frozen=True)
class ImageTile:
    href: str
    picture: str
    filename: str
    verdict: Chip
    verdict_code: str
    cells: str
    message: str | None


@dataclass(frozen=True)
class WellPage:
    name: str
    content: str
    sample_href: str
    donor_code: str
    summary: str
    tiles: tuple[ImageTile, ...]
    is_demonstration: bool


@dataclass(frozen=True)
class CellRow:
    id: str
    number: int
    row: str
    column: str
    diameter: str
    verdict: str
    p_deformable: str
    p_class: str
    reason: str


@dataclass(frozen=True)
class ImagePage:
    id: str
    filename: str
    verdict: Chip
    well_name: str
    well_href: str
    sample_href: str
    donor_code: str
    picture: str
    cells_src: str
    width_px: int
    height_px: int
    place: str
    previous_href: str | None
    next_href: str | None
    findings: tuple[FindingText, ...]
    n_accepted: int
    n_rejected: int
    share: str | None
    rows: tuple[CellRow, ...]
    stored: MomentText
    sha256: str
    size: str
    model_name: str | None
    is_demonstration_model: bool
    is_demonstration: bool


def well_page(sample: SampleView, well: WellView, images: Sequence[ImageView]) -> WellPage:
    counts = well.images
    used = f"{counts.accepted + counts.partly} used, {counts.rejected} not used"
    waiting = f", {counts.pending} still being judged" if counts.pending else ""
    return WellPage(
        name=well.name,
        content=_content_of(well.outlet),
        sample_href=f"/samples/{sample.id}",
        donor_code=sample.donor_code,
        summary=f"{counted_text(counts.total, 'image')}: {used}{waiting}.",
        tiles=tuple(_tile(image) for image in images),
        is_demonstration=sample.is_demonstration,
    )


def _content_of(outlet: int | None) -> str:
    return "Unsorted cells" if outlet is None else f"Cells of outlet {outlet}"


def _tile(image: ImageView) -> ImageTile:
    is_judged = image.verdict in ("accepted", "partly")
    return ImageTile(
        href=f"/images/{image.id}",
        picture=f"/api/v1/images/{image.id}/pixels?width={TILE_PX}",
        filename=image.filename,
        verdict=VERDICTS[image.verdict],
        verdict_code=image.verdict,
        cells=counted_text(image.n_cells or 0, "cell") if is_judged else "",
        message=image.findings[0].message if image.findings else None,
    )


def image_page(
    *,
    sample: SampleView,
    image: ImageView,
    neighbours: Sequence[ImageView],
    cells: Sequence[CellView],
    version: ModelVersionView | None,
) -> ImagePage:
    place = next(n for n, other in enumerate(neighbours) if other.id == image.id)
    accepted = [cell for cell in cells if cell.verdict == "accepted"]
    is_classified = any(cell.p_deformable is not None for cell in accepted)
    return ImagePage(
        id=str(image.id),
        filename=image.filename,
        verdict=VERDICTS[image.verdict],
        well_name=image.well_name,
        well_href=f"/wells/{image.well_id}",
        sample_href=f"/samples/{sample.id}",
        donor_code=sample.donor_code,
        picture=f"/api/v1/images/{image.id}/pixels?width={PICTURE_PX}",
        cells_src=f"/images/{image.id}/cells",
        width_px=image.width,
        height_px=image.height,
        place=f"{place + 1} of {len(neighbours)}",
        previous_href=f"/images/{neighbours[place - 1].id}" if place else None,
        next_href=f"/images/{neighbours[place + 1].id}" if place + 1 < len(neighbours) else None,
        findings=tuple(FindingText(TONES[one.level], one.message) for one in image.findings),
        n_accepted=len(accepted),
        n_rejected=len(cells) - len(accepted),
        share=_share_deformable(accepted) if is_classified else None,
        rows=tuple(_cell_row(number, cell) for number, cell in enumerate(cells, 1)),
        stored=moment_text(image.created_at),
        sha256=image.sha256,
        size=f"{image.width} × {image.height} px, {image.um_per_px:g} µm/px",
        model_name=version.name if version and is_classified else None,
        is_demonstration_model=version is not None and version.demonstration,
        is_demonstration=sample.is_demonstration,
    )


def _share_deformable(cells: Sequence[CellView]) -> str:
    called = [cell.p_deformable for cell in cells if cell.p_deformable is not None]
    return percent_text(sum(p >= 0.5 for p in called) / len(called))


def _cell_row(number: int, cell: CellView) -> CellRow:
    p = cell.p_deformable if cell.verdict == "accepted" else None
    return CellRow(
        id=str(cell.id),
        number=number,
        row=count_text(round(cell.row)),
        column=count_text(round(cell.column)),
        diameter=f"{cell.diameter_um:.1f} µm",
        verdict=cell.verdict,
        p_deformable="" if p is None else percent_text(p),
        p_class="" if p is None else f"p{min(int(p * SCALE_STEPS), SCALE_STEPS - 1)}",
        reason=", ".join(code.replace("_", " ").lower() for code in cell.findings),
    )
