"""Pictures of pages for the documents, taken by the tests that visit them if that was asked for."""

import io
import os
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

DOCS_IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
COLOURS = 256
"""Text and lines look the same in so many, and a file is a third as large."""
READY = """async () => {
  scrollTo(0, 0);
  const pictures = [...document.images];
  pictures.forEach((picture) => { picture.loading = "eager"; });
  await Promise.all(pictures.map((picture) => picture.decode()));
}"""


def keep(page: Page, name: str, *, whole: bool = False) -> None:
    """Save what of the page fits the window, or all of it, where the documents look for it."""
    if os.environ.get("PLIANT_SCREENSHOTS"):
        picture = DOCS_IMAGES / f"{name}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        page.evaluate(READY)
        taken = Image.open(io.BytesIO(page.screenshot(full_page=whole))).convert("RGB")
        few = taken.quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(picture, optimize=True)
