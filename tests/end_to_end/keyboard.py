"""What somebody without a mouse does: Tab until it is there, then the key that acts."""

from playwright.sync_api import Locator, Page

MOST_TABS = 120


def tab_to(page: Page, target: Locator) -> None:
    """Reach it by Tab alone, from wherever the focus is."""
    for _ in range(MOST_TABS):
        if target.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {target}")


def press(page: Page, target: Locator, key: str = "Enter") -> None:
    tab_to(page, target)
    page.keyboard.press(key)


def write(page: Page, target: Locator, text: str) -> None:
    tab_to(page, target)
    page.keyboard.type(text)
