"""A real Chromium, and servers for it to visit. Every test fails on a blocked or broken script."""

import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.end_to_end.preview import application
from tests.end_to_end.product import Product, running_product

SCORED_WITHIN_MS = 180_000
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation",
  (event) => reportTrouble(`${event.violatedDirective}: ${event.blockedURI}`));
"""


@dataclass
class Trouble:
    """What went wrong in the browser: blocked by the content policy, or thrown by a script."""

    seen: list[str] = field(default_factory=list)

    def report(self, what: str) -> None:
        self.seen.append(what)


# Package scope: Playwright's event loop and a running product would disturb the tests after these.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    assert found, "The tests need a browser. Type: sudo apt-get install chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def trouble() -> Iterator[Trouble]:
    collected = Trouble()
    yield collected
    assert collected.seen == []


@pytest.fixture
def context(browser: Browser, trouble: Trouble) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    context.expose_function("reportTrouble", trouble.report)
    context.add_init_script(REPORT_VIOLATIONS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, trouble: Trouble) -> Page:
    page = context.new_page()
    page.on("pageerror", lambda error: trouble.seen.append(str(error)))
    return page


@pytest.fixture(scope="package")
def preview_url() -> Iterator[str]:
    """Yield the address of every page with drawn data."""
    server = uvicorn.Server(uvicorn.Config(application(), port=free_port(), log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.config.port}"
    server.should_exit = True
    thread.join()


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="package")
def product() -> Iterator[Product]:
    """Yield one whole product with its demonstration, shared by the tests of a run."""
    with running_product(WORKERS="2") as running:
        yield running


@pytest.fixture(scope="package")
def cookies(product: Product, browser: Browser) -> dict[str, str]:
    """What a browser holds after a technician's sign-in."""
    printed = product.command("user", "link", "--name", "technician")
    visit = browser.new_context()
    page = visit.new_page()
    page.goto(product.address + re.findall(r"/sign-in/\S+", printed)[-1])
    page.get_by_role("button", name="Look around first").click()
    page.goto(f"{product.address}/samples")
    expect(page.get_by_role("row", name="DEMO-1")).to_contain_text(
        "Scored", timeout=SCORED_WITHIN_MS
    )
    kept = {one["name"]: one["value"] for one in visit.cookies()}
    visit.close()
    return kept


@pytest.fixture
def sample(product: Product, page: Page, cookies: dict[str, str]) -> str:
    """The address of the demonstration's sample, for a technician who is signed in."""
    for name, value in cookies.items():
        page.context.add_cookies([{"name": name, "value": value, "url": product.address}])
    page.goto(f"{product.address}/samples")
    link = page.get_by_role("row", name="DEMO-1").get_by_role("link").first
    return f"{product.address}{link.get_attribute('href')}"
