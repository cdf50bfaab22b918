"""Which addresses may be called: every case of the table, by number and by name."""

import ipaddress
import socket

import pytest

from app.domain.network_addresses import parse_allowed, reach_of, why_not
from app.outbound.addresses import Forbidden, Guard, split_url

LISTED = parse_allowed(
    "10.1.0.0/16:443, 192.168.7.20:8080, 127.0.0.1:8090, [::1]:8090, [fd12::/16]:443"
)
NEVER = [
    "0.0.0.0", "0.1.2.3", "169.254.1.1", "169.254.169.254", "100.100.100.200", "168.63.129.16",
    "192.0.0.8", "192.0.2.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255", "::", "fe80::1", "fe80::a9fe:a9fe", "fec0::1", "ff02::1",
    "fd00:ec2::254", "2001:db8::1", "100::1",
    # the same places, wrapped
    "::ffff:169.254.169.254", "::ffff:0.0.0.0", "::169.254.169.254", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::1",
    # translated by rules that only the site's router knows
    "::ffff:0:7f00:1", "64:ff9b:1:7f00:0:100:808:808", "64:ff9b:1:0:7f:0:100:0",
]  # fmt: skip
PRIVATE = [
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1",
    "198.18.0.1", "fc00::1", "fdff::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::1",
    "127.0.0.1", "127.255.255.255", "127.0.1.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1",
    "2002:7f00:1::1", "::7f00:1",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "172.32.0.1"]


@pytest.mark.parametrize("text", NEVER)
def test_no_list_opens_an_address_that_is_never_called(text: str) -> None:
    address = ipaddress.ip_address(text)
    assert reach_of(address) == "never"
    assert why_not(address, 443, LISTED) is not None


@pytest.mark.parametrize("text", PRIVATE)
def test_a_private_address_that_is_not_listed_is_not_called(text: str) -> None:
    assert why_not(ipaddress.ip_address(text), 443, ()) is not None
    assert why_not(ipaddress.ip_address(text), 80, LISTED) is not None


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_is_called(text: str) -> None:
    assert why_not(ipaddress.ip_address(text), 443, ()) is None


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("10.1.2.3", 443), ("::ffff:10.1.2.3", 443), ("192.168.7.20", 8080), ("127.0.0.1", 8090),
        ("::1", 8090), ("fd12::9", 443),
    ],
)  # fmt: skip
def test_a_listed_place_is_called_at_its_port(text: str, port: int) -> None:
    address = ipaddress.ip_address(text)
    assert why_not(address, port, LISTED) is None
    assert why_not(address, port + 1, LISTED) is not None


@pytest.mark.parametrize(
    "text",
    [
        "10.1.0.0/16", "10.1.0.0:0", "10.1.0.0:70000", "lims:443", "10.1.2.3/16:443",
        "127.0.0.0/8:8090", "[::1/127]:80", "169.254.169.254:80", "0.0.0.0/0:443", "[fe80::1]:80",
    ],
)  # fmt: skip
def test_a_list_that_opens_too_much_or_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_allowed(text)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://lims.example/", "file:///etc/passwd", "gopher://lims.example/", "//lims.example/",
        "https://", "https://user:secret@lims.example/", "https://lims.example/#part",
        "https://lims.example:99999/", "https://lims.example\\@10.0.0.1/", "https://li ms.example/",
        "https://lims.ex\u00e4mple/", "https://lims.example/\n", "javascript:alert(1)", "",
    ],
)  # fmt: skip
def test_an_address_that_hides_where_it_leads_is_refused(url: str) -> None:
    with pytest.raises(Forbidden):
        split_url(url)


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "127.1", "017700000001", "localhost", "0"]
)
def test_other_spellings_of_this_machine_are_judged_by_what_they_resolve_to(host: str) -> None:
    with pytest.raises(Forbidden):
        Guard().addresses(host, 443)


def as_written(host: str, _port: int) -> list[str]:
    return ["10.1.0.9"] if host == "database.internal" else [host]


def test_a_name_with_one_forbidden_address_among_good_ones_is_not_called() -> None:
    guard = Guard(resolve=lambda *_: ["93.184.216.34", "169.254.169.254"])
    with pytest.raises(Forbidden):
        guard.addresses("lims.example", 443)


def test_the_program_never_calls_its_own_servers_even_where_they_are_listed() -> None:
    listed = parse_allowed("127.0.0.1:5432, 10.1.0.9:5432, 10.1.0.8:5432")
    guard = Guard(
        allowed=listed,
        own_services=(("database.internal", 5432),),
        resolve=as_written,
    )
    for ours in ("127.0.0.1", "10.1.0.9"):
        with pytest.raises(Forbidden, match="Pliant itself"):
            guard.addresses(ours, 5432)
    assert len(guard.addresses("10.1.0.8", 5432)) == 1


def test_plain_http_is_for_listed_addresses_alone() -> None:
    guard = Guard(allowed=LISTED, resolve=as_written)
    guard.check_url("http://192.168.7.20:8080/in")
    guard.check_url("https://1.1.1.1/in")
    with pytest.raises(Forbidden, match="https"):
        guard.check_url("http://1.1.1.1/in")


def test_a_name_that_does_not_resolve_yet_may_be_entered() -> None:
    def nowhere(host: str, port: int) -> list[str]:
        raise socket.gaierror(f"{host}:{port}")

    Guard(resolve=nowhere).check_url("https://lims.example/in")
