"""Pages of lists on the wire."""

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    items: list[T]
    next_cursor: str | None


CursorParam = Annotated[str | None, Query(max_length=200, description="`next_cursor` of a page.")]
LimitParam = Annotated[int, Query(ge=1, le=200, description="Most items on a page.")]
