"""What a sample is known by: scanned, typed, ordered, local; an alarm where two were mixed up."""

import hashlib
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import Sample
from app.domain.imaging.scan_image import write_bmp
from app.security.permissions import Role
from app.settings import Settings
from tests.integration.conftest import Site
from tests.integration.test_intake_uploads import draw

AddWell = Callable[..., dict[str, Any]]
SAMPLE = {"donor_code": "D-0042", "container": "segment"}


def made(client: TestClient, **changes: object) -> dict[str, Any]:
    answer = client.post("/api/v1/samples", json=SAMPLE | changes)
    body: dict[str, Any] = answer.raise_for_status().json()
    return body


def refused(client: TestClient, **changes: object) -> str:
    answer = client.post("/api/v1/samples", json=SAMPLE | changes)
    assert answer.status_code == 422
    return str(answer.json()["code"])


def set_up(site: Site, **settings: object) -> TestClient:
    """A technician of a site with other settings."""
    site.app.state.settings = site.settings.model_copy(update=settings)
    return site.as_role(Role.TECHNICIAN)


def test_the_raw_scan_and_the_way_it_came_are_kept(technician: TestClient) -> None:
    scanned = made(technician, din="]C0=A99992112345663")
    assert (scanned["din"], scanned["din_check_character"]) == ("A999921123456", "3")
    assert (scanned["din_raw"], scanned["din_entry"]) == ("]C0=A99992112345663", "scan")
    typed = made(technician, din="a9999 21 123456 3")
    assert (typed["din"], typed["din_raw"]) == ("A999921123456", "a9999 21 123456 3")
    assert typed["din_entry"] == "typed"
    without = made(technician)
    assert (without["din_raw"], without["din_entry"]) == (None, None)


def test_a_number_typed_without_its_check_character_is_refused_where_the_site_says_so(
    site: Site, technician: TestClient
) -> None:
    assert made(technician, din="A999921123456")["din_is_checked"] is False
    strict = set_up(site, din_needs_check=True)
    assert refused(strict, din="A999921123456") == "din_check_missing"
    assert made(strict, din="A9999211234563")["din_is_checked"] is True
    assert made(strict, din="=A99992112345607")["din_is_checked"] is False
    found = strict.get("/api/v1/samples", params={"din": "A999921123456"}).json()["items"]
    assert len(found) == 3, "looking for one needs no check character"


def test_order_numbers_are_kept_beside_the_accession_number(technician: TestClient) -> None:
    numbers = {
        "accession_number": "ACC-1",
        "placer_order_number": "ORD-1",
        "filler_order_number": "F-1",
    }
    sample = made(technician, **numbers)
    again = technician.get(f"/api/v1/samples/{sample['id']}").json()
    assert {name: again[name] for name in numbers} == numbers


def test_a_site_s_own_numbers_follow_the_site_s_patterns(
    site: Site, technician: TestClient
) -> None:
    assert refused(technician, local_identifiers={"unit": "U-1"}) == "identifier_scheme"
    patterns = {"unit": "U-[0-9]+", "accession_number": "ACC-[0-9]{4}"}
    own = set_up(site, identifier_patterns=patterns)
    sample = made(own, local_identifiers={"unit": "U-17"}, accession_number="ACC-0042")
    assert sample["local_identifiers"] == {"unit": "U-17"}
    assert refused(own, local_identifiers={"unit": "17"}) == "identifier_malformed"
    assert refused(own, accession_number="0042") == "identifier_malformed"
    assert refused(own, local_identifiers={"bag": "17"}) == "identifier_scheme"


def test_a_pattern_that_is_none_stops_the_start() -> None:
    with pytest.raises(ValidationError, match="not a regular expression"):
        Settings(identifier_patterns={"unit": "U-["})


def put(client: TestClient, well: dict[str, Any], data: bytes) -> int:
    address = f"/api/v1/wells/{well['id']}/images/{hashlib.sha256(data).hexdigest()}"
    return client.put(address, content=data).status_code


def alarms(client: TestClient, well: dict[str, Any]) -> list[dict[str, Any]]:
    answer = client.get(f"/api/v1/samples/{well['sample_id']}").raise_for_status()
    found: list[dict[str, Any]] = answer.json()["alarms"]
    return found


def test_the_same_bytes_in_two_wells_raise_an_alarm_on_both_samples(
    technician: TestClient, add_well: AddWell
) -> None:
    one, other, third = (add_well(technician) for _ in range(3))
    first, second = write_bmp(draw(1)), write_bmp(draw(2))
    assert [put(technician, one, data) for data in (first, second)] == [201, 201]
    assert alarms(technician, one) == alarms(technician, other) == []
    assert [put(technician, other, first) for _ in range(3)] == [409, 409, 409]
    for well in (one, other):
        (alarm,) = alarms(technician, well)
        assert (alarm["code"], alarm["level"], alarm["value"]) == ("possible_mix_up", "warning", 1)
    assert put(technician, other, second) == 409
    assert [alarms(technician, well)[0]["value"] for well in (one, other)] == [2, 2]
    assert alarms(technician, third) == []


def test_an_accession_number_that_comes_again_is_told_on_both_samples(
    technician: TestClient,
) -> None:
    first = made(technician, accession_number="ACC-7")
    second = made(technician, accession_number="ACC-7")
    assert first["alarms"] == []
    (alarm,) = second["alarms"]
    assert (alarm["code"], alarm["level"], alarm["value"]) == ("accession_shared", "warning", 1)
    assert "Another sample has the accession number ACC-7" in alarm["message"]
    for sample in (first, second):
        assert alarms(technician, {"sample_id": sample["id"]}) == [alarm]
    third = made(technician, accession_number="ACC-7")
    assert [one["value"] for one in third["alarms"]] == [2]
    for sample, number in ((second, "ACC-8"), (third, None)):
        change = technician.patch(
            f"/api/v1/samples/{sample['id']}", json={"accession_number": number}
        )
        assert change.raise_for_status().json()["alarms"] == []
    assert alarms(technician, {"sample_id": first["id"]}) == []
    assert made(technician)["alarms"] == []


def test_a_number_on_two_samples_is_said_on_the_page_of_each(technician: TestClient) -> None:
    for sample in [made(technician, accession_number="ACC-7") for _ in range(2)]:
        page = technician.get(f"/samples/{sample['id']}").raise_for_status()
        assert "Another sample has the accession number ACC-7" in page.text


def test_a_program_is_not_told_of_other_programs_numbers(site: Site) -> None:
    one, other = (site.client(site.key(Role.LIMS, name)) for name in ("one", "other"))
    sample = made(one, accession_number="ACC-7")
    assert made(other, accession_number="ACC-7")["alarms"] == []
    assert alarms(one, {"sample_id": sample["id"]}) == []
    assert len(alarms(site.as_role(Role.TECHNICIAN), {"sample_id": sample["id"]})) == 1


def test_a_withdrawn_sample_leaves_its_number_to_the_next(
    site: Site, technician: TestClient
) -> None:
    wrong = made(technician, accession_number="ACC-7")
    with transaction(site.sessions) as session:
        session.get_one(Sample, uuid.UUID(wrong["id"])).state = "withdrawn"
    assert made(technician, accession_number="ACC-7")["alarms"] == []
    assert alarms(technician, {"sample_id": wrong["id"]}) == []


def test_a_retry_raises_the_alarm_once_in_the_trail(
    site: Site, technician: TestClient, add_well: AddWell
) -> None:
    one, other, data = add_well(technician), add_well(technician), write_bmp(draw())
    put(technician, one, data)
    for _ in range(3):
        put(technician, other, data)
    entries = site.as_role(Role.ADMINISTRATOR).get(
        "/api/v1/audit", params={"action": "sample.possible_mix_up"}
    )
    told = [entry["entity_id"] for entry in entries.json()["items"]]
    assert sorted(told) == sorted([one["sample_id"], other["sample_id"]])


def test_the_alarm_stands_on_the_sample_s_page(
    site: Site, technician: TestClient, add_well: AddWell
) -> None:
    one, other, data = add_well(technician), add_well(technician), write_bmp(draw())
    put(technician, one, data)
    put(technician, other, data)
    for well in (one, other):
        page = technician.get(f"/samples/{well['sample_id']}")
        assert "wells may have been mixed up" in page.text
