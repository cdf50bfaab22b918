"""A door before the server that passes everything on and counts what reaches it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

CHUNK_BYTES: Final = 256 * 1024


class Relay:
    """Bytes that the server took, headers included; what it never read is not counted."""

    def __init__(self, server: str) -> None:
        parts = urlsplit(server)
        self._server = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._door = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.n_bytes = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._door.getsockname()[1]}"

    def serve(self) -> None:
        with suppress(OSError):  # the door was closed
            while True:
                caller, _ = self._door.accept()
                threading.Thread(target=self._join, args=(caller,), daemon=True).start()

    def close(self) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def _join(self, caller: socket.socket) -> None:
        """Connect both ways; where one side goes, the other is let go as well."""
        try:
            server = socket.create_connection(self._server)
        except OSError:
            caller.close()
            return
        back = threading.Thread(target=_pass_on, args=(server, caller), daemon=True)
        back.start()
        with suppress(OSError):
            while data := caller.recv(CHUNK_BYTES):
                server.sendall(data)
                with self._lock:
                    self.n_bytes += len(data)
        _let_go(server, caller)
        back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK_BYTES):
            target.sendall(data)
    _let_go(source, target)


def _let_go(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def relaying(server: str) -> Iterator[Relay]:
    relay = Relay(server)
    thread = threading.Thread(target=relay.serve, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        relay.close()
        thread.join()
