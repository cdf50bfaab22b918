"""Who may be called: a name is resolved once, every address is judged, the judged one is dialled.

The connection goes to the address that was judged, whatever the name would resolve to a moment
later; TLS and the Host header keep the original name.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore2
import httpx2

from app.domain.network_addresses import (
    Address,
    AllowedPlace,
    is_listed,
    unwrapped,
    why_not,
)

Resolve = Callable[[str, int], Sequence[str]]
Place = tuple[str, int]

USUAL_PORTS: Final = {"http": 80, "https": 443}


class Forbidden(Exception):  # noqa: N818  reads as a sentence
    """The address may not be called; the text says why."""


def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a name, by the system's resolver, each once."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except UnicodeError as error:
        raise OSError(f"{host} is no name of a computer") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Guard:
    """Judges where a call may go.

    Parameters
    ----------
    allowed
        Places of the site that may be called.
    own_services
        Host and port of the program's own servers; never called, even if listed.
    resolve
        From a name to its addresses.
    """

    allowed: tuple[AllowedPlace, ...] = ()
    own_services: tuple[Place, ...] = ()
    resolve: Resolve = resolve

    def addresses(self, host: str, port: int) -> list[Address]:
        """The addresses of a name, all of which may be called.

        Raises
        ------
        Forbidden
            One of them may not: a name that has such an address is not trusted at all.
        OSError
            The name has no address.
        """
        found = [ipaddress.ip_address(text) for text in self.resolve(host, port)]
        for address in found:
            reason = why_not(address, port, self.allowed) or self._why_ours(address, port)
            if reason is not None:
                raise Forbidden(reason)
        if not found:
            raise OSError(f"{host} has no address")
        return found

    def check_url(self, url: str) -> None:
        """Judge an address as it is entered, as far as it resolves now; each call judges anew.

        Raises
        ------
        Forbidden
            Not an address that is called from here, and why.
        """
        host, port, is_encrypted = split_url(url)
        try:
            addresses = self.addresses(host, port)
        except OSError:
            return
        if not is_encrypted:
            self.check_plain(addresses, port)

    def check_plain(self, addresses: Iterable[Address], port: int) -> None:
        if not all(is_listed(address, port, self.allowed) for address in addresses):
            raise Forbidden("http:// is for listed addresses of the site; use https:// here")

    def _why_ours(self, address: Address, port: int) -> str | None:
        ports = {own_port for _, own_port in self.own_services}
        if port not in ports:
            return None
        hosts = [host for host, own_port in self.own_services if own_port == port]
        if is_of_this_machine(address) or any(self._is_at(address, host, port) for host in hosts):
            return f"port {port} of {address} belongs to Pliant itself"
        return None

    def _is_at(self, address: Address, host: str, port: int) -> bool:
        try:
            found = self.resolve(host, port)
        except OSError:
            return False
        return unwrapped(address) in {unwrapped(ipaddress.ip_address(text)) for text in found}


def split_url(url: str) -> tuple[str, int, bool]:
    """Host, port and whether the call is encrypted.

    Raises
    ------
    Forbidden
        Not an http or https address with a host and nothing that hides where it leads.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Forbidden("this is not an address; write https://host/path") from error
    if parts.scheme not in USUAL_PORTS or not parts.hostname:
        raise Forbidden("only https:// (and http:// of listed addresses) is called")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Forbidden("an address carries no name, password or fragment")
    if not url.isascii() or not url.isprintable() or any(sign in url for sign in " \\"):
        raise Forbidden("an address has no blanks, backslashes or other signs than ASCII")
    return parts.hostname, port or USUAL_PORTS[parts.scheme], parts.scheme == "https"


def is_of_this_machine(address: Address) -> bool:
    """Whether one of this machine's interfaces has the address: only then can it be bound."""
    inner = unwrapped(address)
    if inner.is_loopback:
        return True
    family = socket.AF_INET if inner.version == 4 else socket.AF_INET6
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
        try:
            probe.bind((str(inner), 0))
        except OSError:
            return False
    return True


class _TimedStream(httpcore2.NetworkStream):
    """A stream that gives up at one moment, however slowly the other side drips."""

    def __init__(self, stream: httpcore2.NetworkStream, until: float) -> None:
        self._stream = stream
        self._until = until

    def _left(self, *, reading: bool) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            kind = httpcore2.ReadTimeout if reading else httpcore2.WriteTimeout
            raise kind("the whole call took too long")
        return left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  ours holds
        return self._stream.read(max_bytes, self._left(reading=True))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  see read
        self._stream.write(buffer, self._left(reading=False))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002  see read
    ) -> httpcore2.NetworkStream:
        left = self._left(reading=True)
        secured = self._stream.start_tls(ssl_context, server_hostname, left)
        return _TimedStream(secured, self._until)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401  as the library has it
        return self._stream.get_extra_info(info)


class _GuardedBackend(httpcore2.SyncBackend):
    """Dials judged addresses only; there is no second look at the name in between."""

    def __init__(self, guard: Guard, *, is_encrypted: bool, seconds: float) -> None:
        super().__init__()
        self._guard = guard
        self._is_encrypted = is_encrypted
        self._until = time.monotonic() + seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        addresses = self._judged(host, port)
        failure: Exception = httpcore2.ConnectError("no address")
        for address in addresses:
            left = min(timeout or 0, self._until - time.monotonic())
            if left <= 0:
                raise httpcore2.ConnectTimeout("the whole call took too long")
            try:
                stream = super().connect_tcp(
                    str(address), port, left, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
                continue
            return _TimedStream(stream, self._until)
        raise failure

    def _judged(self, host: str, port: int) -> list[Address]:
        try:
            addresses = self._guard.addresses(host, port)
        except OSError as error:
            raise httpcore2.ConnectError(str(error)) from error
        if not self._is_encrypted:
            self._guard.check_plain(addresses, port)
        return addresses


class GuardedTransport(httpx2.HTTPTransport):
    """One call's transport: judged addresses, one deadline for all of it, no reuse, no proxy."""

    def __init__(
        self, guard: Guard, context: ssl.SSLContext, *, is_encrypted: bool, seconds: float
    ) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=context,
            max_connections=1,
            max_keepalive_connections=0,
            network_backend=_GuardedBackend(guard, is_encrypted=is_encrypted, seconds=seconds),
        )
