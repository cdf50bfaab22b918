"""Live progress: one LISTEN connection per web process, fanned out to every open stream."""

import asyncio
import signal
import threading
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from types import FrameType
from typing import Final

import psycopg
import structlog

from app.db.notifications import PROGRESS_CHANNEL, payloads

log = structlog.get_logger()

KEEP_ALIVE_SECONDS: Final = 15.0
"""Without news a stream looks at the row this often: a lost NOTIFY costs no more than that."""
RECONNECT_SECONDS: Final = 2.0


class ProgressHub:
    """Wakes the streams of a subject when a worker reports progress on it."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._streams: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._is_stopped = False
        self._listening: asyncio.Task[None] | None = None
        self._server_handlers: dict[signal.Signals, Callable[[int, FrameType | None], object]] = {}

    def start(self) -> None:
        """Call within the running event loop."""
        self._listening = asyncio.create_task(self._run(), name="progress")
        if threading.current_thread() is threading.main_thread():
            self._hear(signal.SIGTERM)
            self._hear(signal.SIGINT)

    async def stop(self) -> None:
        self._end_streams()
        for number, handler in self._server_handlers.items():
            signal.signal(number, handler)
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
            self._listening = None  # cancelled while it connects, a task keeps the half-made socket

    def _hear(self, number: signal.Signals) -> None:
        """End the streams at the signal: the server waits for them before it calls `stop`."""
        handler = signal.getsignal(number)
        if not callable(handler):
            return
        self._server_handlers[number] = handler
        loop = asyncio.get_running_loop()

        def end_streams_too(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._end_streams)
            handler(number, frame)

        signal.signal(number, end_streams_too)

    def _end_streams(self) -> None:
        self._is_stopped = True
        for events in self._streams.values():
            for event in events:
                event.set()

    @property
    def is_stopped(self) -> bool:
        return self._is_stopped

    async def changes(self, subject_id: str) -> AsyncGenerator[None]:
        """Yield at once, then whenever the subject may have changed, until the process stops."""
        with self._registered(subject_id) as event:
            while not self.is_stopped:
                event.clear()
                yield
                try:
                    await asyncio.wait_for(event.wait(), KEEP_ALIVE_SECONDS)
                except TimeoutError:
                    continue

    @contextmanager
    def _registered(self, subject_id: str) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        self._streams[subject_id].add(event)
        try:
            yield event
        finally:
            self._streams[subject_id].discard(event)
            if not self._streams[subject_id]:
                del self._streams[subject_id]

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except psycopg.Error as error:
                log.warning("progress listener lost the database", error=str(error))
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self) -> None:
        async with aclosing(payloads(self._database_url, PROGRESS_CHANNEL)) as subject_ids:
            async for subject_id in subject_ids:
                for event in self._streams.get(subject_id, ()):
                    event.set()
