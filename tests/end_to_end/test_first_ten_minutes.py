"""A newcomer's first ten minutes: the printed link, a scored demonstration, one's own upload."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.accessibility import grave_violations
from tests.end_to_end.dropping import drop, unpack
from tests.end_to_end.product import Product, running_product
from tests.end_to_end.screenshots import keep

pytestmark = pytest.mark.browser

WITHIN_SECONDS = 60


@dataclass(frozen=True)
class Newcomer:
    """A fresh installation, and when it said that it is ready."""

    product: Product
    ready_at: float


@pytest.fixture(scope="module")
def newcomer() -> Iterator[Newcomer]:
    with running_product(WORKERS="2") as product:
        yield Newcomer(product, time.monotonic())


def test_the_first_ten_minutes(newcomer: Newcomer, page: Page, tmp_path: Path) -> None:
    sign_in_by_link(page, newcomer)
    see_the_demonstration(page)
    see_an_image_with_its_cells(page)
    folder = get_the_ready_folder(page, tmp_path)
    drop_it_on_a_new_sample(page, folder)
    see_the_score_and_what_was_refused(page)
    compare_the_methods(page, tmp_path)
    sign_out(page)


def sign_in_by_link(page: Page, newcomer: Newcomer) -> None:
    """The administrator watches the list until a score is there; the technician lands on it."""
    page.goto(newcomer.product.links["administrator"])
    page.get_by_role("button", name="Look around first").click()
    left_ms = 1000 * (newcomer.ready_at + WITHIN_SECONDS - time.monotonic())
    if page.url.endswith("/samples"):
        expect(page.get_by_role("row", name="DEMO-1")).to_contain_text("Scored", timeout=left_ms)
    assert time.monotonic() - newcomer.ready_at < WITHIN_SECONDS
    page.context.clear_cookies()
    page.goto(newcomer.product.links["technician"])
    page.get_by_label("New password").fill("a sentence that is long enough")
    page.keyboard.press("Enter")
    page.wait_for_url("**/samples/*")


def see_the_demonstration(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Donor DEMO-1")
    score = page.locator(".headline .value")
    assert 1.5 < float(score.inner_text()) < 5
    expect(page.locator(".headline .interval")).to_have_text(
        re.compile(r"95 % interval \d\.\d\d to \d\.\d\d")
    )
    expect(page.locator(".figure.reference")).to_have_text(re.compile(r"\d\.\d\d"))
    expect(page.locator(".only-wide svg").first).to_contain_text("Reference")
    expect(page.get_by_role("heading", name="Where the cells lie on the outlets")).to_be_visible()
    expect(page.get_by_text("Demonstration model", exact=True)).to_be_visible()
    assert grave_violations(page) == []
    keep(page, "sample", whole=True)


def see_an_image_with_its_cells(page: Page) -> None:
    """By keyboard alone: sample, well, image, cell."""
    page.locator("section:has(#wells-head) tbody a").first.press("Enter")
    page.wait_for_url("**/wells/*")
    page.locator(".tile a").first.press("Enter")
    page.wait_for_url("**/images/*")
    drawn = page.locator("[data-viewer][data-drawn]")
    expect(drawn).to_be_visible()
    assert int(drawn.get_attribute("data-drawn") or 0) > 30
    page.keyboard.press("n")
    expect(page.locator("tr[data-chosen]")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert grave_violations(page) == []


def get_the_ready_folder(page: Page, tmp_path: Path) -> Path:
    page.get_by_role("link", name="Try it").click()
    download = page.get_by_role("link", name="Download the folder (ZIP)")
    for _ in range(WITHIN_SECONDS):
        if download.is_visible():
            break
        page.wait_for_timeout(1000)
        page.reload()
    with page.expect_download() as downloading:
        download.click()
    return unpack(downloading.value.path(), tmp_path)


def drop_it_on_a_new_sample(page: Page, folder: Path) -> None:
    page.get_by_role("link", name="New sample").click()
    assert page.get_by_label("Donor code").input_value() == "TRY-IT"
    page.get_by_role("button", name="Register the sample").click()
    page.locator("[data-upload][data-ready]").wait_for()
    drop(page, folder)
    expect(page.get_by_role("heading", name="These wells were found")).to_be_visible()
    expect(page.get_by_label("Well number of try-it/well_2")).to_have_value("2")
    keep(page, "upload-wells")
    page.get_by_role("button", name="Send the images").click()


def see_the_score_and_what_was_refused(page: Page) -> None:
    score = page.locator("[data-score]")
    expect(score).to_have_text(re.compile(r"\d\.\d\d"), timeout=1000 * WITHIN_SECONDS)
    refused = page.get_by_role("listitem").filter(has_text="holiday.jpg")
    expect(refused).to_contain_text("JPEG")
    blurred = page.locator("[data-unused] li")
    expect(blurred).to_have_count(1)
    expect(blurred).to_contain_text("focus")
    assert grave_violations(page) == []
    said = score.inner_text()
    page.get_by_role("link", name="Show the result").click()
    expect(page.locator(".headline .value")).to_have_text(said)
    page.get_by_role("link", name="Samples", exact=True).first.click()
    expect(page.get_by_role("row", name="TRY-IT")).to_contain_text(said)


def compare_the_methods(page: Page, tmp_path: Path) -> None:
    """Drawn pairs are told apart; the ten published ones, chosen as a file, give their figure."""
    page.get_by_role("link", name="Agreement").click()
    expect(page.get_by_text("Pairs of the demonstration.")).to_be_visible()
    page.get_by_text("Paste or choose a table").click()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Ten published pairs (CSV)").click()
    table = tmp_path / "published-pairs.csv"
    downloading.value.save_as(table)
    page.get_by_label("Table from a file").set_input_files(table)
    expect(page.get_by_label("Table", exact=True)).to_have_value(re.compile("published 10,3.25"))
    page.get_by_role("button", name="Save the table").click()
    expect(page.get_by_role("heading", name="10 of 40 pairs")).to_contain_text(
        "nothing is passed or failed"
    )
    expect(page.get_by_role("row", name="Mean ± standard deviation")).to_contain_text("10.4 ± 6.8")
    expect(page.get_by_role("row", name="Slope").nth(1)).to_contain_text("0.737")
    assert grave_violations(page) == []
    keep(page, "agreement", whole=True)


def sign_out(page: Page) -> None:
    page.locator(".account > summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.goto(page.url.replace("/sign-in", "/samples"))
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
