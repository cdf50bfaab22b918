"""JSON answers of the busiest routes, written in the thread that read the rows.

The framework would first hold what we made against its own model, in one more thread, and then
write it where no other request can be heard meanwhile. For the same reason these routes open their
transaction themselves: a `SessionDep` costs two changes of thread.
"""

from typing import TypeVar

from pydantic import TypeAdapter
from starlette.responses import Response

T = TypeVar("T")


def json_answer(adapter: TypeAdapter[T], content: T) -> Response:
    """What the framework would send for content that is of the adapter's type already."""
    return Response(adapter.dump_json(content, by_alias=True), media_type="application/json")
