"""Conditional requests (RFC 9110, section 13): an answer's tag, and changes only of what was read.

A tag is the digest of the answer's body, so it changes exactly when what a client reads changes.
"""

import hashlib
from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import Depends, Header
from pydantic import TypeAdapter
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.errors import PreconditionFailed

IfMatchHeader = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=1000,
        description="The `ETag` that was read; the change is refused if it is another by now.",
    ),
]
TAGGED: Final = "/api/v1/"
TAGGED_TYPES: Final = frozenset({"application/json", "application/fhir+json"})
ANY: Final = "*"


class TagAnswers:
    """Every JSON 200 of a GET or PATCH under /api/v1 gets an `ETag`; who read it before gets 304.

    A PATCH answers what GET would from then on.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(TAGGED):
            if scope["method"] == "GET":
                send = _Tagged(send, Headers(scope=scope).get("if-none-match")).send
            elif scope["method"] == "PATCH":
                send = _Tagged(send, None).send
        await self._app(scope, receive, send)


class _Tagged:
    """One answer: its head waits for its body, since the tag is the body's digest."""

    def __init__(self, send: Send, known: str | None) -> None:
        self._send = send
        self._known = known
        self._head: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_tagged(message):
            self._head = message
            return
        if self._head is not None:
            head, self._head = self._head, None
            message = await self._send_head(head, message)
        await self._send(message)

    async def _send_head(self, head: Message, message: Message) -> Message:
        """Send the head; the body message that belongs to it."""
        if message.get("more_body", False):  # a stream has no digest before its end
            await self._send(head)
            return message
        tag = tag_of(message.get("body", b""))
        headers = MutableHeaders(raw=head["headers"])
        headers["ETag"] = tag
        if self._known is None or not names(self._known, tag):
            await self._send(head)
            return message
        head["status"] = 304
        del headers["content-length"], headers["content-type"]
        await self._send(head)
        return {**message, "body": b""}


class Edit:
    """A change where two people may edit: it holds only for what its sender has read."""

    def __init__(self, if_match: str | None) -> None:
        self._if_match = if_match

    def check(self, *, hold: Callable[[], object], read: Callable[[], object], kind: type) -> None:
        """Refuse unless what is there is what was read; without `If-Match`, do nothing.

        `hold` locks the row until the transaction is over, so that nobody changes it between this
        check and the change; `read` then gives what GET answers, of type `kind`.

        Raises
        ------
        PreconditionFailed
            ``precondition_failed``
        """
        if self._if_match is None:
            return
        hold()
        if not names(self._if_match, tag_of_answer(kind, read())):
            raise PreconditionFailed(
                "precondition_failed",
                "Somebody changed this since you read it; read it again, then decide anew.",
            )


def get_edit(if_match: IfMatchHeader = None) -> Edit:
    return Edit(if_match)


EditDep = Annotated[Edit, Depends(get_edit)]


def tag_of(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def tag_of_answer(kind: type, answer: object) -> str:
    """The tag that GET gives this answer."""
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    checked = adapter.validate_python(answer, from_attributes=True)
    return tag_of(adapter.dump_json(checked, by_alias=True))


def names(header: str, tag: str) -> bool:
    """Whether a list of tags holds this one; the weak mark that proxies add is looked past."""
    named = {part.strip().removeprefix("W/") for part in header.split(",")}
    return ANY in named or tag in named


def _is_tagged(head: Message) -> bool:
    headers = Headers(raw=head["headers"])
    kind = headers.get("content-type", "").partition(";")[0]
    return head["status"] == 200 and kind in TAGGED_TYPES and "etag" not in headers
