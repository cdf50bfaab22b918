"""`python -m bench.viewer`: frames per second of the image viewer in headless Chromium.

Every frame of the measured span moves the picture: wheel steps zoom in and out about a place that
wanders, then a pointer drags the zoomed picture about. Chromium draws without a graphics card, so
the figures are lower bounds for a laboratory's PC. Cells are drawn, pages are the real ones.
"""

import shutil
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import quantiles
from typing import Any, Final

import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from tests.end_to_end.conftest import CHROMIUM_ARGUMENTS, free_port
from tests.end_to_end.preview import application

N_OUTLINES: Final = (400, 3000)
SECONDS: Final = 5.0
REPEATS: Final = 3
VIEWPORT: Final = (1366, 768)
MOVE: Final = """async ({ seconds, kind }) => {
  const stage = document.querySelector("[data-stage]");
  const box = stage.getBoundingClientRect();
  const pointer = (name, x, y) => stage.dispatchEvent(new PointerEvent(name, {
    pointerId: 1, button: 0, clientX: box.left + x, clientY: box.top + y, bubbles: true }));
  stage.setPointerCapture = () => {}; // the pointer is not a real one
  const middle = [box.width / 2, box.height / 2];
  const zoom = (turn) => stage.dispatchEvent(new WheelEvent("wheel", {
    deltaY: Math.sin(turn / 20) > 0 ? -40 : 39, cancelable: true,
    clientX: box.left + middle[0] * (1 + 0.5 * Math.cos(turn / 30)),
    clientY: box.top + middle[1] * (1 + 0.5 * Math.sin(turn / 30)) }));
  const pan = (turn) => pointer("pointermove", middle[0] + 150 * Math.cos(turn / 12),
    middle[1] + 150 * Math.sin(turn / 12));
  if (kind === "pan") {
    document.querySelector('[data-zoom="in"]').click();
    pointer("pointerdown", ...middle);
  }
  const stamps = [];
  await new Promise((done) => {
    const begun = performance.now();
    const frame = (now) => {
      stamps.push(now);
      (kind === "pan" ? pan : zoom)(stamps.length);
      if (now - begun < 1000 * seconds) requestAnimationFrame(frame);
      else done();
    };
    requestAnimationFrame(frame);
  });
  if (kind === "pan") pointer("pointerup", ...middle);
  return stamps.slice(1).map((stamp, n) => stamp - stamps[n]);
}"""


def main() -> None:
    print("| outlines | movement | frames/s | 95th percentile of a frame, ms | longest, ms |")
    print("|--:|---|--:|--:|--:|")
    with served() as address, opened() as browser:
        for count in N_OUTLINES:
            for kind in ("zoom", "pan"):
                print(row(count, kind, measure(browser, address, count, kind)))


def row(count: int, kind: str, frames_ms: list[float]) -> str:
    rate = 1000 * len(frames_ms) / sum(frames_ms)
    slow = quantiles(frames_ms, n=20)[-1]
    return f"| {count} | {kind} | {rate:.0f} | {slow:.0f} | {max(frames_ms):.0f} |"


def measure(browser: Browser, address: str, count: int, kind: str) -> list[float]:
    """Frame times of the run whose rate is the median one."""
    page = browser.new_page(viewport={"width": VIEWPORT[0], "height": VIEWPORT[1]})
    page.goto(f"{address}/images/{uuid.UUID(int=count)}")
    page.wait_for_selector(f"[data-drawn='{count}']")
    runs = sorted((run(page, kind) for _ in range(REPEATS)), key=sum_of_frame)
    page.close()
    return runs[len(runs) // 2]


def run(page: Page, kind: str) -> list[float]:
    page.locator("[data-zoom=fit]").click()
    page.wait_for_timeout(500)
    frames_ms: list[float] = page.evaluate(MOVE, {"seconds": SECONDS, "kind": kind})
    return frames_ms


def sum_of_frame(frames_ms: list[float]) -> float:
    return sum(frames_ms) / len(frames_ms)


@contextmanager
def served() -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(application(), port=free_port(), log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.config.port}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def opened() -> Iterator[Browser]:
    found: Any = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    assert found, "The measurement needs a browser. Type: sudo apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


if __name__ == "__main__":
    main()
