"""What everybody must be able to read off a result, and off an installation, without being told."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.end_to_end.product import Product
from tests.end_to_end.test_signing_page import signed_in

pytestmark = pytest.mark.browser


def test_the_drawn_truth_lies_in_the_interval_beside_counted_and_corrected_shares(
    page: Page, sample: str
) -> None:
    page.goto(sample)
    shown = " ".join(page.get_by_role("main").inner_text().split())
    planted = float(re.findall(r"drawn have a rigidity score of (\d\.\d\d)", shown)[0])
    low, high = map(float, re.findall(r"95 % interval (\d\.\d\d) to (\d\.\d\d)", shown)[0])
    assert low <= planted <= high
    corrected = re.findall(r"Deformability (\d+) ?%", shown)
    counted = re.findall(r"(\d+) ?% of the cells called deformable before correction", shown)
    assert (len(corrected), len(counted)) == (1, 1)
    assert "donors the model was trained on" in shown
    expect(page.get_by_text("Research use only. Not a release criterion.")).to_be_visible()


def test_an_administrator_sees_that_the_installation_works(
    browser: Browser, product: Product
) -> None:
    with signed_in(browser, product, "Hedda", "administrator") as page:
        page.goto(f"{product.address}/health")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_role("main").locator(".chip.bad")).to_have_count(0)
