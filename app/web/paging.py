"""Pages of lists on the wire."""

import base64
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel

from app.services.paging import unknown_cursor

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    items: list[T]
    next_cursor: str | None


CursorParam = Annotated[str | None, Query(max_length=200, description="`next_cursor` of a page.")]
LimitParam = Annotated[int, Query(ge=1, le=200, description="Most items on a page.")]
ShortLimitParam = Annotated[int, Query(ge=1, le=200, description="Most items on a page.")]


class Window:
    """A page of a list that is short enough to be read whole: what comes after the row named."""

    def __init__(self, cursor: CursorParam = None, limit: ShortLimitParam = 200) -> None:
        self._cursor = cursor
        self._limit = limit

    def of(self, rows: Sequence[T], key: Callable[[T], object]) -> Page[T]:
        """The page; `key` tells one row from all others.

        Raises
        ------
        InvalidInput
            ``cursor_unknown``
        """
        names = [_name(key(row)) for row in rows]
        if self._cursor is not None and self._cursor not in names:
            raise unknown_cursor()
        begin = 0 if self._cursor is None else names.index(self._cursor) + 1
        end = begin + self._limit
        next_cursor = names[end - 1] if end < len(rows) else None
        return Page(items=list(rows[begin:end]), next_cursor=next_cursor)


WindowDep = Annotated[Window, Depends()]


def _name(key: object) -> str:
    return base64.urlsafe_b64encode(str(key).encode()).decode().rstrip("=")
