"""Answers carry tags: what is known is not sent again, no change is overwritten unseen."""

import concurrent.futures
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from starlette.testclient import TestClient

from app.domain.quality import Verdict
from app.security.permissions import Role
from tests.integration.conftest import Site
from tests.integration.corrected_samples import ScoredSample, add_found, scored_sample
from tests.laboratory import open_laboratory

REJECTED = {"verdict": "rejected", "reason": "an air bubble"}


@pytest.fixture
def sample(site: Site, database_url: str, tmp_path: Path) -> ScoredSample:
    return scored_sample(open_laboratory(site.sessions, database_url, tmp_path / "laboratory"))


def addresses(sample: ScoredSample) -> dict[str, dict[str, Any]]:
    """What two people may edit, and a change of it."""
    image = sample.images["accepted"][0]
    return {
        f"/api/v1/images/{sample.images['accepted'][1]}": REJECTED,
        f"/api/v1/cells/{sample.cells(image)[0]}": REJECTED,
        f"/api/v1/samples/{sample.id}": {"accession_number": "ACC-2"},
    }


def tag(client: TestClient, address: str) -> str:
    found: str = client.get(address).raise_for_status().headers["etag"]
    assert found.startswith('"')
    return found


def test_what_a_client_knows_already_is_not_sent_again(
    site: Site, technician: TestClient, sample: ScoredSample
) -> None:
    lists = [f"/api/v1/samples/{sample.id}/score", "/api/v1/samples", "/api/v1/samples?limit=1"]
    lims = site.as_role(Role.LIMS)
    for address in (*addresses(sample), *lists, "/api/v1/instrument-profiles"):
        first = technician.get(address)
        for known in (first.headers["etag"], f'"other", W/{first.headers["etag"]}', "*"):
            again = technician.get(address, headers={"If-None-Match": known})
            assert (again.status_code, again.content) == (304, b""), address
            assert again.headers["etag"] == first.headers["etag"]
        other = technician.get(address, headers={"If-None-Match": '"other"'})
        assert (other.status_code, other.content) == (200, first.content)
    hidden = lims.get(f"/api/v1/samples/{sample.id}", headers={"If-None-Match": "*"})
    assert hidden.status_code == 404, "a tag opens no door"


def test_a_change_of_what_was_read_is_made_and_tells_the_next_tag(
    technician: TestClient, sample: ScoredSample
) -> None:
    for address, change in addresses(sample).items():
        before = tag(technician, address)
        answer = technician.patch(address, json=change, headers={"If-Match": before})
        assert answer.status_code == 200, answer.text
        assert answer.headers["etag"] == tag(technician, address) != before


def test_a_change_of_what_somebody_changed_since_is_refused(
    technician: TestClient, sample: ScoredSample
) -> None:
    for address, change in addresses(sample).items():
        before = tag(technician, address)
        technician.patch(address, json=change).raise_for_status()
        after = technician.get(address)
        answer = technician.patch(address, json=change, headers={"If-Match": before})
        assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
        assert technician.get(address).content == after.content


def test_what_arrives_meanwhile_spoils_no_correction_and_is_still_told(
    technician: TestClient, sample: ScoredSample
) -> None:
    address = f"/api/v1/samples/{sample.id}"
    before = tag(technician, address)
    add_found(sample, sample.wells[0], np.random.default_rng(7), Verdict.ACCEPTED)
    new = technician.get(address, headers={"If-None-Match": before})
    assert (new.status_code, new.headers["etag"] == before) == (200, False)
    change = {"accession_number": "ACC-9"}
    answer = technician.patch(address, json=change, headers={"If-Match": before})
    assert answer.status_code == 200, answer.text
    again = technician.patch(address, json=change, headers={"If-Match": before})
    assert again.status_code == 412, "the number itself is another now"


def test_many_cells_are_corrected_as_they_were_read_or_none_of_them(
    technician: TestClient, sample: ScoredSample
) -> None:
    cells = sample.cells(sample.images["accepted"][0])[:3]
    tags = [tag(technician, f"/api/v1/cells/{cell}") for cell in cells]
    body = REJECTED | {"cell_ids": [str(cell) for cell in cells]}
    technician.patch(f"/api/v1/cells/{cells[1]}", json=REJECTED).raise_for_status()
    for known in (", ".join(tags), tags[0], '"other"'):
        answer = technician.patch("/api/v1/cells", json=body, headers={"If-Match": known})
        assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    first = technician.get(f"/api/v1/cells/{cells[0]}")
    assert (first.headers["etag"], first.json()["verdict"]) == (tags[0], "accepted")
    tags[1] = tag(technician, f"/api/v1/cells/{cells[1]}")
    known = ", ".join(tags)
    answer = technician.patch("/api/v1/cells", json=body, headers={"If-Match": known})
    assert answer.status_code == 200, answer.text
    assert {cell["verdict"] for cell in answer.json()["items"]} == {"rejected"}


def test_of_two_at_once_who_read_the_same_one_is_told_to_read_again(
    technician: TestClient, sample: ScoredSample
) -> None:
    address = f"/api/v1/samples/{sample.id}"
    before = tag(technician, address)

    def change(number: int) -> httpx2.Response:
        body = {"accession_number": f"ACC-{number}"}
        return technician.patch(address, json=body, headers={"If-Match": before})

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(change, range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + 7 * [412]
    (made,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert technician.get(address).json()["accession_number"] == made["accession_number"]


def test_a_change_of_something_that_is_not_there_stays_unknown(technician: TestClient) -> None:
    nowhere = "/api/v1/samples/00000000-0000-0000-0000-000000000000"
    answer = technician.patch(nowhere, json={"notes": "x"}, headers={"If-Match": "*"})
    assert (answer.status_code, answer.json()["code"]) == (404, "sample_unknown")


def test_numbers_are_corrected_until_the_result_is_handed_in(
    site: Site, technician: TestClient, sample: ScoredSample
) -> None:
    address = f"/api/v1/samples/{sample.id}"
    change = {"accession_number": "ACC-3", "notes": "relabelled"}
    changed = technician.patch(address, json=change).raise_for_status().json()
    assert (changed["accession_number"], changed["notes"]) == ("ACC-3", "relabelled")
    emptied = technician.patch(address, json={"notes": None}).json()
    assert (emptied["accession_number"], emptied["notes"]) == ("ACC-3", None)
    administrator = site.as_role(Role.ADMINISTRATOR)
    (newest, *_) = administrator.get(f"/api/v1/audit?entity_id={sample.id}").json()["items"]
    assert (newest["action"], newest["before"]) == ("sample.changed", {"notes": "relabelled"})
    assert site.as_role(Role.LIMS).patch(address, json=change).status_code == 404
