"""Lists in pages: newest first, continued after the last row shown, whatever was added since."""

import base64
import binascii
import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.domain.errors import InvalidInput

T = TypeVar("T")
Position = tuple[dt.datetime, uuid.UUID]


@dataclass(frozen=True)
class Listing(Generic[T]):
    """One page of a list; `next_cursor` is None on the last."""

    items: tuple[T, ...]
    next_cursor: str | None


def cut(rows: Sequence[T], limit: int, position: Callable[[T], Position]) -> Listing[T]:
    """A page of the `limit + 1` rows asked for; the extra one tells that there are more."""
    page = tuple(rows[:limit])
    return Listing(page, encode(position(page[-1])) if len(rows) > limit else None)


def encode(position: Position) -> str:
    at, row_id = position
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{row_id}".encode()).decode().rstrip("=")


def decode(cursor: str | None) -> Position | None:
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        at, _, row_id = base64.urlsafe_b64decode(padded).decode().partition("|")
        return dt.datetime.fromisoformat(at).astimezone(dt.UTC), uuid.UUID(row_id)
    except (ValueError, OverflowError, binascii.Error) as error:
        raise unknown_cursor() from error


def unknown_cursor() -> InvalidInput:
    return InvalidInput("cursor_unknown", "The cursor is not one of ours; begin again without it.")
