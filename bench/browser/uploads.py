"""100 images dropped on a sample of a whole product: how long, how smooth, how much sent twice."""

import random
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, Response

from bench.browser.plates import WELLS, plate
from bench.browser.processes import end_web, processor_times, spent_seconds
from bench.browser.relay import Relay, relaying
from bench.browser.site import new_page, opened
from tests.end_to_end.dropping import drop
from tests.end_to_end.product import Product, running_product

IMAGES: Final = 100
WITHIN_MS: Final = 300_000
LOOK_MS: Final = 100
"""How often the page is asked; at every frame, the asking itself would cost a core."""
CUTS: Final = (("tab", IMAGES), ("server", IMAGES)) * 2 + (("restart", 146),)
"""What is cut, and how many files are under way: 146 are one large well, 860 MB."""
JUDGED: Final = """(images) => {
  const rows = [...document.querySelectorAll("[data-arrivals] tbody tr")];
  const number = (row, label) => Number(row.querySelector(`[data-label="${label}"]`).textContent);
  const sum = (label) => rows.reduce((total, row) => total + number(row, label), 0);
  return sum("Images") === images && sum("Being judged") === 0;
}"""
SENDING: Final = "Sending the images"
SENT: Final = f"() => document.querySelector('[data-send-head]').textContent !== '{SENDING}'"


def measure_upload(images: int = IMAGES) -> dict[str, Any]:
    with (
        plate(images_per_well=images // WELLS) as folder,
        running_product(DEMO="0", WORKERS="2") as product,
        opened() as browser,
        _sample(product, browser, product.address, 0) as (page, sample),
    ):
        _open(page, sample)
        time.sleep(5)  # the workers load their networks
        before = processor_times()
        begun = _send(page, folder)
        page.wait_for_function(SENT, timeout=WITHIN_MS, polling=LOOK_MS)
        sent = time.perf_counter() - begun
        _wait_for_verdicts(page, images)
        judged = time.perf_counter() - begun
        spent = spent_seconds(before, processor_times())
        tasks: list[float] = page.evaluate("window.longTasks")
    return {
        "images": images,
        "sent_seconds": round(sent, 1),
        "judged_seconds": round(judged, 1),
        "processor_seconds": spent,
        "long_tasks_ms": [round(one) for one in tasks if one > 100],
        "longest_task_ms": round(max(tasks, default=0)),
    }


def measure_cuts() -> dict[str, Any]:
    """Cut at a random moment, drop the folder again, count the bytes that reach the server."""
    rng = random.Random(1)
    with running_product(DEMO="0", WORKERS="2") as product, opened() as browser:
        cuts = []
        for number, (kind, images) in enumerate(CUTS):
            with (
                plate(images_per_well=images // WELLS, number=number) as folder,
                relaying(product.address) as relay,
                _sample(product, browser, relay.address, number) as (page, sample),
            ):
                share = rng.uniform(0.05, 0.95)
                cuts.append(_cut(page, sample, folder, relay, kind=kind, share=share))
    return {"cuts": cuts}


def _cut(
    page: Page, sample: str, folder: Path, relay: Relay, *, kind: str, share: float
) -> dict[str, Any]:
    sizes = [path.stat().st_size for path in folder.rglob("*.bmp")]
    again: list[str] = []

    def note(answer: Response) -> None:
        if answer.request.method == "PUT" and answer.status == HTTPStatus.OK:
            again.append(answer.url)

    page.context.on("response", note)
    _open(page, sample)
    before = relay.n_bytes
    _send(page, folder)
    while relay.n_bytes - before < share * sum(sizes):
        time.sleep(0.002)
    if kind != "tab":
        end_web(signal.SIGKILL if kind == "server" else signal.SIGTERM)
    else:
        fresh = page.context.new_page()
        page.close(run_before_unload=False)
        page = fresh
        _open(page, sample)
        _send(page, folder)
    _wait_for_verdicts(page, len(sizes))
    came = (relay.n_bytes - before) / sum(sizes)
    return {
        "kind": kind,
        "files": len(sizes),
        "files_sent_again": len(again),
        "after_share": round(share, 2),
        "bytes_over_total": round(came, 3),
    }


@contextmanager
def _sample(
    product: Product, browser: Browser, address: str, number: int
) -> Iterator[tuple[Page, str]]:
    """A signed-in page and the address of a new sample."""
    printed = product.command("user", "create", "--name", f"T{number}", "--role", "technician")
    page = new_page(browser)
    page.goto(address + re.findall(r"/sign-in/\S+", printed)[-1])
    page.get_by_role("button", name="Look around first").click()
    page.goto(f"{address}/samples/new")
    page.get_by_label("Donor code").fill(f"B-{number}")
    page.get_by_role("button", name="Register the sample").click()
    page.wait_for_url("**/samples/*-*")
    yield page, page.url
    page.context.close()


def _open(page: Page, sample: str) -> None:
    page.goto(f"{sample}/upload")
    page.locator("[data-upload][data-ready]").wait_for()


def _send(page: Page, folder: Path) -> float:
    begun = time.perf_counter()
    drop(page, folder)
    page.get_by_role("button", name="Send the images").click()
    return begun


def _wait_for_verdicts(page: Page, images: int) -> None:
    page.wait_for_function(JUDGED, arg=images, timeout=WITHIN_MS, polling=LOOK_MS)
