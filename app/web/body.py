"""The raw body of an upload: capped, hashed while it streams, one buffer, no connection held."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from app.domain.errors import InvalidInput, TooLarge, Unavailable
from app.domain.imaging.scan_image import HEADER_BYTES
from app.web.errors import LengthRequired, RequestTimeout

LONGEST_GAP_SECONDS: Final = 30
MOST_BUFFERED_BYTES: Final = 256_000_000
"""Over all requests and web processes; further uploads wait for space."""
PATIENCE_SECONDS: Final = 20.0

CheckFirstBytes = Callable[[bytes, int], None]


@dataclass(frozen=True)
class Body:
    data: bytearray
    sha256: str


class BufferSpace:
    """Memory that bodies under way may take; counted on the event loop alone, so without a lock.

    Who finds none waits before reading: the sender is held back by its full connection.
    """

    def __init__(self, n_bytes: int) -> None:
        self._free_bytes = n_bytes

    async def take(self, n_bytes: int, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        deadline = time.monotonic() + patience_seconds
        while n_bytes > self._free_bytes:
            if time.monotonic() > deadline:
                raise Unavailable(
                    "busy", "Many images are arriving at once; send this one again soon."
                )
            await asyncio.sleep(0.05)
        self._free_bytes -= n_bytes

    def give_back(self, n_bytes: int) -> None:
        self._free_bytes += n_bytes


def declared_bytes(request: Request, *, most_bytes: int) -> int:
    """The declared length, before a byte is read; a body without one could be endless."""
    declared = request.headers.get("content-length", "")
    if not declared.isdecimal() or "transfer-encoding" in request.headers:
        raise LengthRequired(
            "length_required", "Send the file with a Content-Length, not in chunks."
        )
    if len(declared) > 18 or int(declared) > most_bytes:
        raise TooLarge(
            "body_too_large", f"The file is larger than the {most_bytes} bytes allowed here."
        )
    return int(declared)


async def read_body(request: Request, *, n_bytes: int, check_first_bytes: CheckFirstBytes) -> Body:
    """Read exactly the declared bytes; the header is judged as soon as it is there.

    Raises
    ------
    InvalidInput
        ``body_cut`` if fewer or more bytes come, and whatever `check_first_bytes` refuses.
    """
    data, filled, is_checked = bytearray(n_bytes), 0, False
    digest = hashlib.sha256()
    stream = aiter(request.stream())
    while chunk := await _next_chunk(stream):
        end = filled + len(chunk)
        if end > n_bytes:
            raise _cut()
        data[filled:end] = chunk
        digest.update(chunk)
        filled = end
        if not is_checked and filled >= min(HEADER_BYTES, n_bytes):
            check_first_bytes(bytes(data[:HEADER_BYTES]), n_bytes)
            is_checked = True
    if filled != n_bytes:
        raise _cut()
    if not is_checked:
        check_first_bytes(bytes(data), n_bytes)
    return Body(data, digest.hexdigest())


async def _next_chunk(stream: AsyncIterator[bytes]) -> bytes:
    """The next bytes; empty at the end."""
    try:
        async with asyncio.timeout(LONGEST_GAP_SECONDS):
            async for chunk in stream:
                if chunk:
                    return chunk
    except ClientDisconnect as error:
        raise _cut() from error
    except TimeoutError as error:
        raise RequestTimeout("body_too_slow", "Nothing came for a while; send it again.") from error
    return b""


def _cut() -> InvalidInput:
    return InvalidInput(
        "body_cut", "The file did not arrive in its declared length; send it again."
    )
