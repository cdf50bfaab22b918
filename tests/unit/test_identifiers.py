"""A donation number is accepted in every scanner form, and no slip of the finger passes."""

import string
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidInput
from app.domain.identifiers import (
    DIN_PATTERN,
    Din,
    EntryWay,
    SiteIdentifiers,
    din_check_character,
    entry_way,
    parse_din,
)

VECTORS = {
    "A999914123456": ("N", "83"),
    "C000307001466": ("6", "66"),
    "A999922123459": ("H", "77"),
    "A999922654321": ("S", "88"),
    "A999922123458": ("J", "79"),
    "A999922012346": ("*", "96"),
    "A999522123456": ("*", "96"),
    "G123498654321": ("H", "77"),
    "A999921123456": ("3", "63"),
    "W000012345678": ("Y", "94"),
    "A000000000000": ("*", "96"),
}
ALPHABET = string.digits + string.ascii_uppercase + "*"


@pytest.mark.parametrize(("din", "check"), [(din, pair[0]) for din, pair in VECTORS.items()])
def test_check_characters_equal_the_published_ones(din: str, check: str) -> None:
    assert din_check_character(din) == check


def forms_of(din: str, check: str, flags: str) -> list[str]:
    """Every form that carries a check: as scanned, without its `=`, converted, typed."""
    return [f"={din}{flags}", f"{din}{flags}", f"={din}{check}", f"{din}{check}"]


@pytest.mark.parametrize("din", VECTORS)
def test_every_scanner_form_gives_the_same_checked_number(din: str) -> None:
    check, flags = VECTORS[din]
    typed = f" {din[:5].lower()} {din[5:7]} {din[7:]} {check.lower()}\r\n"
    framed = [f"]C0={din}{flags}", f"]d1{din}{flags}\t", f"]C4={din}{check}"]
    for form in [*forms_of(din, check, flags), typed, *framed]:
        assert parse_din(form, needs_check=True) == Din(din, is_checked=True)


def test_a_number_without_check_character_is_marked_unchecked_or_refused_where_not_allowed() -> (
    None
):
    assert parse_din("A999914123456") == Din("A999914123456", is_checked=False)
    with pytest.raises(InvalidInput, match="din_check_missing"):
        parse_din("A999914123456", needs_check=True)


def test_flags_that_check_nothing_are_accepted_as_unchecked_even_where_typing_needs_a_check() -> (
    None
):
    for flags in range(60):
        for form in (f"=A999914123456{flags:02d}", f"A999914123456{flags:02d}"):
            assert parse_din(form, needs_check=True) == Din("A999914123456", is_checked=False)


def _code_of(raw: str) -> str | None:
    try:
        parse_din(raw)
    except InvalidInput as error:
        return error.code
    return None


def single_errors(text: str) -> Iterator[str]:
    for place, right in enumerate(text):
        for wrong in ALPHABET:
            if wrong != right:
                yield text[:place] + wrong + text[place + 1 :]


def swaps(text: str) -> Iterator[str]:
    for place in range(len(text) - 1):
        if text[place] != text[place + 1]:
            yield text[:place] + text[place + 1] + text[place] + text[place + 2 :]


def errors_of(din: str, check: str) -> set[str]:
    return {*single_errors(din + check), *swaps(din + check)}


@pytest.mark.parametrize("din", VECTORS)
def test_every_wrong_character_and_every_swap_of_neighbours_is_refused_in_every_form(
    din: str,
) -> None:
    check, flags = VECTORS[din]
    wrong = errors_of(din, check)
    assert len(wrong) >= 14 * 36, "every place, every other character of the alphabet"
    for text in wrong:
        body, its_check = text[:13], text[13]
        its_flags = f"{ALPHABET.index(its_check) + 60}"
        for form in forms_of(body, its_check, its_flags):
            assert _code_of(form) is not None, form
    assert flags == f"{ALPHABET.index(check) + 60}"


@given(st.from_regex(DIN_PATTERN, fullmatch=True).filter(str.isascii))
def test_no_slip_passes_for_any_number(din: str) -> None:
    for text in errors_of(din, din_check_character(din)):
        assert _code_of(text) is not None


def test_the_complement_that_some_programs_use_instead_is_refused() -> None:
    """37 - s in the place of 38 - s."""
    for din, (check, _) in VECTORS.items():
        wrong = ALPHABET[(ALPHABET.index(check) - 1) % 37]
        assert _code_of(din + wrong) == "din_check_character"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("=A99991412345682", "din_check_character"),
        ("A999914123456A", "din_check_character"),
        ("=A99991412345697", "din_malformed"),
        ("=A999914123456", "din_malformed"),
        ("O999914123456", "din_malformed"),
        ("A99991412345", "din_malformed"),
        ("A9999141234567890", "din_malformed"),
        ("", "din_malformed"),
        ("A99992265432\u017fS", "din_malformed"),  # a long s, whose upper case is S
        ("A9999 14 12345\u0666", "din_malformed"),  # an Arabic six
        ("=<E0791V00", "din_other_code"),
        ("=%5100", "din_other_code"),
        ("&>0120012359", "din_other_code"),
        ("&(N0000", "din_other_code"),
        ("=>012001", "din_other_code"),
        ("=A99991412345683=C00030700146666", "din_ambiguous"),
    ],
)
def test_what_is_no_donation_number_is_refused_with_its_own_code(raw: str, code: str) -> None:
    assert _code_of(raw) == code


def test_the_donation_number_is_kept_where_one_scan_holds_two_codes() -> None:
    expected = Din("A999914123456", is_checked=True)
    for scan in (
        "=A99991412345683=<E0791V00",
        "=%5100=A99991412345683",
        "&>0120012359=A99991412345683",
        "]C0=A99991412345683]C0=<E0791V00",
        "=A99991412345683\r\n=A99991412345683",
    ):
        assert parse_din(scan) == expected


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("=<E0791V00", "product code"),
        ("=%5100", "blood group"),
        ("&>0120012359", "expiry date"),
        ("=*012001", "another code"),
    ],
)
def test_a_refused_code_is_named(raw: str, name: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        parse_din(raw)


def test_it_is_shown_in_its_three_parts() -> None:
    assert str(parse_din("A9999211234563")) == "A9999 21 123456"


def test_its_form_tells_whether_it_was_scanned_or_typed() -> None:
    check, flags = VECTORS["A999914123456"]
    for scanned in forms_of("A999914123456", check, flags)[:3]:
        assert entry_way(scanned) is EntryWay.SCAN
    assert entry_way("]C0A999914123456N") is EntryWay.SCAN
    for typed in ("A9999 14 123456 N", "a999914123456", "A999914123456N\n"):
        assert entry_way(typed) is EntryWay.TYPED


def test_a_site_may_use_its_own_facility_pattern() -> None:
    assert parse_din("XY123456", pattern=r"[A-Z]{2}[0-9]{6}") == Din("XY123456", is_checked=False)


def test_a_site_says_what_its_numbers_look_like() -> None:
    site = SiteIdentifiers(patterns={"accession_number": r"ACC-[0-9]{4}"})
    site.check("accession_number", "ACC-0042")
    site.check("accession_number", None)
    site.check("placer_order_number", "anything")
    for wrong in ("ACC-42", "ACC-00421", "acc-0042"):
        with pytest.raises(InvalidInput, match="identifier_malformed"):
            site.check("accession_number", wrong)
