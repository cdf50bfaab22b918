"""Guessing passwords is slowed down, then refused for a while; nobody is locked out for ever.

A try is written before the password is looked at, so that many at once count as many. A right
password forgets the tries at that name.
"""

import datetime as dt
import hashlib
from typing import Final

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from app.db.tables import PasswordTry
from app.domain.errors import TooMany

WITHIN: Final = dt.timedelta(minutes=15)
FREE_TRIES: Final = 5
"""At one name before each further try has to wait, twice as long each time."""
MOST_AT_ONE_NAME: Final = 10
MOST_FROM_ONE_ADDRESS: Final = 50
"""Of a laboratory behind one address somebody always mistypes; a machine tries thousands."""


def begin_try(session: Session, *, name: str, address: str) -> None:
    """Count a try at a password; commit it before the password is looked at.

    Raises
    ------
    TooMany
        ``too_many_tries``: with how long to wait.
    """
    check_may_try(session, name=name, address=address)
    note_try(session, name=name, address=address)


def check_may_try(session: Session, *, name: str, address: str = "") -> None:
    """Refuse a try before its time; without an address only those at the name are counted."""
    digest, at = _digest(name), session.scalars(select(func.clock_timestamp())).one()
    _one_at_a_time(session, digest)
    at_name = _recent(session, PasswordTry.name_sha256 == digest, at)
    from_address = _recent(session, PasswordTry.address == address, at) if address else []
    wait = max(
        _slowed(at_name, at),
        _wait_for(at_name, at, MOST_AT_ONE_NAME),
        _wait_for(from_address, at, MOST_FROM_ONE_ADDRESS),
    )
    if wait > dt.timedelta():
        raise _refusal(wait)


def note_try(session: Session, *, name: str, address: str = "") -> None:
    session.add(PasswordTry(name_sha256=_digest(name), address=address))
    session.flush()


def forget_tries(session: Session, *, name: str) -> None:
    """The password was right: its earlier slips no longer count against that name."""
    session.execute(delete(PasswordTry).where(PasswordTry.name_sha256 == _digest(name)))


def prune_tries(session: Session) -> int:
    old = PasswordTry.at < func.clock_timestamp() - WITHIN
    return len(session.scalars(delete(PasswordTry).where(old).returning(PasswordTry.id)).all())


def _recent(session: Session, whose: ColumnElement[bool], at: dt.datetime) -> list[dt.datetime]:
    """When the tries within the window were, the newest first."""
    wanted = select(PasswordTry.at).where(whose, PasswordTry.at > at - WITHIN)
    newest = wanted.order_by(PasswordTry.at.desc()).limit(MOST_FROM_ONE_ADDRESS)
    return list(session.scalars(newest))


def _wait_for(tries: list[dt.datetime], at: dt.datetime, most: int) -> dt.timedelta:
    """Until one of the counted tries is older than the window."""
    return dt.timedelta() if len(tries) < most else tries[most - 1] + WITHIN - at


def _slowed(tries: list[dt.datetime], at: dt.datetime) -> dt.timedelta:
    """1, 2, 4, 8 ... seconds after the newest try, from the sixth on."""
    beyond = len(tries) - FREE_TRIES
    if beyond < 0 or not tries:
        return dt.timedelta()
    return tries[0] + dt.timedelta(seconds=2.0**beyond) - at


def _refusal(wait: dt.timedelta) -> TooMany:
    seconds = max(1, -int(-wait.total_seconds() // 1))
    told = f"{seconds} seconds" if seconds < 90 else f"{-(-seconds // 60)} minutes"
    return TooMany(
        "too_many_tries",
        f"Too many wrong passwords; wait {told}, then try again. Whoever forgot the password asks "
        "an administrator for a sign-in link.",
        retry_after_seconds=seconds,
    )


def _one_at_a_time(session: Session, digest: bytes) -> None:
    """Tries at one name are counted one after the other, until this transaction ends."""
    number = int.from_bytes(digest[:8], signed=True)
    session.execute(select(func.pg_advisory_xact_lock(number)))


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.strip().casefold().encode()).digest()
