"""Photographs a fresh installation's pages into docs/images: `python -m bench.screenshots`.

Not drawn for the purpose: `pliant up` with its demonstration donors, seen by its technician.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
SCORED_WITHIN_SECONDS = 600
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    browser_path = next(path for name in BROWSERS if (path := shutil.which(name)))
    with installation() as sign_in, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=list(QUIET))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(sign_in)
        page.get_by_role("button", name="Look around first").click()
        photograph_pages(page)
        browser.close()


@contextmanager
def installation() -> Iterator[str]:
    """Run Pliant on an empty data folder; yield the technician's one-time address."""
    data_dir = Path(tempfile.mkdtemp(prefix="pliant-screenshots-"))
    data_dir.chmod(0o711)
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "up"],
        env={**os.environ, "PLIANT_DATA_DIR": str(data_dir), "PLIANT_PORT": "0"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield technician_address(process)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()
        shutil.rmtree(data_dir)


def technician_address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"technician: (\S+)", line):
            return found[1]
    raise SystemExit("pliant up ended before it was ready")


def photograph_pages(page: Page) -> None:
    page.goto(f"{origin(page)}/samples")
    page.locator('main a[href^="/samples/"]:not([href$="/new"])').first.click()
    await_score(page)
    photograph(page, "sample")
    page.locator('main a[href^="/wells/"]').first.click()
    page.locator('main a[href^="/images/"]').first.click()
    page.wait_for_load_state("networkidle")
    photograph(page, "image")
    page.goto(f"{origin(page)}/samples")
    photograph(page, "samples")


def await_score(page: Page) -> None:
    limit = time.monotonic() + SCORED_WITHIN_SECONDS
    while page.get_by_role("heading", name="Image rigidity score").count() == 0:
        if time.monotonic() > limit:
            raise SystemExit(f"no score within {SCORED_WITHIN_SECONDS} s")
        page.wait_for_timeout(3000)
        page.reload()


def origin(page: Page) -> str:
    return "/".join(page.url.split("/")[:3])


def photograph(page: Page, name: str) -> None:
    page.screenshot(path=IMAGES / f"{name}.png")
    print(f"{name}: {page.url}")


if __name__ == "__main__":
    main()
