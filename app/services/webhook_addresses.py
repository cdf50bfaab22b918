"""Where a webhook may lead, and the header that its server alone is shown."""

from typing import Final

from app.db.tables import WebhookEndpoint
from app.domain.errors import InvalidInput
from app.outbound.addresses import Forbidden, Guard, split_url

LONGEST_URL: Final = 2000


def check_url(url: str, guard: Guard) -> None:
    if len(url) > LONGEST_URL:
        raise InvalidInput("webhook_url", f"The address is over {LONGEST_URL} characters long.")
    try:
        guard.check_url(url)
    except Forbidden as error:
        raise InvalidInput(
            "webhook_url",
            f"Nothing is sent there: {error}. An administrator lists places of the site in "
            "PLIANT_OUTBOUND_ALLOWED.",
        ) from error


def check_move(endpoint: WebhookEndpoint, url: str, authorization: str | None) -> None:
    """What was entered for one server is shown to no other, nor to whoever can name another."""
    is_moved = split_url(url) != split_url(endpoint.url)
    if is_moved and endpoint.authorization is not None and authorization is None:
        raise InvalidInput(
            "webhook_authorization",
            "The new address is another server's: enter its Authorization header, too; the old "
            "one is not sent there.",
        )


def checked_header(text: str | None) -> str | None:
    text = (text or "").strip()
    if not text.isascii() or (text and not text.isprintable()):
        raise InvalidInput(
            "webhook_authorization", "The Authorization header is one line of plain characters."
        )
    return text or None
