"""100 images dropped on a sample of a whole product: how long, how smooth, how much sent twice."""

import random
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import psutil
from playwright.sync_api import Browser, Page, Request

from bench.browser.site import new_page, opened
from bench.images import drawn_bmp
from tests.end_to_end.dropping import drop
from tests.end_to_end.product import Product, running_product

N_DRAWN: Final = 13
VIEWS: Final = 8
IMAGES_PER_WELL: Final = 50
WITHIN_MS: Final = 300_000
N_CUTS: Final = 4
JUDGED: Final = """() => {
  const rows = [...document.querySelectorAll("[data-arrivals] tbody tr")];
  const number = (row, label) => Number(row.querySelector(`[data-label="${label}"]`).textContent);
  const sum = (label) => rows.reduce((total, row) => total + number(row, label), 0);
  return sum("Images") === 100 && sum("Being judged") === 0;
}"""


@contextmanager
def _folder() -> Iterator[Path]:
    """Two wells of 50 images: few are drawn, the rest are their turned and mirrored views."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "plate"
        views = (view for number in range(N_DRAWN) for view in _views(number))
        for well in (1, 2):
            (folder / f"well_{well}").mkdir(parents=True)
            for number in range(IMAGES_PER_WELL):
                cv2.imwrite(str(folder / f"well_{well}" / f"{number:03}.bmp"), next(views))
        yield folder


def _views(number: int) -> Iterator[Any]:
    encoded = np.frombuffer(drawn_bmp(number), np.uint8)
    pixels = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)
    assert pixels is not None
    for turns in range(4):
        turned = np.rot90(pixels, turns)
        yield from (np.ascontiguousarray(turned), np.ascontiguousarray(turned[::-1]))


@contextmanager
def _sample(product: Product, browser: Browser, number: int) -> Iterator[tuple[Page, str]]:
    """A signed-in page and the address of a new sample."""
    printed = product.command("user", "create", "--name", f"T{number}", "--role", "technician")
    page = new_page(browser)
    page.goto(product.address + re.findall(r"/sign-in/\S+", printed)[-1])
    page.get_by_role("button", name="Look around first").click()
    yield page, _new_sample(page, product, number)
    page.context.close()


def _new_sample(page: Page, product: Product, number: int) -> str:
    page.goto(f"{product.address}/samples/new")
    page.get_by_label("Donor code").fill(f"B-{number}")
    page.get_by_role("button", name="Register the sample").click()
    page.wait_for_url("**/samples/*-*")
    return page.url


def _begin(page: Page, sample: str, folder: Path) -> float:
    page.goto(f"{sample}/upload")
    page.locator("[data-upload][data-ready]").wait_for()
    begun = time.perf_counter()
    drop(page, folder)
    page.get_by_role("button", name="Send the images").click()
    return begun


def measure_upload() -> dict[str, Any]:
    with _folder() as folder, running_product(DEMO="0", WORKERS="2") as product:
        time.sleep(5)  # the workers load their networks
        with opened() as browser, _sample(product, browser, 0) as (page, sample):
            begun = _begin(page, sample, folder)
            page.get_by_text("Analysing the images").wait_for(timeout=WITHIN_MS)
            sent = time.perf_counter() - begun
            page.wait_for_function(JUDGED, timeout=WITHIN_MS)
            judged = time.perf_counter() - begun
            tasks: list[float] = page.evaluate("window.longTasks")
    return {
        "sent_seconds": round(sent, 1),
        "judged_seconds": round(judged, 1),
        "long_tasks_ms": [round(one) for one in tasks if one > 100],
        "longest_task_ms": round(max(tasks, default=0)),
    }


def measure_cuts() -> dict[str, Any]:
    """Cut at a random moment, drop the folder again, count the bytes of every request begun."""
    rng = random.Random(1)
    cuts = []
    with running_product(DEMO="0", WORKERS="1") as product, opened() as browser:
        for number in range(N_CUTS):
            kind = ("tab", "server")[number % 2]
            with _folder_of(number) as folder, _sample(product, browser, number) as (page, sample):
                cuts.append({"kind": kind} | _cut(page, sample, folder, kind, rng))
    return {"cuts": cuts}


@contextmanager
def _folder_of(number: int) -> Iterator[Path]:
    """The same folder with one pixel of its own: an image lies in one sample only."""
    with _folder() as folder:
        for path in folder.rglob("*.bmp"):
            data = bytearray(path.read_bytes())
            data[-1 - number] ^= 1
            path.write_bytes(data)
        yield folder


def _cut(page: Page, sample: str, folder: Path, kind: str, rng: random.Random) -> dict[str, Any]:
    total = sum(path.stat().st_size for path in folder.rglob("*.bmp"))
    begun: list[int] = []

    def count(request: Request) -> None:
        if request.method == "PUT":
            begun.append(total // (2 * IMAGES_PER_WELL))

    page.context.on("request", count)
    _begin(page, sample, folder)
    time.sleep(rng.uniform(0.5, 4.0))
    if kind == "server":
        _kill_server()
    else:
        fresh = page.context.new_page()
        page.close(run_before_unload=False)
        page = fresh
        _begin(page, sample, folder)
    page.wait_for_function(JUDGED, timeout=WITHIN_MS)
    return {"files": len(begun), "bytes_over_total": round(sum(begun) / total, 3)}


def _kill_server() -> None:
    """As a crash would: the supervisor starts another."""
    for process in psutil.Process().children(recursive=True):
        if "app.main" in " ".join(process.cmdline()):
            process.kill()
