"""A donation number is accepted in every scanner form, and no slip of the finger passes."""

import string

import pytest

from app.domain.errors import InvalidInput
from app.domain.identifiers import Din, din_check_character, parse_din

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


@pytest.mark.parametrize(("din", "check"), [(din, pair[0]) for din, pair in VECTORS.items()])
def test_check_characters_equal_the_published_ones(din: str, check: str) -> None:
    assert din_check_character(din) == check


@pytest.mark.parametrize("din", VECTORS)
def test_every_scanner_form_gives_the_same_checked_number(din: str) -> None:
    check, flags = VECTORS[din]
    forms = [f"={din}{flags}", f"{din}{flags}", f"={din}{check}", f"{din}{check}"]
    typed = f" {din[:5].lower()} {din[5:7]} {din[7:]} {check.lower()}\r\n"
    for form in [*forms, typed, f"]C0={din}{flags}", f"]d1{din}{flags}\t", f"]C4={din}{check}"]:
        assert parse_din(form) == Din(din, is_checked=True)


def test_a_number_without_check_character_is_marked_unchecked_or_refused_where_not_allowed() -> (
    None
):
    assert parse_din("A999914123456") == Din("A999914123456", is_checked=False)
    with pytest.raises(InvalidInput, match="din_check_missing"):
        parse_din("A999914123456", needs_check=True)


@pytest.mark.parametrize("flags", ["00", "07", "59"])
def test_flags_without_a_check_value_are_accepted_as_unchecked(flags: str) -> None:
    assert parse_din(f"=A999914123456{flags}") == Din("A999914123456", is_checked=False)


def _code_of(raw: str) -> str | None:
    try:
        parse_din(raw)
    except InvalidInput as error:
        return error.code
    return None


@pytest.mark.parametrize("din", VECTORS)
def test_every_single_wrong_character_is_refused(din: str) -> None:
    typed = din + VECTORS[din][0]
    for place, right in enumerate(typed):
        for wrong in string.digits + string.ascii_uppercase + "*":
            if wrong != right:
                assert _code_of(typed[:place] + wrong + typed[place + 1 :]) is not None


@pytest.mark.parametrize("din", VECTORS)
def test_every_swap_of_neighbours_is_refused(din: str) -> None:
    typed = din + VECTORS[din][0]
    for place in range(len(typed) - 1):
        swapped = typed[:place] + typed[place + 1] + typed[place] + typed[place + 2 :]
        if swapped != typed:
            assert _code_of(swapped) is not None


@pytest.mark.parametrize("din", VECTORS)
def test_every_single_wrong_character_before_the_flags_is_refused(din: str) -> None:
    flags = VECTORS[din][1]
    for place, right in enumerate(din):
        for wrong in string.digits:
            if wrong != right:
                assert _code_of("=" + din[:place] + wrong + din[place + 1 :] + flags) is not None


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
        ("=<E0791V00", "din_other_code"),
        ("=%5100", "din_other_code"),
        ("&>0120012359", "din_other_code"),
        ("=A99991412345683=C00030700146666", "din_ambiguous"),
    ],
)
def test_what_is_no_donation_number_is_refused_with_its_own_code(raw: str, code: str) -> None:
    assert _code_of(raw) == code


def test_the_donation_number_is_kept_where_one_scan_holds_two_codes() -> None:
    both = "=A99991412345683=<E0791V00"
    assert parse_din(both) == Din("A999914123456", is_checked=True)
    assert parse_din("&>0120012359=A99991412345683").value == "A999914123456"


def test_a_refused_product_code_is_named() -> None:
    with pytest.raises(InvalidInput, match="product code"):
        parse_din("=<E0791V00")


def test_it_is_shown_in_its_three_parts() -> None:
    assert str(parse_din("A9999211234563")) == "A9999 21 123456"


def test_a_site_may_use_its_own_facility_pattern() -> None:
    assert parse_din("XY123456", pattern=r"[A-Z]{2}[0-9]{6}") == Din("XY123456", is_checked=False)
