"""The real application over fabricated rows, served in this process, and a browser signed in."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from app.db.session import transaction
from app.main import create_app
from app.security.permissions import SYSTEM, Role
from app.services import accounts
from app.settings import Settings
from bench.image_to_rows import worker
from tests.end_to_end.conftest import CHROMIUM_ARGUMENTS, free_port
from worker.context import Context

NOTE_LONG_TASKS = """
window.longTasks = [];
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) window.longTasks.push(duration);
}).observe({ type: "longtask", buffered: true });
"""


@dataclass(frozen=True)
class Served:
    """A worker's context, the address of the site over it, a page that is signed in."""

    context: Context
    address: str
    page: Page


@contextmanager
def opened() -> Iterator[Browser]:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


def new_page(browser: Browser) -> Page:
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    context.add_init_script(NOTE_LONG_TASKS)
    return context.new_page()


@contextmanager
def served() -> Iterator[Served]:
    with worker() as context, _running(context) as address, opened() as browser:
        page = new_page(browser)
        with transaction(context.sessions) as session:
            account = accounts.create_account(session, SYSTEM, name="Tina", role=Role.TECHNICIAN)
            link = accounts.make_sign_in_link(session, SYSTEM, account.id)
        page.goto(address + link)
        page.get_by_role("button", name="Look around first").click()
        yield Served(context, address, page)


@contextmanager
def _running(context: Context) -> Iterator[str]:
    folder = context.settings.data_dir
    with transaction(context.sessions) as session:
        url = session.get_bind().engine.url.render_as_string(hide_password=False)
    settings = Settings(
        database_url=url, data_dir=folder, storage_url=(folder / "storage").as_uri(), demo=False
    )
    config = uvicorn.Config(create_app(settings), port=free_port(), log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{config.port}"
    finally:
        server.should_exit = True
        thread.join()
