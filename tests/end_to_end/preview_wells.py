"""Lists of drawn images: of one well, and of a whole sample."""

from dataclasses import replace

from app.dashboard.contexts import images
from app.dashboard.contexts.wording import VERDICTS
from tests.end_to_end.drawn_images import ident
from tests.end_to_end.preview_samples import ADVICE


def tiles() -> tuple[images.ImageTile, ...]:
    tile = images.ImageTile(
        "/images/1", f"/api/v1/images/{ident(40)}/pixels?width=320", "img_001.bmp",
        VERDICTS["accepted"], "accepted", "118 cells", (),
    )  # fmt: skip
    refused = replace(
        tile, verdict=VERDICTS["rejected"], verdict_code="rejected", filename="img_013.bmp",
        cells="", messages=("The image is out of focus; refocus and take it again.",),
    )  # fmt: skip
    return (tile, refused, *(replace(tile, filename=f"img_{n:03}.bmp") for n in range(2, 9)))


def verdict_filters() -> tuple[images.VerdictFilter, ...]:
    return (
        images.VerdictFilter("All", "25", "/wells/1?show=all", is_current=True),
        images.VerdictFilter("Not used", "1", "/wells/1?show=rejected", is_current=False),
    )


def well_page() -> images.WellPage:
    return images.WellPage(
        name="B2", content="Unsorted cells", sample_href="/samples/1",
        images_href="/samples/1/images", donor_code="DEMO-1", summary="25 images, 24 used.",
        advice=ADVICE, filters=verdict_filters(), tiles=tiles(), is_empty=False, is_moving=False,
        is_demonstration=True,
    )  # fmt: skip


def sample_images_page() -> images.SampleImagesPage:
    well = images.WellPart(
        "B2", "/wells/1", "Unsorted cells", "25 images, 24 used.", ADVICE, tiles()
    )
    return images.SampleImagesPage(
        "/samples/1", "DEMO-1", verdict_filters(),
        (well, replace(well, name="B3", advice=None)), is_moving=False, is_demonstration=True,
    )  # fmt: skip
