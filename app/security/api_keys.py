"""API keys: `pliant_<8 id>_<43 secret><6 crc>`; the secret is 256 bits, so a plain hash suffices.

The checksum lets a mistyped key be told from a wrong one without the database, and lets scanners
find keys that slipped into a file.
"""

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from typing import Final

_LETTERS: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_KEY: Final = re.compile(r"pliant_([0-9a-z]{8})_([0-9A-Za-z_-]{43})([0-9A-Za-z]{6})")
KEY_IN_TEXT: Final = re.compile(r"pliant_[0-9a-z]{8}_[0-9A-Za-z_-]{20}")
"""Enough of a key to say that one is where it must not be."""


@dataclass(frozen=True)
class NewKey:
    """A key as it is shown, once, and what is kept of it."""

    token: str
    prefix: str
    secret_sha256: bytes


def make_key() -> NewKey:
    prefix = "".join(secrets.choice(string.digits + string.ascii_lowercase) for _ in range(8))
    secret = secrets.token_urlsafe(32)
    token = f"pliant_{prefix}_{secret}{_checksum(prefix, secret)}"
    return NewKey(token=token, prefix=prefix, secret_sha256=_hash(secret))


def parse_key(token: str) -> tuple[str, bytes] | None:
    """The public prefix and the secret's hash; None for what cannot be a key."""
    match = _KEY.fullmatch(token)
    if not match or match[3] != _checksum(match[1], match[2]):
        return None
    return match[1], _hash(match[2])


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _checksum(prefix: str, secret: str) -> str:
    rest = zlib.crc32(f"{prefix}_{secret}".encode())
    digits = ""
    for _ in range(6):
        rest, digit = divmod(rest, len(_LETTERS))
        digits = _LETTERS[digit] + digits
    return digits
