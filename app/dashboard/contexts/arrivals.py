"""What became of a sample's images so far, shown while others still arrive."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.dashboard.contexts.sample_parts import why_unused
from app.services.images import ImageView
from app.services.retakes import advise_retakes
from app.services.samples import SampleView, WellView

SHOWN_AT_ONCE: Final = 8
"""Images that were not used; more lie folded under them."""


@dataclass(frozen=True)
class ArrivedWell:
    href: str
    name: str
    n_images: int
    pending: int
    used: int
    rejected: int


@dataclass(frozen=True)
class UnusedImage:
    id: str
    href: str
    filename: str
    well: str
    message: str


@dataclass(frozen=True)
class ArrivalsPage:
    wells: tuple[ArrivedWell, ...]
    advice: tuple[str, ...]
    unused: tuple[UnusedImage, ...]
    further_unused: tuple[UnusedImage, ...]


def arrivals_page(sample: SampleView, images: Sequence[ImageView]) -> ArrivalsPage:
    unused = tuple(_unused(image) for image in images if image.verdict == "rejected")
    return ArrivalsPage(
        wells=tuple(_well(well) for well in sample.wells if well.images.total),
        advice=tuple(one.message for one in advise_retakes(images)),
        unused=unused[:SHOWN_AT_ONCE],
        further_unused=unused[SHOWN_AT_ONCE:],
    )


def _well(well: WellView) -> ArrivedWell:
    counts = well.images
    return ArrivedWell(
        href=f"/wells/{well.id}",
        name=well.name,
        n_images=counts.total,
        pending=counts.pending,
        used=counts.accepted + counts.partly,
        rejected=counts.rejected,
    )


def _unused(image: ImageView) -> UnusedImage:
    return UnusedImage(
        id=str(image.id),
        href=f"/images/{image.id}",
        filename=image.filename,
        well=image.well_name,
        message=why_unused(image),
    )
