"""A technician's whole day in the browser, from the scanned label to the message to the LIMS."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from pypdf import PdfReader

from tests.end_to_end.accessibility import grave_violations
from tests.end_to_end.dropping import blur_left_side, drop, turn_over, unpack
from tests.end_to_end.keyboard import press, tab_to, write
from tests.end_to_end.product import Product
from tests.end_to_end.screenshots import keep
from tests.end_to_end.test_signing_page import PASSWORD, settle_what_is_open, signed_in

pytestmark = pytest.mark.browser

SCAN, MISTYPED, DIN = "=G12349865432177", "=G12349856432177", "G1234 98 654321"
DRAWN_WITHIN_SECONDS = 120
JUDGED_WITHIN_MS = 240_000
SENT_BEFORE_THE_CUT = 6
BYTES_PER_SECOND = 30e6
"""A slow network leaves time to look and to cut."""


@pytest.fixture(scope="module")
def technician(product: Product, browser: Browser) -> Iterator[Page]:
    with signed_in(browser, product, "Tina", "technician") as page:
        yield page


@pytest.fixture(scope="module")
def folders(product: Product, technician: Page, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the ready folder of two wells, and lay a third, tilted well and its retake beside."""
    place = tmp_path_factory.mktemp("plate")
    for _ in range(DRAWN_WITHIN_SECONDS):
        answer = technician.request.get(f"{product.address}/try-it.zip")
        if answer.ok:
            break
        technician.wait_for_timeout(1000)
    (place / "try-it.zip").write_bytes(answer.body())
    unpacked = unpack(place / "try-it.zip", place / "wells")
    images = sorted((unpacked / "well_1").glob("*.bmp"))[:10]
    blur_left_side(images, place / "B3")
    (place / "again").mkdir()
    turn_over(images, place / "again" / "B3")
    return place


def test_the_whole_day(technician: Page, folders: Path, product: Product, browser: Browser) -> None:
    page = technician
    sample = register_by_scanning(page, product)
    page = upload_until_the_tab_closes(page, sample, folders)
    resume(page, sample, folders)
    see_what_is_wrong(page)
    take_the_well_again(page, sample, folders)
    review_by_keyboard(page, sample)
    hand_in(page, sample)
    with signed_in(browser, product, "Vito", "verifier") as verifier:
        sign(verifier, sample)
        check_the_report(verifier, sample)
        see_the_message(verifier, sample)


def register_by_scanning(page: Page, product: Product) -> str:
    """The scanner ends with Enter; a mistyped number is refused at the field."""
    page.goto(f"{product.address}/try-it")
    page.get_by_role("main").get_by_role("link", name="New sample").press("Enter")
    field, said = page.get_by_label("Donation number (DIN)"), page.locator("[data-din-said]")
    field.focus()
    page.keyboard.type(f"{MISTYPED}\n")
    expect(said).to_contain_text("check character do not fit")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    keep(page, "sample-new")
    page.keyboard.type(f"{SCAN}\n")
    expect(said).to_contain_text(DIN)
    expect(said.locator(".check")).to_have_text("check character H")
    page.get_by_label("Accession number").fill("ACC-DAY-1")
    page.get_by_role("button", name="Register the sample").press("Enter")
    page.wait_for_url("**/samples/*-*")
    expect(page.get_by_text("Demonstration", exact=True)).to_be_visible()
    return page.url


def begin_upload(page: Page, sample: str, *folders: Path) -> None:
    page.goto(f"{sample}/upload")
    page.locator("[data-upload][data-ready]").wait_for()
    drop(page, *folders)
    expect(page.get_by_role("heading", name="These wells were found")).to_be_visible()


def slow_down(page: Page) -> None:
    browser = page.context.new_cdp_session(page)
    browser.send("Network.enable")
    browser.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1,
         "uploadThroughput": BYTES_PER_SECOND},
    )  # fmt: skip


def upload_until_the_tab_closes(page: Page, sample: str, folders: Path) -> Page:
    """Close the tab midway, without being asked; the context keeps the sign-in."""
    begin_upload(page, sample, folders / "wells" / "try-it", folders / "B3")
    expect(page.get_by_label("Place on the plate of B3")).to_have_value("B3")
    assert grave_violations(page) == []
    slow_down(page)
    page.get_by_role("button", name="Send the images").press("Enter")
    pause_and_go_on(page)
    expect(rows_of(page, "Sent").nth(SENT_BEFORE_THE_CUT - 1)).to_be_attached(timeout=60_000)
    fresh = page.context.new_page()
    page.close(run_before_unload=False)
    return fresh


def pause_and_go_on(page: Page) -> None:
    pause = page.get_by_role("button", name="Pause")
    pause.press("Enter")
    expect(page.get_by_role("heading", name="Paused")).to_be_visible()
    expect(rows_of(page, "Sending")).to_have_count(0, timeout=30_000)
    expect(rows_of(page, "Waiting").first).to_be_attached()
    page.get_by_role("button", name="Go on sending").press("Enter")
    expect(page.get_by_role("heading", name="Sending the images")).to_be_visible()


def rows_of(page: Page, state: str) -> Locator:
    return page.locator("[data-file-rows] td:last-child").get_by_text(state, exact=True)


def resume(page: Page, sample: str, folders: Path) -> None:
    """The same folders again: what is there is not sent; verdicts come while files arrive."""
    begin_upload(page, sample, folders / "wells" / "try-it", folders / "B3")
    slow_down(page)
    page.get_by_role("button", name="Send the images").press("Enter")
    expect(page.locator("[data-rate]")).to_have_text(re.compile(r"MB/s, \d+ (s|min) left"))
    used = page.locator("[data-arrivals] td[data-label=Used]").filter(has_text=re.compile("[1-9]"))
    expect(used.first).to_be_visible(timeout=JUDGED_WITHIN_MS)
    expect(page.locator("[data-counts]")).to_contain_text("of 54 files")  # it still sends
    keep(page, "upload-sending")
    expect(rows_of(page, "Already here").nth(SENT_BEFORE_THE_CUT - 1)).to_be_attached()


def see_what_is_wrong(page: Page) -> None:
    foreign = page.get_by_role("listitem").filter(has_text="holiday.jpg")
    expect(foreign).to_contain_text("JPEG", timeout=JUDGED_WITHIN_MS)
    expect(page.locator("[data-advice]")).to_have_text(
        re.compile(r"B3: \d+ of \d+ images are out of focus on the left third"),
        timeout=JUDGED_WITHIN_MS,
    )
    expect(page.locator("[data-score]")).to_have_text(
        re.compile(r"\d\.\d\d"), timeout=JUDGED_WITHIN_MS
    )
    expect(page.locator("[data-unused] li").filter(has_text="unsorted_w1_022.bmp")).to_contain_text(
        "out of focus"
    )
    assert grave_violations(page) == []
    keep(page, "upload-done", whole=True)


def take_the_well_again(page: Page, sample: str, folders: Path) -> None:
    """The folder is chosen with the button, by keyboard alone."""
    page.goto(f"{sample}/upload")
    page.locator("[data-upload][data-ready]").wait_for()
    with page.expect_file_chooser() as choosing:
        press(page, page.get_by_label("Choose a folder"))
    choosing.value.set_files(folders / "again" / "B3")
    write(page, page.get_by_label("B3 and the images already here"), "Taken again")
    press(page, page.get_by_role("button", name="Send the images"))
    expect(page.get_by_role("link", name="Show the result")).to_be_visible(timeout=JUDGED_WITHIN_MS)
    expect(page.locator("[data-advice]")).to_have_count(0)
    page.get_by_role("link", name="Show the result").press("Enter")
    expect(page.locator(".headline .value")).to_have_text(re.compile(r"\d\.\d\d"))


def review_by_keyboard(page: Page, sample: str) -> None:
    """One rejected cell restored, and that undone: the score returns to the same digits.

    The cell lies in a well that counts: B3 has too few images.
    """
    page.goto(f"{sample}/cells?show=rejected")
    page.wait_for_selector("[data-gallery][data-drawn]")
    before = page.locator("[data-part=score]").get_attribute("data-exact") or ""
    cells = page.get_by_role("listbox").get_by_role("option")
    tab_to(page, cells.first)
    while "well B3" in (page.locator(":focus").get_attribute("aria-label") or ""):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("r")
    words = page.locator("[data-said-text]")
    expect(words).to_contain_text("1 cell restored")
    expect(page.locator("[data-score-before]")).to_contain_text(before, timeout=JUDGED_WITHIN_MS)
    page.keyboard.press("u")
    expect(words).to_contain_text("1 cell excluded again")
    expect(page.locator("[data-part=score]")).to_have_attribute(
        "data-exact", before, timeout=JUDGED_WITHIN_MS
    )


def hand_in(page: Page, sample: str) -> None:
    page.goto(sample)
    press(page, page.get_by_role("button", name="Hand in for release"))
    expect(page.locator("#sign-off")).to_contain_text("Handed in by Tina")


def sign(page: Page, sample: str) -> None:
    settle_what_is_open(page, sample)
    write(page, page.locator("section:has(#sign-head)").get_by_label("Your password"), PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#sign-off")).to_contain_text("Released by Vito")


def check_the_report(page: Page, sample: str) -> None:
    score = page.locator(".headline .value").inner_text()
    href = page.get_by_role("link", name="Report (PDF)").get_attribute("href")
    answer = page.request.get(re.sub(r"/samples/.*", str(href), sample))  # browsers show it
    pdf = PdfReader(io.BytesIO(answer.body()))
    text = "".join("".join(one.extract_text() for one in pdf.pages).split())
    for said in ("TRY-IT", DIN, "ACC-DAY-1", score, "Tina", "Vito", "DEMO", "Research use only"):
        assert said.replace(" ", "") in text, f"the report does not say {said}"


def see_the_message(page: Page, sample: str) -> None:
    page.goto(f"{sample}/lims")
    expect(page.get_by_role("main")).to_contain_text("ORU^R01")
    expect(page.get_by_role("main")).to_contain_text("ACC-DAY-1")
    assert grave_violations(page) == []
