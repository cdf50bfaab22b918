"""The gallery of a sample's cells in a browser: chosen, excluded and restored by keys."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.end_to_end.accessibility import grave_violations, sideways_scroll_px
from tests.end_to_end.screenshots import keep

pytestmark = pytest.mark.browser

FOLLOWED_WITHIN_MS = 30_000


def open_gallery(page: Page, sample: str) -> Locator:
    page.goto(sample)
    page.get_by_role("link", name="All cells").press("Enter")
    page.wait_for_selector("[data-gallery][data-drawn='240']")
    return page.get_by_role("listbox").get_by_role("option")


def ask(page: Page, label: str, option: str, url: str) -> None:
    """Choose, and wait until the page asked for is drawn: its script hears the next choice."""
    page.get_by_label(label, exact=True).select_option(option)
    page.wait_for_url(re.compile(url))
    page.wait_for_selector("[data-gallery][data-drawn]")


def exact_score(page: Page) -> str:
    return page.locator("[data-part=score]").get_attribute("data-exact") or ""


def test_cells_lie_side_by_side_with_their_crops(page: Page, sample: str) -> None:
    tiles = open_gallery(page, sample)
    expect(tiles).to_have_count(240)
    shades: int = page.evaluate(
        """() => {
          const canvas = document.querySelector("[data-gallery] canvas");
          const { data } = canvas.getContext("2d").getImageData(0, 0, 60, 60);
          return new Set(data.filter((_, place) => place % 4 === 0)).size;
        }"""
    )
    assert shades > 20
    assert grave_violations(page) == []
    keep(page, "gallery")
    page.set_viewport_size({"width": 390, "height": 844})
    assert sideways_scroll_px(page) == 0


def test_the_gallery_is_asked_for_what_one_looks_for(page: Page, sample: str) -> None:
    open_gallery(page, sample)
    ask(page, "Verdict", "Rejected", "show=rejected")
    expect(page.get_by_role("option", name=re.compile("^rejected")).first).to_be_attached()
    tiles = page.get_by_role("listbox").get_by_role("option")
    expect(page.locator("[data-gallery] [data-verdict=accepted]")).to_have_count(0)
    ask(page, "Order", "Largest", "sort=large.*show=rejected")
    sizes = [float(re.findall(r"([\d.]+) µm", tiles.nth(n).get_attribute("aria-label") or "")[0])
             for n in range(5)]  # fmt: skip
    assert sizes == sorted(sizes, reverse=True)
    expect(page.get_by_label("Order", exact=True)).to_be_focused()
    ask(page, "Finding", "Debris", "finding=debris")


def test_a_row_of_cells_is_excluded_by_keys_and_undo_brings_the_score_back(
    page: Page, sample: str
) -> None:
    open_gallery(page, sample)
    ask(page, "Verdict", "Accepted", "show=accepted")
    before = exact_score(page)
    page.get_by_role("listbox").get_by_role("option").first.focus()
    for key in ("ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown"):
        page.keyboard.press(key)
    chosen = page.locator("[data-gallery] [aria-selected=true]")
    n_chosen = chosen.count()
    assert n_chosen > 3
    page.keyboard.press("x")
    words = page.locator("[data-said-text]")
    expect(words).to_have_text(re.compile(rf"Saved: {n_chosen} cells excluded\."))
    expect(chosen).to_have_count(0)
    excluded = page.locator("[data-gallery] [data-verdict=rejected][data-by-hand]")
    expect(excluded).to_have_count(n_chosen)
    relabel_and_undo(page, excluded.first)
    note = page.locator("[data-score-before]")
    expect(note).to_contain_text(before, timeout=FOLLOWED_WITHIN_MS)
    page.keyboard.press("u")
    expect(words).to_have_text(re.compile(rf"Undone: {n_chosen} cells restored again\."))
    expect(page.locator("[data-part=score]")).to_have_attribute(
        "data-exact", before, timeout=FOLLOWED_WITHIN_MS
    )


def relabel_and_undo(page: Page, tile: Locator) -> None:
    """Another reason by key, said below the cell; the old one comes back."""
    words, caption = page.locator("[data-said-text]"), tile.locator(".caption")
    first = caption.inner_text()
    page.get_by_label("Exclude, because").select_option("Out of focus")
    tile.click()
    page.keyboard.press("l")
    expect(words).to_contain_text("1 cell with another reason")
    expect(caption).to_have_text("Out of focus")
    page.keyboard.press("u")
    expect(words).to_contain_text("1 cell with the old reason again")
    expect(caption).to_have_text(first)


def test_a_key_that_could_not_be_saved_stays_marked_until_it_is(page: Page, sample: str) -> None:
    open_gallery(page, sample)
    ask(page, "Verdict", "Accepted", "show=accepted")
    page.route("**/api/v1/cells", lambda route: route.abort(), times=1)
    tiles = page.get_by_role("listbox").get_by_role("option")
    tiles.first.focus()
    page.keyboard.press("x")
    page.keyboard.press("x")
    words = page.locator("[data-said-text]")
    expect(words).to_contain_text("Saved: 1 cell excluded")
    expect(words).to_contain_text("Not saved: 1 cell")
    expect(page.locator("[data-unsaved]")).to_have_count(1)
    page.keyboard.press("u")
    tiles.first.click()
    page.keyboard.press("x")
    expect(page.locator("[data-unsaved]")).to_have_count(0)
    page.keyboard.press("u")
    expect(words).to_have_text("Undone: 1 cell restored again.")


def test_a_cell_opens_in_its_image(page: Page, sample: str) -> None:
    tiles = open_gallery(page, sample)
    tiles.first.focus()
    page.keyboard.press("ArrowRight")
    cell = page.evaluate("document.activeElement.dataset.cell")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"/images/.*cell={cell}"))
    page.go_back()
    expect(page.locator(f"[data-cell='{cell}']")).to_be_focused()
    page.keyboard.press("n")
    page.wait_for_url(re.compile("after="))
    expect(tiles.first).to_be_focused()


def test_keys_faster_than_the_server_are_all_saved_before_the_page_is_left(
    page: Page, sample: str
) -> None:
    open_gallery(page, sample)
    ask(page, "Verdict", "Accepted", "show=accepted")
    tiles = page.get_by_role("listbox").get_by_role("option")
    cells = [tiles.nth(n).get_attribute("data-cell") for n in range(6)]
    tiles.first.focus()
    for _ in cells:
        page.keyboard.press("x")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/images/.*cell="))
    verdicts = page.evaluate(
        """async (cells) => {
          const asked = cells.map((cell) => fetch(`/api/v1/cells/${cell}`));
          const found = await Promise.all((await Promise.all(asked)).map((one) => one.json()));
          await fetch("/api/v1/cells", {
            method: "PATCH",
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify({ cell_ids: cells, verdict: "accepted", reason: "As before" }),
          });
          return found.map(({ verdict }) => verdict);
        }""",
        cells,
    )
    assert verdicts == ["rejected"] * len(cells)
