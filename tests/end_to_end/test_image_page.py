"""The page of one image in a browser: what was found, corrections by keyboard, the score after."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.end_to_end.accessibility import grave_violations, sideways_scroll_px
from tests.end_to_end.product import Product
from tests.end_to_end.screenshots import keep

pytestmark = pytest.mark.browser

FOLLOWED_WITHIN_MS = 30_000
MAX_PAGE_BYTES = 300_000


def open_image(page: Page, sample: str, verdict: str, *, is_last: bool = True) -> None:
    """Open the last, or the first, image of the sample with this verdict, by keyboard."""
    page.goto(f"{sample}/images?show={verdict}")
    tiles = page.locator(".tile a")
    (tiles.last if is_last else tiles.first).press("Enter")
    page.wait_for_selector("[data-viewer][data-drawn]")


def score_of(page: Page, sample: str) -> float:
    """The score with all its digits, from the interface."""
    path = sample.replace("/samples/", "/api/v1/samples/")
    return float(page.request.get(f"{path}/score").json()["rigidity_score"])


def see_the_score_follow(page: Page, sample: str, before: float) -> float:
    """The strip tells of a new score beside the one before, the same as the interface tells."""
    note = page.locator("[data-score-before]")
    expect(note).to_contain_text(f"{before:.4f}", timeout=FOLLOWED_WITHIN_MS)
    after = score_of(page, sample)
    expect(page.locator("[data-part=score]")).to_have_attribute("data-exact", f"{after:.4f}")
    return after


def said(page: Page) -> Locator:
    return page.locator("[data-said-text]")


def test_what_was_found_in_an_image_is_seen(page: Page, sample: str) -> None:
    """Verdict, reason, left-out area, outlines, a cell with its reasons; by keyboard alone."""
    open_image(page, sample, "partly")
    viewer = page.locator("[data-viewer]")
    expect(viewer).to_have_attribute("data-masked", "true")
    expect(page.locator(".sentence")).to_have_text(
        re.compile(r"Used in part \(\d+\s% of it\). \d+ of \d+ outlined cells count in the score.")
    )
    expect(page.get_by_role("list", name="Findings")).to_contain_text("Measured:")
    expect(page.get_by_role("list", name="Legend")).to_contain_text("left out")
    everything = page.get_by_role("link", name=re.compile(r"^All \d+"))
    drawn = viewer.get_attribute("data-drawn")
    assert int(drawn or 0) > 30
    expect(everything).to_have_text(f"All {drawn}")
    page.get_by_role("link", name=re.compile(r"^Rejected \d+")).press("Enter")
    page.locator("[data-stage]").focus()
    page.keyboard.press("n")
    expect(page.locator("#cell .chip")).to_have_text("Rejected")
    expect(page.locator("#cell li")).not_to_have_count(0)
    expect(page.locator("#cell")).to_contain_text("µm²")
    page.get_by_role("link", name=re.compile(r"^Accepted \d+")).press("Enter")
    page.keyboard.press("n")
    expect(page.locator("#cell .deformable")).to_contain_text("probability of being deformable")
    page.wait_for_load_state("networkidle")
    assert grave_violations(page) == []
    keep(page, "image")
    page.set_viewport_size({"width": 390, "height": 844})
    assert sideways_scroll_px(page) == 0
    assert grave_violations(page) == []
    keep(page, "image-phone")
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(f"{sample}/images")
    assert grave_violations(page) == []


def test_an_excluded_cell_moves_the_score_and_undo_brings_it_back(page: Page, sample: str) -> None:
    open_image(page, sample, "accepted")
    before = score_of(page, sample)
    page.get_by_role("link", name=re.compile(r"^Accepted \d+")).press("Enter")
    page.keyboard.press("n")
    expect(page.locator("#cell .chip")).to_have_text("Accepted")
    page.keyboard.press("x")
    expect(said(page)).to_have_text(re.compile(r"Saved: Cell \d+ excluded\."))
    expect(page.locator("#cell .chip")).to_have_text("Excluded by hand")
    without = see_the_score_follow(page, sample, before)
    assert without != before
    keep(page, "image-corrected")
    page.keyboard.press("u")
    expect(said(page)).to_have_text(re.compile(r"Undone: Cell \d+ restored again\."))
    assert see_the_score_follow(page, sample, without) == before
    expect(page.locator("#cell .chip")).to_have_text("Accepted")
    log = page.locator("[data-part=corrections] tbody tr")
    expect(log).to_have_count(2)
    expect(log.first).to_contain_text("technician")


def test_keys_faster_than_answers_are_all_saved(page: Page, sample: str) -> None:
    """Five cells excluded in a row without waiting, then five times undo."""
    open_image(page, sample, "accepted")
    before = score_of(page, sample)
    page.get_by_role("link", name=re.compile(r"^Accepted \d+")).press("Enter")
    page.locator("[data-stage]").focus()
    for key in "nxnxnxnxnx":
        page.keyboard.press(key)
    by_hand = page.get_by_role("link", name=re.compile(r"^By hand \d+"))
    expect(by_hand).to_have_text("By hand 5")
    for key in "uuuuu":
        page.keyboard.press(key)
    expect(by_hand).to_have_text("By hand 0")
    expect(said(page)).to_have_text(re.compile("^Undone"))
    wait_until_scored(page, sample)
    assert score_of(page, sample) == before


def test_an_excluded_image_moves_the_score_and_restoring_brings_it_back(
    page: Page, sample: str
) -> None:
    open_image(page, sample, "accepted")
    image = page.url
    before = score_of(page, sample)
    page.get_by_text("Exclude this image").press("Enter")
    page.locator("#image-reason").select_option(label="In my own words:")
    page.locator("#image-words").fill("a bubble crept in")
    page.keyboard.press("Enter")
    expect(page.locator("h1 + [data-part=chip]")).to_have_text("Excluded by hand")
    expect(page.locator(".sentence")).to_contain_text("a bubble crept in")
    without = see_the_score_follow(page, sample, before)
    assert without != before
    page.goto(sample)
    expect(page.locator("[data-corrected]")).to_contain_text("1 image excluded by hand")
    page.get_by_role("link", name="show", exact=True).press("Enter")
    page.locator(".tile a").first.press("Enter")
    page.wait_for_url(image.split("?")[0] + "**")
    page.wait_for_selector("[data-viewer][data-drawn]")
    page.get_by_text("Restore this image").press("Enter")
    page.get_by_role("button", name="Restore the image").press("Enter")
    expect(page.locator("h1 + [data-part=chip]")).to_have_text("Accepted")
    assert see_the_score_follow(page, sample, without) == before


def turn_image(page: Page, verb: str, before: float | None) -> float | None:
    """Exclude or restore the image that is open; the score that follows, None without one."""
    page.get_by_text(f"{verb} this image").press("Enter")
    page.get_by_role("button", name=f"{verb} the image").press("Enter")
    told = "none" if before is None else f"{before:.4f}"
    expect(page.locator("[data-score-before]")).to_contain_text(
        f"was {told} before", timeout=FOLLOWED_WITHIN_MS
    )
    exact = page.locator("[data-part=score]").get_attribute("data-exact")
    return float(exact) if exact else None


def test_one_image_too_few_leaves_no_number_until_it_is_restored(page: Page, sample: str) -> None:
    """The first well's images are excluded until there is no score, then all restored."""
    before = score_of(page, sample)
    scores: list[float | None] = [before]
    excluded: list[str] = []
    while scores[-1] is not None:
        open_image(page, sample, "accepted", is_last=False)
        excluded.append(page.url)
        scores.append(turn_image(page, "Exclude", scores[-1]))
        assert len(excluded) < 5, "the demonstration has more images than a score needs"
    expect(page.locator("[data-part=score]")).to_contain_text("needs 1 more image")
    for image in reversed(excluded):
        page.goto(image)
        page.wait_for_selector("[data-viewer][data-drawn]")
        turn_image(page, "Restore", scores.pop())
    assert score_of(page, sample) == before


def test_a_mistake_costs_nothing_and_is_said(page: Page, sample: str) -> None:
    """No cell chosen, nothing to undo, no reason given: each is answered, nothing is changed."""
    open_image(page, sample, "accepted")
    before = score_of(page, sample)
    page.keyboard.press("x")
    expect(said(page)).to_have_text("Choose a cell first.")
    page.keyboard.press("u")
    expect(said(page)).to_have_text("There is nothing to undo on this page.")
    page.get_by_role("link", name=re.compile(r"^Accepted \d+")).press("Enter")
    page.keyboard.press("n")
    page.locator("#cell-reason").select_option(label="In my own words:")
    page.get_by_role("button", name="Exclude (x)").press("Enter")
    expect(said(page)).to_have_text("Write why, then send it again.")
    assert page.evaluate("document.activeElement.id") == "cell-words"
    assert score_of(page, sample) == before


def test_without_a_script_a_cell_is_chosen_excluded_and_restored(
    browser: Browser, product: Product, sample: str, cookies: dict[str, str]
) -> None:
    visit = browser.new_context(java_script_enabled=False)
    for name, value in cookies.items():
        visit.add_cookies([{"name": name, "value": value, "url": product.address}])
    page = visit.new_page()
    page.goto(f"{sample}/images?show=accepted")
    page.locator(".tile a").last.click()
    page.get_by_role("link", name=re.compile(r"^Accepted \d+")).click()
    page.locator(".cells tbody a").nth(3).click()
    expect(page.locator("#cell .crop")).to_be_visible()
    before = score_of(page, sample)
    page.get_by_role("button", name="Exclude (x)").click()
    expect(page.locator("#cell .chip")).to_have_text("Excluded by hand")
    page.get_by_role("button", name="Restore (r)").click()
    expect(page.locator("#cell .chip")).to_have_text("Accepted")
    page.goto(sample)
    expect(page.locator("[data-corrected]")).to_have_count(0)
    wait_until_scored(page, sample)
    assert score_of(page, sample) == before
    visit.close()


def wait_until_scored(page: Page, sample: str) -> None:
    path = sample.replace("/samples/", "/api/v1/samples/")
    for _ in range(FOLLOWED_WITHIN_MS // 200):
        if page.request.get(path).json()["state"] == "computed":
            return
        page.wait_for_timeout(200)
    raise AssertionError("the sample is still being scored")


def test_the_page_is_light_and_the_picture_is_moved_by_hand(page: Page, sample: str) -> None:
    weights: list[int] = []
    page.on(
        "response",
        lambda answer: weights.append(
            0 if "/pixels" in answer.url else int(answer.headers.get("content-length", 0))
        ),
    )
    open_image(page, sample, "accepted")
    assert 20_000 < sum(weights) < MAX_PAGE_BYTES
    stage = page.locator("[data-stage]")
    stage.hover(position={"x": 300, "y": 300})
    page.mouse.wheel(0, -600)
    expect(stage).to_have_class(re.compile("zoomed"))
    page.mouse.down()
    page.mouse.move(500, 500)
    page.mouse.up()
    expect(page.locator("#cell-head")).to_have_text("No cell chosen")
    page.get_by_role("button", name="Show the whole image").press("Enter")
    expect(stage).not_to_have_class(re.compile("zoomed"))
