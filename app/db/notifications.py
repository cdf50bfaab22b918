"""NOTIFY inside the transaction it is about; LISTEN on a connection of its own."""

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

JOBS_CHANNEL = "pliant_jobs"
"""Rung when work may be waiting; the payload is the queue."""
PROGRESS_CHANNEL = "pliant_progress"
"""Rung when an analysis or a sample changed; the payload is its id."""
CONNECT_TIMEOUT_SECONDS: Final = 10


def notify(session: Session, channel: str, payload: str) -> None:
    """Tell listeners once this transaction commits; never if it does not."""
    session.execute(select(func.pg_notify(channel, payload)))


class Listener:
    """A direct connection that hears NOTIFY. Not through a transaction pooler."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def wait(self, timeout_seconds: float) -> set[tuple[str, str]]:
        """(channel, payload) heard until the first arrives, with all that came along with it."""
        heard = self._connection.notifies(timeout=timeout_seconds, stop_after=1)
        return {(notice.channel, notice.payload) for notice in heard}

    def try_lock(self, key: int) -> bool:
        """Take a session-level advisory lock, held until this connection closes."""
        row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", [key]).fetchone()
        return row is not None and bool(row[0])


@contextmanager
def listen(database_url: str, channels: Iterable[str]) -> Iterator[Listener]:
    with psycopg.connect(
        _address(database_url), autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS
    ) as connection:
        for channel in channels:
            connection.execute(_listen_to(channel))
        yield Listener(connection)


async def payloads(database_url: str, channel: str) -> AsyncGenerator[str]:
    """What is told on the channel, without end, for a task that its loop can cancel at once."""
    async with await psycopg.AsyncConnection.connect(
        _address(database_url), autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS
    ) as connection:
        await connection.execute(_listen_to(channel))
        async for notice in connection.notifies():
            yield notice.payload


def _address(database_url: str) -> str:
    url = make_url(database_url).set(drivername="postgresql")
    return url.render_as_string(hide_password=False)


def _listen_to(channel: str) -> sql.Composed:
    return sql.SQL("LISTEN {}").format(sql.Identifier(channel))
