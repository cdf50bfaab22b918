"""The work list finds a sample by whatever is at hand."""

import re

import pytest
from sqlalchemy import text as sql
from starlette.testclient import TestClient

from app.db.session import transaction
from app.security.permissions import SYSTEM, Role
from app.services import samples
from app.services.sample_search import din_part, find_samples
from app.services.samples import Container, NewSample
from tests.integration.conftest import Site
from tests.integration.test_dashboard import signed_in, words

DIN = "A99992112345663"


@pytest.fixture
def person(site: Site) -> TestClient:
    """Yield a technician at a work list of three samples."""
    register(site, "D-007", din=f"={DIN}", accession="ACC-2026-17")
    register(site, "D-008", accession="acc-2026-18")
    register(site, "E_1", din="G1234 98 654321 H")
    return signed_in(site)


def register(
    site: Site, donor_code: str, *, din: str | None = None, accession: str | None = None
) -> None:
    new = NewSample(
        donor_code=donor_code, din=din, accession_number=accession, container=Container.SEGMENT
    )
    with transaction(site.sessions) as session:
        samples.create_sample(session, SYSTEM, new)


def found(person: TestClient, text: str, state: str = "") -> set[str]:
    page = person.get("/samples", params={"text": text, "state": state}).text
    return set(re.findall(r'href="/samples/[0-9a-f-]{36}">([^<]+)</a>', page))


@pytest.mark.parametrize(
    ("typed", "donors"),
    [
        (f"={DIN}", {"D-007"}),
        (f"]C0={DIN}\r\n", {"D-007"}),
        ("A9999 21 123456 3", {"D-007"}),
        ("a999921123456", {"D-007"}),
        ("A9999 21", {"D-007"}),
        ("=a9999", {"D-007"}),
        ("654321", {"E_1"}),
        ("98 654321", {"E_1"}),
        ("d-00", {"D-007", "D-008"}),
        ("acc-2026", {"D-007", "D-008"}),
        ("ACC-2026-18", {"D-008"}),
        ("e_", {"E_1"}),
        ("_", set()),
        ("%", set()),
        ("2026-17", set()),
    ],
)
def test_a_sample_is_found_by_a_scan_a_part_or_a_beginning(
    person: TestClient, typed: str, donors: set[str]
) -> None:
    assert found(person, typed) == donors


def test_the_state_filters_what_the_text_found(person: TestClient) -> None:
    assert found(person, "d-00", "received") == {"D-007", "D-008"}
    assert found(person, "d-00", "released") == set()
    shown = words(person.get("/samples", params={"state": "released"}).text)
    assert "No sample is “Released” now" in shown


def test_an_empty_list_says_what_is_wrong_with_the_number(person: TestClient) -> None:
    mistyped = words(person.get("/samples", params={"text": "A9999 21 123457 3"}).text)
    assert "This number cannot be right" in mistyped
    assert "check character do not fit" in mistyped
    product = words(person.get("/samples", params={"text": "=<E0001V00"}).text)
    assert "product code, not its donation number" in product
    unknown = words(person.get("/samples", params={"text": "D-9"}).text)
    assert "No sample matches “D-9”" in unknown
    assert "New sample" in unknown


def test_a_lims_finds_only_what_it_registered(site: Site, person: TestClient) -> None:
    assert found(signed_in(site, Role.LIMS), "d-00") == set()


def test_a_search_goes_on_after_its_last_row(site: Site) -> None:
    for number in range(3):
        register(site, f"F-{number}")
    with transaction(site.sessions) as session:
        first = find_samples(session, SYSTEM, text="f-", limit=2)
        rest = find_samples(session, SYSTEM, text="f-", cursor=first.next_cursor, limit=2)
    codes = [[one.donor_code for one in page.items] for page in (first, rest)]
    assert codes == [["F-2", "F-1"], ["F-0"]]


@pytest.mark.parametrize("typed", ["12", "D-007", "A9999 21 123456 33 1", "Ä99"])
def test_what_can_be_no_part_of_a_din_is_not_looked_for(typed: str) -> None:
    assert din_part(typed) == ""


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("lower(code) LIKE 'd-0%'", "ix_donors_code_lower"),
        ("lower(accession_number) LIKE 'acc%'", "ix_samples_accession_number_lower"),
        ("din LIKE 'A99%'", "ix_samples_din_beginning"),
        ("reverse(din) LIKE '65432%'", "ix_samples_din_end"),
    ],
)
def test_each_number_has_an_index_of_its_own(site: Site, condition: str, index: str) -> None:
    table = "donors" if "code" in condition else "samples"
    with transaction(site.sessions) as session:
        session.execute(sql("SET LOCAL enable_seqscan = off"))
        plan = session.scalars(sql(f"EXPLAIN SELECT id FROM {table} WHERE {condition}")).all()
    assert any(index in line for line in plan)
