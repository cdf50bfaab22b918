"""A result goes out in a browser: handed in, refused to its own author, signed, amended."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.accessibility import grave_violations, sideways_scroll_px
from tests.end_to_end.keyboard import press, write
from tests.end_to_end.product import Product
from tests.end_to_end.screenshots import keep

pytestmark = pytest.mark.browser

PASSWORD = "four unrelated words walk"
SCORED_WITHIN_SECONDS = 240
DONOR = "DEMO-3"
"""Other tests correct the first donor; a released one would refuse them."""


@contextmanager
def signed_in(browser: Browser, product: Product, name: str, role: str) -> Iterator[Page]:
    """Yield the page of a new person who set a password."""
    printed = product.command("user", "create", "--name", name, "--role", role)
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.goto(product.address + re.findall(r"/sign-in/\S+", printed)[-1])
    page.get_by_label("New password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/samples**")
    yield page
    context.close()


def open_sample(page: Page, product: Product) -> str:
    """The last of the demonstration's donors may still be drawn: the list is loaded until then."""
    found = page.get_by_role("row", name=DONOR).filter(has_text="Scored")
    for _ in range(SCORED_WITHIN_SECONDS):
        page.goto(f"{product.address}/samples")
        if found.count():
            break
        page.wait_for_timeout(1000)
    found.get_by_role("link").first.press("Enter")
    page.wait_for_url("**/samples/*-*")
    return page.url


def test_a_result_is_handed_in_signed_by_another_and_amended(
    browser: Browser, product: Product
) -> None:
    with (
        signed_in(browser, product, "Vera", "verifier") as verifier,
        signed_in(browser, product, "Otto", "verifier") as other,
    ):
        address = open_sample(verifier, product)
        hand_in(verifier)
        be_refused_as_its_author(verifier)
        settle_what_is_open(other, address)
        sign(other)
        see_it_released(other, address)
        amend(other, address)


def hand_in(page: Page) -> None:
    expect(page.locator("#sign-off")).to_contain_text("not handed in yet")
    page.get_by_role("button", name="Hand in for release").press("Enter")
    expect(page.locator("#sign-off")).to_contain_text("Handed in by Vera")
    assert grave_violations(page) == []


def be_refused_as_its_author(page: Page) -> None:
    page.get_by_role("link", name="Check and sign").press("Enter")
    mine = page.locator("[data-condition=another_person_signs]")
    expect(mine).to_contain_text("You handed this result in")
    expect(page.get_by_role("button", name="Sign and release")).to_have_count(0)


def settle_what_is_open(page: Page, address: str) -> None:
    """A reason, Enter, the next."""
    page.goto(f"{address}/signing")
    assert grave_violations(page) == []
    keep(page, "signing-open")
    words = page.get_by_label("Why it may be signed all the same")
    for left in range(words.count(), 0, -1):
        write(page, words.first, "seen, and it will do")
        page.keyboard.press("Enter")
        expect(words).to_have_count(left - 1)
    expect(page.locator("[data-open]")).to_have_text("Nothing open")
    keep(page, "signing")
    page.set_viewport_size({"width": 390, "height": 844})
    assert sideways_scroll_px(page) == 0
    keep(page, "signing-phone")
    page.set_viewport_size({"width": 1366, "height": 768})


def sign(page: Page) -> None:
    form = page.locator("section:has(#sign-head)")
    form.get_by_label("Your password").fill("not the right one")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("password is not right")
    write(page, form.get_by_label("Your password"), PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#sign-off")).to_contain_text("Released by Otto")


def see_it_released(page: Page, address: str) -> None:
    expect(page.get_by_role("button", name="Score again")).to_have_count(0)
    told = page.request.get(address.replace("/samples/", "/api/v1/samples/") + "/reports/1").json()
    assert (told["status"], told["is_demonstration"]) == ("final", True)
    assert [one["printed_name"] for one in told["signatures"]] == ["Vera", "Otto"]


def amend(page: Page, address: str) -> None:
    page.goto(f"{address}/signing")
    expect(page.get_by_text("As it was signed")).to_be_visible()
    assert grave_violations(page) == []
    press(page, page.get_by_label("The words: sample or reference, with the same value"), "Space")
    write(page, page.get_by_label("Reason"), "the sort came later")
    write(page, page.get_by_label("Who was told"), "Dr Weber")
    write(page, page.get_by_label("Your password"), PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#sign-off")).to_contain_text("Released by Otto")
    page.goto(f"{address}/signing")
    expect(page.get_by_role("row", name="Version 2")).to_contain_text("Amended")
    expect(page.get_by_role("row", name="Version 1")).to_contain_text("Final")
    keep(page, "signing-amended")
