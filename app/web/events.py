"""Live progress: one LISTEN connection per web process, fanned out to every open stream."""

import asyncio
import signal
import threading
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

import psycopg
import structlog

from app.db.notifications import PROGRESS_CHANNEL, listen

log = structlog.get_logger()

KEEP_ALIVE_SECONDS: Final = 15.0
"""Without news a stream looks at the row this often: a lost NOTIFY costs no more than that."""
TICK_SECONDS: Final = 0.2
RECONNECT_SECONDS: Final = 2.0


class ProgressHub:
    """Wakes the streams of a subject when a worker reports progress on it."""

    def __init__(self, database_url: str) -> None:
        self._database_url = database_url
        self._streams: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server_handlers: dict[signal.Signals, Callable[[int, FrameType | None], object]] = {}

    def start(self) -> None:
        """Call within the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        if threading.current_thread() is threading.main_thread():
            self._hear(signal.SIGTERM)
            self._hear(signal.SIGINT)

    def stop(self) -> None:
        self._end_streams()
        for number, handler in self._server_handlers.items():
            signal.signal(number, handler)
        self._thread.join(timeout=2 * TICK_SECONDS)

    def _hear(self, number: signal.Signals) -> None:
        """End the streams at the signal: the server waits for them before it calls `stop`."""
        handler = signal.getsignal(number)
        if not callable(handler):
            return
        self._server_handlers[number] = handler

        def end_streams_too(number: int, frame: FrameType | None) -> None:
            assert self._loop is not None
            self._loop.call_soon_threadsafe(self._end_streams)
            handler(number, frame)

        signal.signal(number, end_streams_too)

    def _end_streams(self) -> None:
        self._stopped.set()
        for events in self._streams.values():
            for event in events:
                event.set()

    @property
    def is_stopped(self) -> bool:
        return self._stopped.is_set()

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

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                log.warning("progress listener lost the database", error=str(error))
                self._stopped.wait(RECONNECT_SECONDS)

    def _listen(self) -> None:
        with listen(self._database_url, [PROGRESS_CHANNEL]) as listener:
            while not self._stopped.is_set():
                for _, subject_id in listener.wait(TICK_SECONDS):
                    self._wake(subject_id)

    def _wake(self, subject_id: str) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._set, subject_id)

    def _set(self, subject_id: str) -> None:
        for event in self._streams.get(subject_id, ()):
            event.set()
