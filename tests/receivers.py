"""A receiver of messages on a real socket, as good or bad as a test wants it."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: str
    at: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def message(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.body)
        return content


@dataclass(frozen=True)
class Reply:
    """What the receiver does with a request; `hang_seconds` comes first."""

    status: int = 204
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    hang_seconds: float = 0.0
    says_longer: int = 0
    """Bytes that the answer promises and does not bring."""
    breaks_off: bool = False
    """Whether the connection ends without an answer, after the message was read."""


Behaviour = Callable[[Received], Reply]


def accept(_: Received) -> Reply:
    return Reply()


@dataclass
class Receiver:
    """What arrived, in order, and how the next request is treated."""

    url: str
    port: int
    behave: Behaviour = accept
    received: list[Received] = field(default_factory=list)
    accepted: list[Received] = field(default_factory=list)
    """Those that were answered 2xx in whole."""
    got: list[str] = field(default_factory=list)
    """Paths that were asked for by GET."""
    stored: dict[str, tuple[int, str]] = field(default_factory=dict)
    """What a GET of a path answers."""
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def running_receiver(
    behave: Behaviour = accept,
    *,
    into: Receiver | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Receiver]:
    """Run a receiver; `into` is one whose port nobody has listened on yet."""
    server = _Server(("127.0.0.1", 0 if into is None else into.port), _Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    port = int(server.server_address[1])
    server.receiver = into or Receiver(f"http://127.0.0.1:{port}/in", port, behave)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield int(listening.getsockname()[1])


def closed_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class _Server(ThreadingHTTPServer):
    receiver: Receiver
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A sender that gave up is no news here."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", "0"))
        body = self.rfile.read(length)
        if len(body) < length:
            return  # the sender died between head and body: nothing was received
        request = Received(
            self.path,
            {name.lower(): value for name, value in self.headers.items()},
            body.decode(),
            time.time(),
        )
        receiver = self.server.receiver
        with receiver.lock:
            receiver.received.append(request)
            reply = receiver.behave(request)
            is_fine = 200 <= reply.status < 300 and not reply.breaks_off
            if is_fine and not reply.hang_seconds:
                receiver.accepted.append(request)
        time.sleep(reply.hang_seconds)
        if reply.breaks_off:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._answer(reply.status, reply.body, reply.headers, longer=reply.says_longer)

    def do_GET(self) -> None:
        receiver = self.server.receiver
        with receiver.lock:
            receiver.got.append(self.path)
            status, body = receiver.stored.get(self.path, (404, ""))
        self._answer(status, body, {"content-type": "application/fhir+json"})

    def _answer(self, status: int, body: str, headers: dict[str, str], *, longer: int = 0) -> None:
        data = body.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data) + longer))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Quiet."""
