"""Administration without a mouse: the menu, a new user, and a key seen once and ended."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.accessibility import grave_violations
from tests.end_to_end.keyboard import press, tab_to, write
from tests.end_to_end.product import Product
from tests.end_to_end.test_signing_page import signed_in

pytestmark = pytest.mark.browser


def test_the_menu_opens_moves_and_closes_by_keys(page: Page, preview_url: str) -> None:
    page.goto(f"{preview_url}/users")
    menu = page.locator("details.menu")
    summary, links = menu.locator("summary"), menu.get_by_role("link")
    press(page, summary, "Enter")
    expect(links.first).to_be_visible()
    assert grave_violations(page) == []
    page.keyboard.press("Tab")
    expect(links.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(links.last).to_be_focused()
    page.keyboard.press("Escape")
    expect(links.first).to_be_hidden()
    expect(summary).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(links.first).to_be_focused()
    tab_to(page, page.locator("details.account > summary"))
    expect(links.first).to_be_hidden()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_an_administrator_invites_somebody_and_makes_and_ends_a_key(
    browser: Browser, product: Product
) -> None:
    with signed_in(browser, product, "Kay", "administrator") as page:
        open_by_menu(page, "Users")
        invite(page, "Nora")
        open_by_menu(page, "API keys")
        token = make_a_key(page, "Microscope room")
        open_by_menu(page, "API keys")
        assert token not in page.content(), "it is shown once"
        end_the_key(page, "Microscope room")


def open_by_menu(page: Page, name: str) -> None:
    """From the top of the page, as after each click: Tab, an arrow for each entry, Enter."""
    page.locator("body").press("Home")
    menu = page.locator("details.menu")
    tab_to(page, menu.locator("summary"))
    link = menu.get_by_role("link", name=name, exact=True)
    for _ in range(menu.locator("a").count()):
        page.keyboard.press("ArrowDown")
        if link.evaluate("one => one === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def invite(page: Page, name: str) -> None:
    write(page, page.locator("#name"), name)
    press(page, page.locator("#role-technician"), "Space")
    press(page, page.get_by_role("button", name="Make a sign-in link"))
    shown = page.get_by_role("region", name=f"One-time sign-in for {name}")
    expect(shown.locator("code")).to_contain_text("/sign-in/")
    expect(page.get_by_role("article", name=name)).to_contain_text("No password yet")


def make_a_key(page: Page, name: str) -> str:
    write(page, page.locator("#name"), name)
    press(page, page.locator("#role-lims"), "Space")
    press(page, page.get_by_role("button", name="Make the key"))
    token = page.get_by_role("region", name=f"The key of {name}").locator("code").first
    expect(token).to_contain_text("pliant_")
    return token.inner_text()


def end_the_key(page: Page, name: str) -> None:
    row = page.get_by_role("article", name=name)
    press(page, row.locator("summary"))
    press(page, row.get_by_role("button", name="Revoke"))
    expect(page.get_by_role("status")).to_contain_text("no longer works")
    press(page, page.get_by_text("Ended keys"))
    expect(row).to_be_visible()
