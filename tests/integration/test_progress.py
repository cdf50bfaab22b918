"""Live progress: streams wake when a worker reports, and end with the analysis or the server."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.db.notifications import PROGRESS_CHANNEL, notify
from app.db.session import SessionMaker, transaction
from app.services import analyses, first_start
from app.storage import open_store
from app.web.events import ProgressHub
from tests.integration.conftest import Site

SOON_SECONDS = 5


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
        hub.stop()
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
        hub.stop()

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
