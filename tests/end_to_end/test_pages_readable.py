"""Every page, drawn with drawn data: readable, reachable, within the content policy."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from app.dashboard.rendering import FRONTEND
from tests.end_to_end.accessibility import grave_violations, sideways_scroll_px
from tests.end_to_end.drawn_images import ident
from tests.end_to_end.preview import pages
from tests.end_to_end.screenshots import keep

pytestmark = pytest.mark.browser

EVERY_PAGE = sorted(pages())
DESK, ZOOMED_TWICE, PHONE = (1366, 768), (683, 384), (390, 844)
PHOTOGRAPHED = {
    "/sign-in": "sign-in",
    "/sign-in/x": "sign-in-one",
    "/training-runs/done": "training-runs-one",
}
"""What a fresh installation cannot show to who is signed in; the other pages have real rows."""
MAX_PAGE_BYTES = 300_000


def open_all(summaries: Locator) -> None:
    for summary in summaries.all():
        if summary.is_visible():
            summary.click()


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_page_has_no_grave_accessibility_fault(page: Page, preview_url: str, path: str) -> None:
    page.goto(preview_url + path)
    open_all(page.locator("main details > summary"))
    open_all(page.locator("header details.menu > summary"))  # last: it lies over the page
    for width, height in (DESK, PHONE):
        page.set_viewport_size({"width": width, "height": height})
        assert grave_violations(page) == [], f"at {width} px"


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_page_keeps_the_rules_of_the_house(page: Page, preview_url: str, path: str) -> None:
    """One heading, the label, nothing inline, and no sideways scrolling on any screen."""
    answer = page.goto(preview_url + path)
    assert answer is not None
    assert page.locator("h1").count() == 1
    assert page.title().endswith("· Pliant")
    assert page.get_by_text("Research use only. Not a release criterion.", exact=True).is_visible()
    text = answer.text()
    assert re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text) is None
    assert re.search(r"<script(?![^>]*\ssrc=)", text) is None
    if path in PHOTOGRAPHED:
        keep(page, f"pages/{PHOTOGRAPHED[path]}")
    for width, height in (DESK, ZOOMED_TWICE, PHONE):
        page.set_viewport_size({"width": width, "height": height})
        assert sideways_scroll_px(page) == 0, f"at {width} px"


def test_skip_link_is_the_first_stop_and_leads_to_the_content(page: Page, preview_url: str) -> None:
    page.goto(f"{preview_url}/samples")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_an_image_can_be_read_without_a_mouse(page: Page, preview_url: str) -> None:
    page.goto(f"{preview_url}/images/1")
    page.wait_for_selector("[data-drawn='40'][data-masked='true']")
    page.get_by_role("link", name="Show cell 2, row").press("Enter")
    expect(page.get_by_role("heading", name="Cell 2 of 40")).to_be_visible()
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="Cell 3 of 40")).to_be_visible()
    assert page.locator("tr[data-chosen]").get_attribute("data-cell") == str(ident(1002))
    page.get_by_role("link", name="Rejected").press("Enter")
    expect(page.get_by_role("link", name="Rejected")).to_have_attribute("aria-current", "true")
    page.keyboard.press("p")
    expect(page.locator("#cell .chip")).to_have_text("Excluded by hand")
    page.get_by_label("Keys").uncheck()
    page.keyboard.press("n")
    expect(page.get_by_role("heading", name="Cell 2 of 40")).to_be_visible()
    page.get_by_label("Keys").check()
    page.keyboard.press("]")
    page.wait_for_url(f"**/images/{ident(41)}")


def test_only_the_chosen_way_to_enter_a_reference_shows(page: Page, preview_url: str) -> None:
    page.goto(f"{preview_url}/samples/1")
    page.get_by_text("Enter a reference").click()
    counts = page.get_by_role("group", name="Cells in each outlet")
    assert counts.get_by_label("2 1.75 µm").is_visible()
    assert not counts.get_by_label("9 3.50 µm").is_visible()
    page.get_by_label("A rigidity score").check()
    assert not counts.is_visible()
    assert page.get_by_label("Rigidity score", exact=True).is_visible()


def test_pages_stay_light() -> None:
    """Style, scripts and the largest script-driven page together, images aside."""
    static = [path for path in (FRONTEND / "static").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in static) < MAX_PAGE_BYTES / 2
