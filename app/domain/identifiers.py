"""Identifiers that people scan or type: the donation identification number, and a site's own.

References
----------
ISBT 128 donation identification number (DIN): its scanner forms and flags.
ISO 7064 MOD 37-2, over the 13 characters of the DIN only; worked example G123498654321-H in the
UK Red Book, annex 2.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from app.domain.errors import InvalidInput

DIN_PATTERN: Final = r"[A-NP-Z1-9][0-9]{4}[0-9]{2}[0-9]{6}"
"""Facility (5), year (2), serial (6); a site with other facility codes passes its own pattern."""

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"
DIN_SYSTEM: Final = "https://www.isbt128.org/uri/DonationIdentificationNumber"
"""FHIR identifier system of a DIN; systems are compared with regard to case."""
DIN_SYSTEMS: Final = frozenset({DIN_SYSTEM, DIN_SYSTEM.lower()})
"""The spellings that public guides use; both are understood where a message is read."""
PRODUCT_CODE_SYSTEM: Final = "https://www.isbt128.org/uri/ProductDescriptionCode"
PRODUCT_CODE: Final = "product_code"
"""Scheme under which a site keeps the product code of the unit: what it is, not which one."""
SCHEME_PATTERN: Final = r"[a-z][a-z0-9_]{0,39}"
"""Name of a scheme: it becomes part of codes and addresses in messages."""

_SPACE: Final = re.compile(r"[ \t\r\n]+")
_AIM_PREFIX: Final = re.compile(r"\](C0|C4|D1)")
_OTHER_CODES: Final = {
    "=<": "the label's product code",
    "=%": "the label's blood group",
    "&>": "the label's expiry date",
}
_OTHER_STRUCTURE: Final = re.compile(r"&.|=[^0-9A-Z]")
"""ISBT 128 data structures begin with two such characters; a DIN's second is its facility's."""
_DIN_LENGTH: Final = 13
_CHECK_FLAGS: Final = 60
"""Flags of 60 and more hold the check character's value plus 60; lower ones check nothing."""


class EntryWay(StrEnum):
    """How an identifier came in."""

    SCAN = "scan"
    TYPED = "typed"


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
        Whether 13 characters alone are refused. Flags below 60 hold no check either, but a scanner
        read them: such a number is taken, and marked as unchecked.

    Raises
    ------
    InvalidInput
        ``din_malformed``, ``din_check_character``, ``din_check_missing``, ``din_other_code`` or
        ``din_ambiguous``.
    """
    codes = _din_codes(_bare(raw))
    dins = {_parse_code(code, pattern) for code in codes}
    if len({din.value for din in dins}) > 1:
        raise InvalidInput(
            "din_ambiguous", "The scan holds two different donation numbers; scan one label only."
        )
    if needs_check and all(len(code) <= _DIN_LENGTH for code in codes):
        raise InvalidInput(
            "din_check_missing",
            "The donation number has no check character; scan it, or type the boxed character too.",
        )
    return max(dins, key=lambda one: one.is_checked)


def entry_way(raw: str) -> EntryWay:
    """Whether a DIN was scanned or typed, by its form: nobody types identifiers or flags.

    Parameters
    ----------
    raw
        A text that `parse_din` accepts.
    """
    text = _bare(raw)
    is_bare = len(text) <= _DIN_LENGTH + 1 and not text.startswith("=")
    has_prefix = _AIM_PREFIX.match(raw.strip().upper()) is not None
    return EntryWay.TYPED if is_bare and not has_prefix else EntryWay.SCAN


def _bare(raw: str) -> str:
    """Without what scanners and people put around the characters that count."""
    if not raw.isascii():  # upper case would make plain letters of some foreign ones
        raise _malformed()
    return _AIM_PREFIX.sub("", _SPACE.sub("", raw).upper())


def _din_codes(text: str) -> list[str]:
    """The codes of one scan that may be a DIN; other data structures are refused by name."""
    codes = [code for code in re.split(r"(?=[=&])", text) if code]
    others = [code for code in codes if _OTHER_STRUCTURE.match(code)]
    dins = [code for code in codes if code not in others]
    if not dins and others:
        name = _OTHER_CODES.get(others[0][:2], "another code of the label")
        raise InvalidInput(
            "din_other_code",
            f"This is {name}, not its donation number; scan the upper left code.",
        )
    if not dins:
        raise _malformed()
    return dins


def _parse_code(code: str, pattern: str) -> Din:
    has_identifier = code.startswith("=")
    body = code.removeprefix("=")
    din, rest = body[:_DIN_LENGTH], body[_DIN_LENGTH:]
    if not re.fullmatch(pattern, din) or not set(din) <= set(_ALPHABET):
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


@dataclass(frozen=True, kw_only=True)
class SiteIdentifiers:
    """What identifiers look like at one site.

    Attributes
    ----------
    din_pattern
        Regular expression of a DIN's 13 characters.
    din_needs_check
        Whether 13 characters alone are refused.
    patterns
        Regular expressions by scheme, matched in full: ``accession_number``,
        ``placer_order_number``, ``filler_order_number``, or a scheme of the site's own.
    """

    din_pattern: str = DIN_PATTERN
    din_needs_check: bool = False
    patterns: Mapping[str, str] = field(default_factory=dict)

    def din(self, raw: str) -> Din:
        """Read a DIN as this site takes it; see `parse_din`."""
        return parse_din(raw, pattern=self.din_pattern, needs_check=self.din_needs_check)

    def check(self, scheme: str, value: str | None) -> None:
        """Refuse a number that is not one of this scheme; any is, where no pattern is set.

        Raises
        ------
        InvalidInput
            ``identifier_malformed``.
        """
        pattern = self.patterns.get(scheme)
        if value is not None and pattern is not None and not re.fullmatch(pattern, value):
            raise InvalidInput(
                "identifier_malformed",
                f"This is no {scheme.replace('_', ' ')} of this site, which look like {pattern}; "
                "compare it with the label or the order.",
                scheme=scheme,
            )
