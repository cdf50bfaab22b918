"""Passwords: 12 to 128 characters, not a known one, Argon2id, at most two hashes at a time."""

import threading
from typing import Final

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.domain.errors import InvalidInput

SHORTEST: Final = 12
LONGEST: Final = 128

_HASHER: Final = PasswordHash((Argon2Hasher(),))
_AT_A_TIME: Final = threading.Semaphore(2)
"""Each hash takes 64 MB and a core; more at once would let sign-ins starve everything else."""
_COMMON_PARTS: Final = (
    "password", "passwort", "123456", "qwerty", "qwertz", "letmein", "welcome", "iloveyou",
    "administrator", "changeme", "pliant",
)  # fmt: skip
_NOBODY: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$QcRSKKbGLXoVOWSzgMcrfg"
    "$ZVnbz0jtkyV9mxrT5XeZXoFcZnNyHfDN0ZhGzIBw34A"
)
"""A well-formed hash of no known password: an unknown name costs as much time as a known one."""


def check_strength(password: str, *, name: str) -> None:
    """Refuse what is too short, too long, the person's name, or little more than a known word."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput(
            "password_length",
            f"A password has {SHORTEST} to {LONGEST} characters; a short sentence works well.",
        )
    rest = password.casefold()
    for part in (*_COMMON_PARTS, name.casefold()):
        rest = rest.replace(part, "")
    if len(set(rest)) < 5:
        raise InvalidInput(
            "password_guessable",
            "This password is easily guessed; choose four or more unrelated words.",
        )


def hash_password(password: str) -> str:
    with _AT_A_TIME:
        return _HASHER.hash(password)


def is_right(password: str, stored: str | None) -> bool:
    """Whether the password fits; takes as long when there is no account or no password."""
    with _AT_A_TIME:
        fits = _HASHER.verify(password[:LONGEST], stored or _NOBODY)
    return fits and stored is not None
