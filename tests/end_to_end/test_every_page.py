"""Every HTML route of the real application, visited with real rows: none can be forgotten."""

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Browser, Page

from app.dashboard.router import router
from tests.end_to_end.accessibility import grave_violations, sideways_scroll_px
from tests.end_to_end.preview import pages as preview_pages
from tests.end_to_end.product import Product
from tests.end_to_end.screenshots import keep
from tests.end_to_end.test_signing_page import signed_in

pytestmark = pytest.mark.browser

NO_PAGES: Final = {
    "/": "leads on to the samples",
    "/samples/din": "a part of the new sample's page",
    "/samples/{sample_id}/arrivals": "a part of the upload's page",
    "/images/{image_id}/outlines": "numbers for the viewer",
    "/images/{image_id}/cells/{cell_id}": "a part of the image's page",
    "/agreement/template.csv": "a file",
    "/agreement/published-pairs.csv": "a file",
    "/audit/entries.csv": "a file",
    "/try-it.zip": "a file",
}
DRAWN_ELSEWHERE: Final = {
    "/sign-in": "/sign-in",
    "/sign-in/{token}": "/sign-in/x",
    "/training-runs/{run_id}": "/training-runs/done",
}
"""Pages that a fresh installation cannot show to who is signed in; visited with drawn data."""
ASKED: Final = {"/unit-history": "?text=DEMO-1"}
"""What a page has to be asked for before it shows anything."""
DESK: Final = (1366, 768)
PHONE: Final = (390, 844)
ZOOMED_TWICE: Final = (683, 384)
ON_A_PHONE_TOO: Final = ("/samples", "/samples/{sample_id}")
MAX_PAGE_BYTES: Final = 300_000
WEIGHT: Final = """() => [...performance.getEntriesByType("navigation"),
    ...performance.getEntriesByType("resource")]
  .filter(({ initiatorType, name }) => initiatorType !== "img" && !name.includes("/pixels"))
  .reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0)"""

CALL: Final = """async ([method, path, values]) => {
  const { call, send } = await import("/static/js/api.js");
  return values ? send(method, path, values) : call(method, path);
}"""
WEBHOOK: Final = {"url": "https://8.8.8.8/pliant", "events": ["model_version.activated"]}
"""Of an event that does not happen here: nothing is ever sent."""


def routes() -> list[str]:
    """Every path that answers GET in the dashboard."""
    found = (route for route in _flat(router.routes) if "GET" in (route.methods or ()))
    return sorted({route.path for route in found})


def _flat(some: Any) -> Iterator[APIRoute]:  # noqa: ANN401  routers nest differently by version
    for route in some:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from _flat(route.original_router.routes)


VISITED: Final = [path for path in routes() if path not in NO_PAGES | DRAWN_ELSEWHERE]


@pytest.fixture(scope="module")
def administrator(product: Product, browser: Browser) -> Iterator[Page]:
    with signed_in(browser, product, "Adele", "administrator") as page:
        yield page


@pytest.fixture(scope="module")
def ids(product: Product, administrator: Page) -> Iterator[dict[str, str]]:
    """Yield one of each thing that an address may name, found as a person would: by links."""
    page, found = administrator, {}
    page.goto(f"{product.address}/samples?text=DEMO-1")
    steps = {
        "sample_id": r"/samples/([0-9a-f-]{36})$",
        "well_id": r"/wells/([0-9a-f-]{36})$",
        "image_id": r"/images/([0-9a-f-]{36})$",
    }
    for name, pattern in steps.items():
        found[name] = follow(page, pattern)
    for name, start in (("version_id", "/model-versions"), ("control_id", "/controls")):
        page.goto(product.address + start)
        found[name] = follow(page, rf"{start}/([0-9a-f-]{{36}})$")
    made = page.evaluate(CALL, ["POST", "/webhooks", WEBHOOK])
    yield found | {"webhook_id": made["id"]}
    page.evaluate(CALL, ["DELETE", f"/webhooks/{made['id']}", None])


def follow(page: Page, pattern: str) -> str:
    """Go where the first such link leads; the id in it."""
    hrefs = page.locator("main a").evaluate_all("all => all.map((one) => one.pathname)")
    address = next(one for one in hrefs if re.search(pattern, one))
    page.goto(re.sub(r"(https?://[^/]+).*", rf"\1{address}", page.url))
    return str(re.findall(pattern, address)[0])


def picture_name(route: str) -> str:
    """`/samples/{sample_id}/signing` is `samples-one-signing`."""
    return re.sub(r"\{[a-z_]+\}", "one", route).strip("/").replace("/", "-")


def test_the_routes_are_found() -> None:
    assert {"/samples", "/samples/{sample_id}/signing", "/controls"} <= set(VISITED)
    assert set(NO_PAGES) | set(DRAWN_ELSEWHERE) <= set(routes())
    assert set(DRAWN_ELSEWHERE.values()) <= set(preview_pages())


@pytest.mark.parametrize("route", VISITED)
def test_a_page_is_whole_light_and_free_of_grave_faults(
    administrator: Page, product: Product, ids: dict[str, str], route: str
) -> None:
    page = administrator
    answer = page.goto(
        product.address + route.format(**ids) + ASKED.get(route, ""), wait_until="load"
    )
    assert answer is not None
    assert answer.status == 200
    assert page.locator("h1").count() == 1
    assert re.search(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=", answer.text()) is None
    assert page.evaluate(WEIGHT) <= MAX_PAGE_BYTES
    assert grave_violations(page) == []
    keep(page, f"pages/{picture_name(route)}")
    for width, height in (ZOOMED_TWICE, PHONE, DESK):
        page.set_viewport_size({"width": width, "height": height})
        assert sideways_scroll_px(page) == 0, f"at {width} px"
        if (width, height) == PHONE and route in ON_A_PHONE_TOO:
            keep(page, f"pages/{picture_name(route)}-phone")
