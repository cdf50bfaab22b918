"""Conditional requests (RFC 9110, section 13): an answer's tag, and changes only of what was read.

A tag ends in the digest of the answer's body, so it changes exactly when what a client reads
changes. Where only some of an answer can be edited, the digest of that part stands before it, and
alone decides whether a change is of what was read: an image that arrives, or a message that is
delivered, spoils nobody's correction.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final

from fastapi import Depends, Header, Response
from pydantic import TypeAdapter
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.errors import PreconditionFailed

IfMatchHeader = Annotated[
    str | None,
    Header(
        alias="If-Match",
        max_length=8000,
        description="The `ETag` that was read; the change is refused if what can be changed is "
        "other than what was read.",
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
        headers = MutableHeaders(raw=head["headers"])
        tag = tag_of(message.get("body", b""), part=headers.get("etag", ""))
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

    def check(
        self,
        *,
        hold: Callable[[], object],
        read: Callable[[], object],
        kind: type,
        is_part: bool = False,
    ) -> None:
        """Refuse unless what is there is what was read; without `If-Match`, do nothing.

        `hold` locks the row until the transaction is over, so that nobody changes it between this
        check and the change; `read` then gives what GET answers, of type `kind`. Where `is_part`,
        `kind` is the part of it that can be edited, which GET has named by `mark_part`.

        Raises
        ------
        PreconditionFailed
            ``precondition_failed``
        """
        if self._if_match is None:
            return
        hold()
        found = part_of_answer(kind, read()) if is_part else tag_of_answer(kind, read())
        if not (names_part if is_part else names)(self._if_match, found):
            raise changed_meanwhile()

    def check_all(
        self, *, hold: Callable[[], object], read: Callable[[], Sequence[object]], kind: type
    ) -> None:
        """The same for many at once: `If-Match` lists the tag of each.

        Raises
        ------
        PreconditionFailed
            ``precondition_failed``
        """
        if self._if_match is None:
            return
        hold()
        if not all(names(self._if_match, tag_of_answer(kind, one)) for one in read()):
            raise changed_meanwhile()


def changed_meanwhile() -> PreconditionFailed:
    return PreconditionFailed(
        "precondition_failed",
        "Somebody changed this since you read it; read it again, then decide anew.",
    )


def mark_part(response: Response, kind: type, answer: object) -> None:
    """Put the part of an answer that can be edited, of type `kind`, into its tag."""
    response.headers["ETag"] = part_of_answer(kind, answer)


async def get_edit(if_match: IfMatchHeader = None) -> Edit:
    return Edit(if_match)


EditDep = Annotated[Edit, Depends(get_edit)]


def tag_of(body: bytes, *, part: str = "") -> str:
    digest = hashlib.sha256(body).hexdigest()[:32]
    return f'"{part}.{digest}"' if part else f'"{digest}"'


def tag_of_answer(kind: type, answer: object) -> str:
    """The tag that GET gives this answer."""
    return tag_of(_as_json(kind, answer))


def part_of_answer(kind: type, answer: object) -> str:
    """What stands in an answer's tag for the part of it that can be edited."""
    return hashlib.sha256(_as_json(kind, answer)).hexdigest()[:16]


def _as_json(kind: type, answer: object) -> bytes:
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    return adapter.dump_json(adapter.validate_python(answer, from_attributes=True), by_alias=True)


def names(header: str, tag: str) -> bool:
    """Whether a list of tags holds this one; the weak mark that proxies add is looked past."""
    named = _tags(header)
    return ANY in named or tag in named


def names_part(header: str, part: str) -> bool:
    """Whether a list of tags holds one of an answer whose editable part was this one."""
    named = _tags(header)
    return ANY in named or part in {tag.strip('"').partition(".")[0] for tag in named}


def _tags(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


def _is_tagged(head: Message) -> bool:
    headers = Headers(raw=head["headers"])
    kind = headers.get("content-type", "").partition(";")[0]
    return head["status"] == 200 and kind in TAGGED_TYPES
