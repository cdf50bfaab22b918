"""Live progress: streams wake when a worker reports, and end with the analysis or the server."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from app.db.notifications import PROGRESS_CHANNEL, notify
from app.db.session import SessionMaker, make_engine, transaction
from app.services import analyses, first_start
from app.storage import open_store
from app.web.events import ProgressHub
from tests.integration.conftest import Site

SOON_SECONDS = 5
AT_ONCE_SECONDS = 0.05


def test_a_report_wakes_the_streams_of_its_subject(
    sessions: SessionMaker, database_url: str
) -> None:
    async def follow() -> None:
        hub = ProgressHub(database_url)
        hub.start()
        changes, others = hub.changes("a"), hub.changes("b")
        await anext(changes)
        await anext(others)
        waiting = asyncio.create_task(anext(others))
        # The listener may not listen yet, so it is told until it hears.
        woken = asyncio.create_task(anext(changes))
        while not woken.done():
            with transaction(sessions) as session:
                notify(session, PROGRESS_CHANNEL, "a")
            await asyncio.wait([woken], timeout=0.1)
        assert not waiting.done()
        await hub.stop()
        with pytest.raises(StopAsyncIteration):
            await waiting

    asyncio.run(asyncio.wait_for(follow(), 2 * SOON_SECONDS))


def test_streams_end_when_the_server_is_told_to_stop(database_url: str) -> None:
    heard: list[int] = []

    async def follow() -> None:
        hub = ProgressHub(database_url)
        hub.start()
        changes = hub.changes("a")
        await anext(changes)
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(changes), SOON_SECONDS)
        await hub.stop()

    def server(number: int, frame: object) -> None:
        heard.append(number)

    before = signal.signal(signal.SIGTERM, server)
    try:
        asyncio.run(follow())
        assert signal.getsignal(signal.SIGTERM) is server
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


def test_an_analysis_is_followed_to_its_end(
    site: Site, technician: TestClient, add_well: Callable[..., dict[str, Any]]
) -> None:
    with transaction(site.sessions) as session:
        store = open_store(site.storage.as_uri())
        first_start.prepare_in(session, store, with_demonstration=False)
    sample = f"/api/v1/samples/{add_well(technician)['sample_id']}"
    asked = technician.post(f"{sample}/analyses").raise_for_status().json()
    with transaction(site.sessions) as session:
        analyses.fail_analysis(session, asked["id"], code="worker_lost", message="Gone.")
    events = technician.get(f"/api/v1/analyses/{asked['id']}/events").text
    assert events.count("event: progress") == 1
    assert '"state":"failed"' in events
    assert '"code":"worker_lost"' in events


def test_each_life_of_the_application_ends_its_own_listener(site: Site) -> None:
    """A test client, or a server that reloads, may start the same application once more."""
    with TestClient(site.app):
        first: ProgressHub = site.app.state.progress
        with TestClient(site.app):
            second: ProgressHub = site.app.state.progress
        assert (first.is_stopped, second.is_stopped) == (False, True)
    assert first.is_stopped


def test_the_listener_is_gone_as_soon_as_it_is_stopped(database_url: str) -> None:
    async def stop_once(other: Connection) -> float:
        hub = ProgressHub(database_url)
        hub.start()
        while not listeners(other):
            await asyncio.sleep(0.01)
        began = time.monotonic()
        await hub.stop()
        took = time.monotonic() - began
        while listeners(other):  # the server may need a moment to see the connection closed
            await asyncio.sleep(0.01)
        return took

    async def stop_often() -> list[float]:
        with observer(database_url) as other:
            return [await stop_once(other) for _ in range(5)]

    # The quickest of five: one may be held up by a busy machine, none by a tick to wait for.
    assert min(asyncio.run(asyncio.wait_for(stop_often(), 2 * SOON_SECONDS))) < AT_ONCE_SECONDS


def test_a_listener_stopped_while_it_connects_leaves_no_connection(database_url: str) -> None:
    """The server would wait a minute for the rest of it, and so would a shutdown of the server."""

    async def leave_often() -> list[int]:
        before = open_files()
        left = []
        for pause_seconds in (0.0005, 0.001, 0.0015, 0.002, 0.003, 0.004):
            hub = ProgressHub(database_url)
            hub.start()
            await asyncio.sleep(pause_seconds)
            await hub.stop()
            left.append(open_files() - before)
        return left

    assert max(asyncio.run(leave_often())) <= 0


def test_a_listener_that_lost_the_database_finds_it_again(database_url: str) -> None:
    async def follow() -> None:
        hub = ProgressHub(database_url)
        hub.start()
        with observer(database_url) as other:
            while not (cut := listeners(other)):
                await asyncio.sleep(0.01)
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": cut[0]})
            while listeners(other) in ([], cut):
                await asyncio.sleep(0.05)
        await hub.stop()

    asyncio.run(asyncio.wait_for(follow(), 2 * SOON_SECONDS))


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def observer(database_url: str) -> Iterator[Connection]:
    engine = make_engine(database_url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        yield connection
    engine.dispose()


def listeners(other: Connection) -> list[int]:
    """Process ids of the connections that have asked to listen."""
    asked = text("SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND state = 'idle'")
    return list(other.scalars(asked))
