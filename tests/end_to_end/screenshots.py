"""Pictures of pages for the documents, taken by the tests that visit them if that was asked for."""

import os
from pathlib import Path

from playwright.sync_api import Page

DOCS_IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
LOAD_PICTURES = """async () => {
  const pictures = [...document.images];
  pictures.forEach((picture) => { picture.loading = "eager"; });
  await Promise.all(pictures.map((picture) => picture.decode()));
}"""


def keep(page: Page, name: str, *, whole: bool = True) -> None:
    """Save the page, or what of it fits the window, where the documents look for it."""
    if os.environ.get("PLIANT_SCREENSHOTS"):
        picture = DOCS_IMAGES / f"{name}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        page.evaluate(LOAD_PICTURES)
        page.screenshot(path=picture, full_page=whole)
