"""The work list finds a sample by whatever is at hand."""

import re
from typing import Final

import pytest
from sqlalchemy import text as sql
from starlette.testclient import TestClient

from app.db.session import transaction
from app.domain.identifiers import SiteIdentifiers
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


ORDERED: Final = NewSample(
    donor_code="O-1",
    container=Container.SEGMENT,
    placer_order_number="ORD-7",
    filler_order_number="LAB-99",
    local_identifiers={"unit": 'U-17 "A"', "product_code": "E0382V00"},
)
SCHEMES: Final = SiteIdentifiers(patterns={"unit": ".*", "product_code": ".*"})


@pytest.fixture
def ordered(site: Site, person: TestClient) -> TestClient:
    """Return a technician at a work list with one sample that was ordered."""
    with transaction(site.sessions) as session:
        samples.create_sample(session, SYSTEM, ORDERED, SCHEMES)
    return person


@pytest.mark.parametrize("typed", ["ord-7", "ORD", "lab-9", 'U-17 "A"', "E0382V00"])
def test_a_sample_is_found_by_its_order_or_a_number_of_the_sites_own(
    ordered: TestClient, typed: str
) -> None:
    assert found(ordered, typed) == {"O-1"}


def test_another_program_asks_by_order_or_by_scheme(site: Site, ordered: TestClient) -> None:
    technician = site.as_role(Role.TECHNICIAN)
    for name, number, n in (
        ("placer_order_number", "ORD-7", 1), ("filler_order_number", "LAB-99", 1),
        ("placer_order_number", "ord-7", 0), ("local_identifier", 'unit:U-17 "A"', 1),
        ("local_identifier", "unit:U-18", 0), ("local_identifier", "plate:U-17", 0),
        ("local_identifier", "product_code:E0382V00", 1), ("local_identifier", "\x00:", 0),
    ):  # fmt: skip
        answer = technician.get("/api/v1/samples", params={name: number})
        listed = answer.json()["items"] if answer.status_code == 200 else []
        assert len(listed) == n, (name, number)
        assert answer.status_code < 500
    page = ordered.get(f"/samples/{listed_id(technician)}").text
    for word in ("ORD-7", "LAB-99", "Unit", "Product code", "E0382V00"):
        assert word in page


def listed_id(client: TestClient) -> str:
    answer = client.get("/api/v1/samples", params={"placer_order_number": "ORD-7"})
    return str(answer.json()["items"][0]["id"])


def test_the_form_of_a_new_sample_takes_order_numbers(site: Site, person: TestClient) -> None:
    form = {
        "donor_code": "O-2", "container": "segment", "placer_order_number": " ORD-8 ",
        "filler_order_number": "LAB-8",
    }  # fmt: skip
    origin = {"Sec-Fetch-Site": "same-origin"}
    assert person.post("/samples", data=form, headers=origin).status_code in (200, 303)
    assert found(person, "ord-8") == found(person, "lab-8") == {"O-2"}


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
        ("lower(placer_order_number) LIKE 'o%'", "ix_samples_placer_order_number_lower"),
        ("lower(filler_order_number) LIKE 'o%'", "ix_samples_filler_order_number_lower"),
        ("local_identifiers @? '$.* ? (@ == \"U-17\")'", "ix_samples_local_identifiers"),
        ('local_identifiers @> \'{"unit": "U-17"}\'', "ix_samples_local_identifiers"),
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
