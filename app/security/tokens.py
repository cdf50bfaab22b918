"""Random tokens for cookies and one-time links; only their hash is stored."""

import hashlib
import secrets


def new_token() -> str:
    """256 random bits, safe in a cookie and in a path."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
