"""Which form of an answer a client wants: RFC 9110, section 12.5.1."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Header

from app.web.errors import NotAcceptable

AcceptParam = Annotated[str, Header(description="The form of the answer; JSON if absent.")]
ANYTHING: Final = "*/*"


def choose(accept: str, offered: Sequence[str]) -> str:
    """The offered media type with the highest quality; the first of equals.

    Raises
    ------
    NotAcceptable
        ``not_acceptable``: none of them will do.
    """
    qualities = dict(_preference(part) for part in accept.split(","))
    best = max(offered, key=lambda media_type: _quality(media_type, qualities))
    if _quality(best, qualities) <= 0:
        raise NotAcceptable(
            "not_acceptable",
            f"This answer comes as {' or '.join(offered)}; ask for one of these in Accept.",
        )
    return best


def _preference(part: str) -> tuple[str, float]:
    media_type, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
    try:
        return media_type, float(quality)
    except ValueError:
        return media_type, 0.0


def _quality(media_type: str, qualities: dict[str, float]) -> float:
    """Of the most specific pattern that fits."""
    for pattern in (media_type, f"{media_type.split('/', maxsplit=1)[0]}/*", ANYTHING):
        if pattern in qualities:
            return qualities[pattern]
    return 0.0
