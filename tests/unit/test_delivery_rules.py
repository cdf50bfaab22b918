"""When a message is sent again."""

import datetime as dt

import pytest

from app.domain.delivery_rules import (
    Answer,
    next_wait,
    parse_retry_after,
    parse_retry_seconds,
)
from app.settings import Settings

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
FAILED = Answer(status=503, error="Answered 503.")


def test_the_usual_table_is_ten_tries_in_about_three_days() -> None:
    waits = parse_retry_seconds(Settings().webhook_retry_seconds)
    told = [next_wait(n, waits, FAILED, chance=0.5) for n in range(1, 12)]
    kept = [wait for wait in told if wait is not None]
    assert (len(kept) + 1, told[9:]) == (10, [None, None])
    hours = sum(kept, dt.timedelta()).total_seconds() / 3600
    assert 70 < hours < 76


def test_waits_are_spread_by_a_tenth_either_way() -> None:
    low, high = (next_wait(2, (5.0, 300.0), FAILED, chance=chance) for chance in (0.0, 0.999999))
    assert low == dt.timedelta(seconds=270)
    assert high is not None
    assert 329 < high.total_seconds() <= 330


def test_a_receiver_may_ask_for_a_longer_wait_but_not_for_more_than_a_day() -> None:
    asked = Answer(status=429, error="Answered 429.", retry_after_seconds=60.0)
    assert next_wait(1, (5.0,), asked, chance=0.5) == dt.timedelta(seconds=60)
    shorter = Answer(status=429, error="Answered 429.", retry_after_seconds=1.0)
    assert next_wait(1, (5.0,), shorter, chance=0.5) == dt.timedelta(seconds=5)
    forever = Answer(status=503, error="Answered 503.", retry_after_seconds=1e8)
    assert next_wait(1, (5.0,), forever, chance=0.5) == dt.timedelta(hours=24)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0), (" 0 ", 0.0), ("Mon, 23 Nov 2026 12:01:00 GMT", 60.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0), ("soon", None), ("", None), (None, None),
        ("-5", None), ("1" * 40, None), ("\u0661", None),
    ],
)  # fmt: skip
def test_retry_after_is_read_as_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    assert parse_retry_after(text, NOW) == seconds


@pytest.mark.parametrize("text", ["", "5,,6", "0", "-1", "never", "90000", "nan"])
def test_a_table_of_waits_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_retry_seconds(text)
