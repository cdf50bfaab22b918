"""The cookie that carries a browser's session, and how long a session lives."""

import datetime as dt
from typing import Final

IDLE: Final = dt.timedelta(minutes=30)
LONGEST: Final = dt.timedelta(hours=12)
SEEN_EVERY: Final = dt.timedelta(minutes=1)
"""How stale `last_seen_at` may grow, so that not every page view writes a row."""


def cookie_name(*, is_https: bool) -> str:
    """Browsers take `__Host-` cookies over https only; on a loopback a plain name must do."""
    return "__Host-pliant" if is_https else "pliant"
