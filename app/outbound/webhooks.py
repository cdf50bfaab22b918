"""Messages signed as Standard Webhooks asks, and sent once; what came of it is an answer."""

import datetime as dt
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Final

import httpx2
from standardwebhooks import Webhook

from app.domain.delivery_rules import Answer, parse_retry_after
from app.outbound.addresses import Forbidden, Guard, GuardedTransport, split_url

HEAD_CHARACTERS: Final = 1000
MOST_ANSWER_BYTES: Final = 4000
"""Of an answer; what follows is not read."""
FIRST_FAILING: Final = 400
FIRST_REDIRECT: Final = 300


@dataclass(frozen=True)
class Caller:
    """How calls leave: judged addresses only, each over within so many seconds."""

    guard: Guard
    timeout_seconds: float

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        most_bytes: int = MOST_ANSWER_BYTES,
    ) -> tuple[Answer, bytes]:
        """One request; every way in which it can go wrong is an answer with an error."""
        try:
            _, _, is_encrypted = split_url(url)
            transport = GuardedTransport(
                self.guard,
                tls_context(),
                is_encrypted=is_encrypted,
                seconds=self.timeout_seconds,
            )
            client = httpx2.Client(
                transport=transport,
                timeout=self.timeout_seconds,
                trust_env=False,
                follow_redirects=False,
            )
            with client, client.stream(method, url, headers=headers, content=body) as response:
                return _answer(response, most_bytes)
        except Forbidden as error:
            return Answer(error=f"Not called: {error}."), b""
        except httpx2.TimeoutException:
            told = f"No answer within {self.timeout_seconds:g} seconds."
            return Answer(error=told), b""
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError) as error:
            return Answer(error=f"{type(error).__name__}: {_readable(str(error))}"), b""


def sign(*, message_id: str, at: dt.datetime, body: str, secrets: Sequence[str]) -> dict[str, str]:
    """The three headers of a message; one signature for each secret, the newest first."""
    moment = at.astimezone(dt.UTC)
    signatures = [Webhook(secret).sign(message_id, moment, body) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def own_headers(content_type: str) -> dict[str, str]:
    return {
        "content-type": content_type,
        "accept": "application/fhir+json, application/json;q=0.9, */*;q=0.1",
        "user-agent": f"Pliant/{version('pliant')}",
    }


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Certificates are checked against the system's authorities; `SSL_CERT_FILE` adds the site's.

    Made once: reading the authorities takes longer than a call.
    """
    return ssl.create_default_context()


def _answer(response: httpx2.Response, most_bytes: int) -> tuple[Answer, bytes]:
    body = _first_bytes(response, most_bytes)
    answer = Answer(
        status=response.status_code,
        head=_readable(body.decode(errors="replace")),
        error=_why_not_taken(response),
        retry_after_seconds=parse_retry_after(
            response.headers.get("retry-after"), dt.datetime.now(dt.UTC)
        ),
        location=response.headers.get("location"),
    )
    return answer, body


def _first_bytes(response: httpx2.Response, most_bytes: int) -> bytes:
    """What can be read of the body; the status has said by then whether the message was taken."""
    body = b""
    try:
        for piece in response.iter_raw():
            body += piece
            if len(body) >= most_bytes:
                break
    except (httpx2.HTTPError, OSError):
        return body[:most_bytes]
    return body[:most_bytes]


def _why_not_taken(response: httpx2.Response) -> str | None:
    if response.is_success:
        return None
    if response.is_redirect or FIRST_REDIRECT <= response.status_code < FIRST_FAILING:
        return f"Answered {response.status_code}: redirects are not followed; enter the address."
    return f"Answered {response.status_code}."


def _readable(text: str) -> str:
    """What a person may see of foreign text, and a database can hold."""
    kept = (sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text)
    return "".join(kept)[:HEAD_CHARACTERS]
