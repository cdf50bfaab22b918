"""Several web processes at one door: one count of all requests, and none is missed."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.embedded import postgres
from app.observability import SHARED_COUNTS
from tests.integration.web_server import started_web

N_REQUESTS: Final = 40


class Web:
    """Every request on a connection of its own: which process accepts it is the kernel's choice."""

    def __init__(self, process: psutil.Process, port: int) -> None:
        self._process = process
        self._address = f"http://127.0.0.1:{port}"

    def answering(self) -> list[psutil.Process]:
        """The processes that listen; Python's own helper does not."""
        children = self._process.children()
        return [one for one in children if any("spawn_main" in word for word in one.cmdline())]

    def ask(self, path: str) -> httpx2.Response:
        return httpx2.get(self._address + path, timeout=30)

    def n_asked(self, route: str) -> float:
        families = text_string_to_metric_families(self.ask("/metrics").text)
        counted = [one for family in families for one in family.samples]
        return sum(
            one.value
            for one in counted
            if one.name == "pliant_requests_total" and one.labels["route"] == route
        )

    def await_asked(self, route: str, wanted: float) -> None:
        """A request is counted once its answer has left."""
        deadline = time.monotonic() + 10
        while self.n_asked(route) < wanted:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture(scope="module")
def web(
    postgres_dir: Path, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Web]:
    postgres.create_database(postgres_dir, "processes", template=migrated_template)
    folder = tmp_path_factory.mktemp("processes")
    counts = folder / "counts"
    counts.mkdir()
    environment = {
        "PLIANT_DATABASE_URL": postgres.app_url(postgres_dir, "processes"),
        "PLIANT_STORAGE_URL": (folder / "storage").as_uri(),
        SHARED_COUNTS: str(counts),
    }
    with started_web(environment, "--workers", "2", log=folder / "log") as (process, port):
        yield Web(psutil.Process(process.pid), port)
    postgres.drop_database(postgres_dir, "processes")


def test_every_process_tells_the_requests_of_all(web: Web) -> None:
    before = web.n_asked("/livez")
    for _ in range(N_REQUESTS):
        assert web.ask("/livez").status_code == 200
    web.await_asked("/livez", before + N_REQUESTS)
    assert {web.n_asked("/livez") for _ in range(10)} == {before + N_REQUESTS}


def test_a_killed_process_is_replaced_and_the_other_answers_meanwhile(web: Web) -> None:
    before = web.n_asked("/livez")
    first, second = web.answering()
    os.kill(first.pid, signal.SIGKILL)
    first.wait(10)
    assert web.ask("/livez").status_code == 200
    deadline = time.monotonic() + 60
    while len(web.answering()) < 2 or not second.is_running():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert web.n_asked("/livez") == before + 1
