"""Which network addresses the program may call on its users' behalf."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

HIGHEST_PORT: Final = 65535


class Reach(StrEnum):
    """What kind of place an address is, as far as calling it goes."""

    PUBLIC = "public"
    SITE = "site"
    """A private range: called only where the list names its network and port."""
    LOOPBACK = "loopback"
    """This machine: called only where the list names this one address and port."""
    NEVER = "never"


@dataclass(frozen=True)
class AllowedPlace:
    """One entry of the list: a network and the one port that may be called in it."""

    network: Network
    port: int

    def holds(self, address: Address, port: int) -> bool:
        return port == self.port and address in self.network

    @property
    def is_one_address(self) -> bool:
        return self.network.num_addresses == 1


_NEVER: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the metadata service of most clouds
        "100.100.100.200/32",  # metadata of one cloud, inside the carriers' range
        "168.63.129.16/32",  # the same of another, in a public range
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/8",  # what translates or wraps in a form that is not unwrapped below
        "100::/64",
        "2001:db8::/32",
        "3fff::/20",
        "5f00::/16",
        "fd00:ec2::/32",  # metadata over IPv6
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
_SITE: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "fc00::/7",
    )
)
_TRANSLATED: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/96"))
"""NAT64: the last 32 bits are the IPv4 address that is called in truth. Elsewhere in a site's own
64:ff9b:1::/48 they need not be (RFC 6052, 2.2), so what is called there cannot be known."""


def parse_allowed(text: str) -> tuple[AllowedPlace, ...]:
    """Read the list, `10.1.0.0/16:443, 192.168.7.20:8080, [fd00::7]:443`.

    Raises
    ------
    ValueError
        An entry that is no network with a port, or that may never be called.
    """
    return tuple(_parse_place(entry.strip()) for entry in text.split(",") if entry.strip())


def _parse_place(entry: str) -> AllowedPlace:
    host, _, port = entry.rpartition(":")
    if not port.isdecimal() or not 1 <= int(port) <= HIGHEST_PORT:
        raise ValueError(f"{entry!r}: write a network and a port, such as 10.1.0.0/16:443")
    place = AllowedPlace(ipaddress.ip_network(host.replace("[", "").replace("]", "")), int(port))
    reach = reach_of(place.network.network_address)
    if reach is Reach.NEVER:
        raise ValueError(f"{entry!r}: no list can allow this address")
    if reach is Reach.LOOPBACK and not place.is_one_address:
        raise ValueError(f"{entry!r}: of this machine, only single addresses can be listed")
    return place


def reach_of(address: Address) -> Reach:
    """What kind of place an address is; of an address that wraps another one, the inner's.

    Examples
    --------
    >>> reach_of(ipaddress.ip_address("::ffff:127.0.0.1"))
    <Reach.LOOPBACK: 'loopback'>
    """
    address = unwrapped(address)
    if address.is_loopback:
        return Reach.LOOPBACK
    if any(address in network for network in _NEVER):
        return Reach.NEVER
    if any(address in network for network in _SITE):
        return Reach.SITE
    return Reach.PUBLIC if address.is_global and not address.is_multicast else Reach.NEVER


def unwrapped(address: Address) -> Address:
    """The IPv4 address inside a mapped, compatible, 6to4, Teredo or NAT64 one; else itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    is_compatible = int(address) >> 32 == 0 and int(address) > 1
    if is_compatible or any(address in network for network in _TRANSLATED):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def why_not(address: Address, port: int, allowed: Iterable[AllowedPlace]) -> str | None:
    """Why this address may not be called at this port; None where it may."""
    reach, inner = reach_of(address), unwrapped(address)
    places = [place for place in allowed if place.holds(inner, port)]
    if reach is Reach.PUBLIC or (reach is Reach.SITE and places):
        return None
    if reach is Reach.LOOPBACK and any(place.is_one_address for place in places):
        return None
    if reach is Reach.NEVER:
        return f"{address} is an address that is never called"
    return f"{address} is a private address, and port {port} of it is not on the list"


def is_listed(address: Address, port: int, allowed: Iterable[AllowedPlace]) -> bool:
    """Whether the list names the place: then it may also be called without encryption."""
    return any(place.holds(unwrapped(address), port) for place in allowed)
