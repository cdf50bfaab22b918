"""Where messages go: to the address that was judged, by its name's certificate, nowhere else."""

import datetime as dt
import ssl
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.domain.delivery_rules import Answer
from app.domain.network_addresses import parse_allowed
from app.outbound.addresses import Forbidden, Guard
from app.outbound.webhooks import Caller, tls_context
from tests.integration.delivery_office import Office, receiving
from tests.receivers import Receiver, Reply, closed_port, running_receiver

NAME: Final = "lims.example"
PUBLIC, HERE, BESIDE = "93.184.216.34", "127.0.0.1", "127.0.0.2"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(bare: Office, status: int) -> None:
    with (
        running_receiver() as elsewhere,
        receiving(bare, elsewhere.port, webhook_retry_seconds="60") as (office, receiver, _, _),
    ):
        receiver.behave = lambda _: Reply(status=status, headers={"location": elsewhere.url})
        office.announce(uuid.uuid4())
        office.send()
        assert elsewhere.received == []
        assert elsewhere.got == []
        (attempt,) = office.attempts()
        assert (attempt.outcome, attempt.status) == ("failed", status)


def test_an_address_that_is_no_longer_allowed_is_not_called(bare: Office) -> None:
    with receiving(bare, webhook_retry_seconds="60") as (office, receiver, _, _):
        office.announce(uuid.uuid4())
        office.set(outbound_allowed=None).send()
        assert receiver.received == []
        assert "Not called" in (office.attempts()[0].error or "")


def test_a_proxy_in_the_environment_is_not_asked(
    bare: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_receiver() as proxy, receiving(bare) as (office, receiver, _, _):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        office.announce(uuid.uuid4())
        office.send()
        assert (len(receiver.accepted), proxy.received) == (1, [])


def test_a_closed_port_is_tried_again_until_somebody_listens(bare: Office) -> None:
    port = closed_port()
    office = bare.allow(port).set(webhook_retry_seconds="60")
    office.add(f"http://127.0.0.1:{port}/in")
    office.announce(uuid.uuid4())
    office.send()
    assert "ConnectError" in (office.attempts()[0].error or "")
    assert office.states() == {"pending": 1}


@dataclass
class Names:
    """A name server that changes its mind: one list of addresses for each time it is asked."""

    told: list[Sequence[str]]
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, _: int) -> Sequence[str]:
        self.asked.append(host)
        return self.told[min(len(self.asked), len(self.told)) - 1]


@dataclass(frozen=True)
class SecureReceiver:
    """A receiver with a certificate for `NAME`; `greeted` holds the names it was called by."""

    receiver: Receiver
    greeted: list[str | None]

    @property
    def url(self) -> str:
        return f"https://{NAME}:{self.receiver.port}/in"

    def guard(self, *told: Sequence[str]) -> tuple[Guard, Names]:
        names = Names(list(told))
        return Guard(parse_allowed(f"{HERE}:{self.receiver.port}"), resolve=names), names


@pytest.fixture
def secure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecureReceiver]:
    """Yield a receiver whose own authority this process trusts, as a site sets it."""
    certificate, key = _write_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    tls_context.cache_clear()
    greeted: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda _socket, name, _context: greeted.append(name)
    with running_receiver(tls=context) as receiver:
        yield SecureReceiver(receiver, greeted)
    tls_context.cache_clear()


def _write_certificate(folder: Path) -> tuple[Path, Path]:
    """Self-signed, for `NAME` and no address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a hospital's own authority")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private


def call(guard: Guard, url: str) -> Answer:
    answer, _ = Caller(guard, timeout_seconds=5.0).send("POST", url, headers={}, body=b"{}")
    return answer


def test_the_judged_address_is_dialled_and_the_name_kept(secure: SecureReceiver) -> None:
    """A second look at the name would lead elsewhere: nobody takes one."""
    guard, names = secure.guard([HERE], [BESIDE])
    answer = call(guard, secure.url)
    assert (answer.status, answer.error) == (204, None)
    assert names.asked == [NAME]
    assert secure.greeted == [NAME]
    (request,) = secure.receiver.received
    assert request.headers["host"] == f"{NAME}:{secure.receiver.port}"


@pytest.mark.parametrize("later", [[BESIDE], ["169.254.169.254"], ["10.0.0.7"], [HERE, BESIDE]])
def test_a_name_that_leads_elsewhere_by_the_time_of_sending_is_not_called(
    secure: SecureReceiver, later: list[str]
) -> None:
    """It was public when it was entered, which is when rebinding begins."""
    guard, names = secure.guard([PUBLIC], later)
    guard.check_url(secure.url)
    answer = call(guard, secure.url)
    assert "Not called" in (answer.error or "")
    assert names.asked == [NAME, NAME]
    assert (secure.greeted, secure.receiver.received) == ([], [])


def test_a_name_that_is_private_when_entered_is_refused_at_once(secure: SecureReceiver) -> None:
    guard, _ = secure.guard([BESIDE])
    with pytest.raises(Forbidden, match="private address"):
        guard.check_url(secure.url)


@pytest.mark.parametrize("host", ["other.example", HERE])
def test_another_names_certificate_is_not_taken(secure: SecureReceiver, host: str) -> None:
    """The address is the right one, and still whoever answers must prove its name."""
    guard, _ = secure.guard([HERE])
    answer = call(guard, secure.url.replace(NAME, host))
    assert "CERTIFICATE_VERIFY_FAILED" in (answer.error or "")
    assert secure.receiver.received == []


def test_an_authority_that_nobody_named_is_not_trusted(
    secure: SecureReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    tls_context.cache_clear()
    guard, _ = secure.guard([HERE])
    assert "CERTIFICATE_VERIFY_FAILED" in (call(guard, secure.url).error or "")
    assert secure.receiver.received == []
