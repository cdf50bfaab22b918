"""Identifiers that people scan or type: the ISBT 128 donation identification number (DIN).

References
----------
ISO 7064 MOD 37-2, over the 13 characters of the DIN only; worked example G123498654321-H in the
UK Red Book, annex 2.
"""

import re
from dataclasses import dataclass
from typing import Final

from app.domain.errors import InvalidInput

DIN_PATTERN: Final = r"[A-NP-Z1-9][0-9]{4}[0-9]{2}[0-9]{6}"
"""Facility (5), year (2), serial (6); a site with other facility codes passes its own pattern."""

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"
_AIM_PREFIX: Final = re.compile(r"\](C0|C4|D1)")
_OTHER_CODES: Final = {"=<": "product code", "=%": "blood group", "&>": "expiry date"}
_DIN_LENGTH: Final = 13
_CHECK_FLAGS: Final = 60
"""Flags of 60 and more hold the check character's value plus 60; lower ones check nothing."""


@dataclass(frozen=True)
class Din:
    """A donation identification number.

    Attributes
    ----------
    value
        The bare 13 characters.
    is_checked
        Whether a check character was there and right.
    """

    value: str
    is_checked: bool

    def __str__(self) -> str:
        return f"{self.value[:5]} {self.value[5:7]} {self.value[7:]}"


def din_check_character(din: str) -> str:
    """ISO 7064 MOD 37-2 check character of the 13 characters of a DIN."""
    total = 0
    for character in din:
        total = (total + _ALPHABET.index(character)) * 2 % 37
    return _ALPHABET[(38 - total) % 37]


def parse_din(raw: str, *, pattern: str = DIN_PATTERN, needs_check: bool = False) -> Din:
    """Read a DIN in any form that a scanner or a person gives.

    Parameters
    ----------
    raw
        ``=`` + 13 + 2 flags; 13 + 2 flags; ``=`` + 13 + check; 13 + check; or 13 alone. Spaces,
        line ends, an AIM prefix and other codes in the same scan are taken off.
    pattern
        Regular expression of the 13 characters.
    needs_check
        Whether a DIN without a check character is refused.

    Raises
    ------
    InvalidInput
        ``din_malformed``, ``din_check_character``, ``din_check_missing``, ``din_other_code`` or
        ``din_ambiguous``.
    """
    text = _AIM_PREFIX.sub("", re.sub(r"\s+", "", raw).upper())
    dins = {_parse_code(code, pattern) for code in _din_codes(text)}
    if len({din.value for din in dins}) > 1:
        raise InvalidInput(
            "din_ambiguous", "The scan holds two different donation numbers; scan one label only."
        )
    din = max(dins, key=lambda one: one.is_checked)
    if needs_check and not din.is_checked:
        raise InvalidInput(
            "din_check_missing",
            "The donation number has no check character; scan it, or type the boxed character too.",
        )
    return din


def _din_codes(text: str) -> list[str]:
    """The codes of one scan that may be a DIN; other data structures are refused by name."""
    codes = [code for code in re.split(r"(?=[=&])", text) if code]
    others = [name for code in codes if (name := _OTHER_CODES.get(code[:2]))]
    dins = [code for code in codes if code[:2] not in _OTHER_CODES]
    if not dins and others:
        raise InvalidInput(
            "din_other_code",
            f"This is the label's {others[0]}, not its donation number; scan the upper left code.",
        )
    if not dins:
        raise _malformed()
    return dins


def _parse_code(code: str, pattern: str) -> Din:
    has_identifier = code.startswith("=")
    body = code.removeprefix("=")
    din, rest = body[:_DIN_LENGTH], body[_DIN_LENGTH:]
    if not re.fullmatch(pattern, din):
        raise _malformed()
    if rest == "" and not has_identifier:
        return Din(din, is_checked=False)
    if len(rest) == 2:
        return Din(din, is_checked=_check_flags(din, rest))
    if len(rest) == 1:
        return Din(din, is_checked=_check_character(din, rest))
    raise _malformed()


def _check_flags(din: str, flags: str) -> bool:
    if not re.fullmatch("[0-9]{2}", flags):
        raise _malformed()
    value = int(flags) - _CHECK_FLAGS
    if value < 0:
        return False
    if value >= len(_ALPHABET):
        raise _malformed()
    return _check_character(din, _ALPHABET[value])


def _check_character(din: str, character: str) -> bool:
    if character != din_check_character(din):
        raise InvalidInput(
            "din_check_character",
            "The donation number and its check character do not fit; scan the label again or "
            "compare each character.",
        )
    return True


def _malformed() -> InvalidInput:
    return InvalidInput(
        "din_malformed",
        "This is not a donation number; it has 13 characters such as A9999 21 123456, then a check "
        "character or two flags.",
    )
