"""How often a key may ask: a moving minute, counted in the broker, so that all web processes agree.

Without an answer from the broker requests pass: a full laboratory must not stand still because a
counter is away. That is logged once and counted.
"""

import time
from typing import Final

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter

from app.domain.errors import TooMany
from app.observability import WebMetrics
from app.security.permissions import Principal
from app.settings import Settings

log = structlog.get_logger()

BROKER_SECONDS: Final = 0.25
"""Longer than this no request waits for the counter."""
PAUSE_SECONDS: Final = 5.0
"""How long a silent broker is left alone."""


class KeyLimiter:
    """Counts the requests of each key; people at browsers are not counted."""

    def __init__(self, settings: Settings, metrics: WebMetrics) -> None:
        self._limit: RateLimitItem = RateLimitItemPerMinute(settings.key_requests_per_minute)
        self._metrics = metrics
        self._windows = None if settings.broker_url is None else _windows(settings.broker_url)
        self._silent_until = 0.0

    def count(self, principal: Principal) -> None:
        """Count one request.

        Raises
        ------
        TooMany
            ``too_many_requests``: the key made its requests of this minute.
        """
        if self._windows is None or not principal.id.startswith("key:"):
            return
        if time.monotonic() < self._silent_until:
            self._metrics.uncounted.inc()
            return
        try:
            is_allowed = self._windows.hit(self._limit, principal.id)
        except StorageError as error:
            self._note_silence(error)
            return
        if not is_allowed:
            raise self._refusal(self._windows, principal)

    def _note_silence(self, error: Exception) -> None:
        self._metrics.uncounted.inc()
        self._silent_until = time.monotonic() + PAUSE_SECONDS
        log.warning("limits.broker_silent", cause=str(error.__cause__ or error))

    def _refusal(self, windows: MovingWindowRateLimiter, principal: Principal) -> TooMany:
        wait = windows.get_window_stats(self._limit, principal.id).reset_time - time.time()
        seconds = min(max(1, int(wait) + 1), 60)
        return TooMany(
            "too_many_requests",
            f"This key asks more than {self._limit.amount} times a minute; wait {seconds} seconds, "
            "then go on more slowly.",
            retry_after_seconds=seconds,
        )


def _windows(broker_url: str) -> MovingWindowRateLimiter:
    """The broker's address is Celery's; the library writes unix sockets in another way."""
    storage = RedisStorage(
        broker_url.replace("redis+socket://", "redis+unix://"),
        key_prefix="pliant-limits",
        wrap_exceptions=True,
        socket_timeout=BROKER_SECONDS,
        socket_connect_timeout=BROKER_SECONDS,
    )
    return MovingWindowRateLimiter(storage)
