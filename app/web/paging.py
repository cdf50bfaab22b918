"""Pages of lists on the wire."""

import base64
import sys
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


class Window:
    """A page of a list that is short enough to be read whole: what comes after the row named."""

    def __init__(self, cursor: CursorParam = None, limit: LimitParam = 200) -> None:
        self._cursor = cursor
        self._limit = limit

    def of(self, rows: Sequence[T], key: Callable[[T], object]) -> Page[T]:
        """The page; `key` tells one row from all others.

        Raises
        ------
        InvalidInput
            ``cursor_unknown``
        """
        if self._cursor is None and len(rows) <= self._limit:
            return Page(items=list(rows), next_cursor=None)
        names = [_name(key(row)) for row in rows]
        if self._cursor is not None and self._cursor not in names:
            raise unknown_cursor()
        begin = 0 if self._cursor is None else names.index(self._cursor) + 1
        end = begin + self._limit
        next_cursor = names[end - 1] if end < len(rows) else None
        return Page(items=list(rows[begin:end]), next_cursor=next_cursor)


class WholeWindow(Window):
    """The same of a list that is wanted whole, unless a limit says otherwise."""

    def __init__(
        self,
        cursor: CursorParam = None,
        limit: Annotated[
            int | None, Query(ge=1, le=200, description="Most items on a page; absent: all.")
        ] = None,
    ) -> None:
        super().__init__(cursor, sys.maxsize if limit is None else limit)


WindowDep = Annotated[Window, Depends()]
WholeWindowDep = Annotated[WholeWindow, Depends()]


def _name(key: object) -> str:
    return base64.urlsafe_b64encode(str(key).encode()).decode().rstrip("=")
