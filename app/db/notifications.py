"""NOTIFY inside the transaction it is about; LISTEN on a connection of its own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

JOBS_CHANNEL = "pliant_jobs"
"""Rung when work may be waiting; the payload is the queue."""
PROGRESS_CHANNEL = "pliant_progress"
"""Rung when an analysis or a sample changed; the payload is its id."""


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
    url = make_url(database_url).set(drivername="postgresql")
    address = url.render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True, connect_timeout=10) as connection:
        for channel in channels:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        yield Listener(connection)
