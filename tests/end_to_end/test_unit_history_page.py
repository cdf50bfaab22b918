"""The page of a unit over storage: read without a mouse, on a desk and on a phone."""

import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.screenshots import keep

pytestmark = pytest.mark.browser


def test_a_unit_is_read_from_its_chart_its_words_and_its_table(
    page: Page, preview_url: str
) -> None:
    page.goto(f"{preview_url}/unit-history")
    chart = page.get_by_role("img", name="Rigidity score over storage days")
    expect(chart).to_be_visible()
    expect(page.get_by_text("The cells become more rigid.")).to_be_visible()
    gap = page.get_by_role("row", name="Day 21")
    expect(gap).to_contain_text("No donor score: needs 412 more accepted cells.")
    expect(page.get_by_role("row", name="Day 42")).to_contain_text("Unlike the training donors.")
    keep(page, "unit-history", whole=True)
    page.set_viewport_size({"width": 390, "height": 844})
    expect(chart).to_be_visible()
    expect(page.get_by_text("2.91 (2.73 to 3.08)")).to_be_visible()


def test_a_sample_leads_to_its_unit_by_keyboard(page: Page, preview_url: str) -> None:
    page.goto(f"{preview_url}/samples/1")
    section = page.get_by_role("region", name="This unit over storage")
    expect(section).to_contain_text("+0.31 from day 0 to day 42")
    link = section.get_by_role("link", name="5 samples in a table")
    link.press("Enter")
    page.wait_for_url("**/unit-history?din=A999921123456")


def test_the_question_which_unit_can_be_answered_by_a_scanner(page: Page, preview_url: str) -> None:
    page.goto(f"{preview_url}/unit-history-none")
    field = page.get_by_label("Donation number or donor code")
    field.type("=A99992112345663")
    field.press("Enter")
    page.wait_for_url("**/unit-history?text=%3DA99992112345663")
