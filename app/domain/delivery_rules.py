"""When a message that was not taken is sent again, and what an answer means."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

JITTER: Final = 0.1
"""Share by which a wait is longer or shorter, so that many messages do not come back at once."""
LONGEST_WAIT: Final = dt.timedelta(hours=24)
GONE: Final = 410
"""The receiver wants no more messages, ever: RFC 9110, 15.5.11."""


@dataclass(frozen=True)
class Answer:
    """What came of one try.

    Parameters
    ----------
    status
        Of the HTTP answer; None where none came.
    head
        The first characters of the answer's body.
    error
        Why the try failed, in a sentence; None for a 2xx answer.
    retry_after_seconds
        How long the receiver asks to wait.
    location
        Where the receiver says it keeps the message.
    """

    status: int | None = None
    head: str | None = None
    error: str | None = None
    retry_after_seconds: float | None = None
    location: str | None = None

    @property
    def is_taken(self) -> bool:
        return self.error is None

    @property
    def is_gone(self) -> bool:
        return self.status == GONE


def parse_retry_seconds(text: str) -> tuple[float, ...]:
    """The waits between tries in seconds, `5, 300, 1800`.

    Raises
    ------
    ValueError
        Nothing, or a wait that is no positive number.
    """
    waits = tuple(float(entry) for entry in text.split(","))
    if not all(0 < wait <= LONGEST_WAIT.total_seconds() for wait in waits):
        raise ValueError("waits are seconds above 0, up to a day")
    return waits


def next_wait(
    n_tries: int, waits_seconds: Sequence[float], answer: Answer, *, chance: float
) -> dt.timedelta | None:
    """How long to wait after the latest try failed; None where that was the last one.

    Parameters
    ----------
    n_tries
        Tries so far, at least 1.
    waits_seconds
        After the first try, the second, and so on.
    chance
        In [0, 1), drawn anew each time; spreads the waits.
    """
    if n_tries > len(waits_seconds):
        return None
    spread = 1 + JITTER * (2 * chance - 1)
    wait = waits_seconds[n_tries - 1] * spread
    asked = answer.retry_after_seconds or 0.0
    return min(dt.timedelta(seconds=max(wait, asked)), LONGEST_WAIT)


def parse_retry_after(text: str | None, now: dt.datetime) -> float | None:
    """Seconds that a Retry-After header asks for: a number or a date; None if it says neither."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdecimal() and len(text) <= 9:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return max((moment - now).total_seconds(), 0.0)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """One try as a whole: what was answered, and what the receiver gave back when it was asked.

    Parameters
    ----------
    answer
        To the message; where only the read-back was tried again, that of the earlier message.
    duration_ms
        Of all of it.
    read_back_status
        HTTP status of the read-back; None where none was tried or none was answered.
    read_back_error
        Why the read-back proved nothing; None where it did, or was not tried.
    is_confirmed
        Whether the receiver gave back what it was sent.
    receipt
        Where the receiver keeps it.
    """

    answer: Answer
    duration_ms: int
    read_back_status: int | None = None
    read_back_error: str | None = None
    is_confirmed: bool = False
    receipt: str | None = None

    @property
    def error(self) -> str | None:
        return self.answer.error or self.read_back_error

    @property
    def outcome(self) -> str:
        if self.is_confirmed:
            return "confirmed"
        return "acknowledged" if self.answer.is_taken else "failed"

    def is_over(self, *, reads_back: bool) -> bool:
        return self.is_confirmed if reads_back else self.answer.is_taken
