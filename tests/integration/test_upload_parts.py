"""What the pages of intake are told while a person still scans labels and sends images."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import ScanImage
from app.domain.quality import Verdict
from tests.integration.conftest import Site
from tests.integration.test_dashboard import signed_in, words
from tests.laboratory import Laboratory, open_laboratory, some_donor

FAULT = {
    "code": "out_of_focus", "level": "reject", "value": 1.8, "limit": 0.6,
    "message": "The image is out of focus.",
}  # fmt: skip


@pytest.fixture
def person(site: Site) -> TestClient:
    return signed_in(site)


@pytest.fixture
def laboratory(site: Site, database_url: str, tmp_path: Path) -> Iterator[Laboratory]:
    """Yield a laboratory whose rows and files are those of the site."""
    yield open_laboratory(site.sessions, database_url, tmp_path)


@pytest.mark.parametrize(
    ("scan", "said"),
    [
        ("=G12349865432177", "Read as G1234 98 654321 check character H"),
        ("]C0=G12349865432177\r", "Read as G1234 98 654321 check character H"),
        ("g1234 98 654321", "Read as G1234 98 654321 check character H unchecked"),
    ],
)
def test_a_scan_is_read_back_with_its_check_character(
    person: TestClient, scan: str, said: str
) -> None:
    answer = person.get("/samples/din", params={"text": scan}).text
    assert words(answer) == said
    assert "data-wrong" not in answer


@pytest.mark.parametrize(
    ("scan", "reason"),
    [
        ("=G12349865432178", "check character do not fit"),
        ("=G12349856432177", "check character do not fit"),
        ("=<E0001V00", "product code"),
        ("=G1234", "not a donation number"),
    ],
)
def test_a_mistyped_scan_is_refused_with_its_reason(
    person: TestClient, scan: str, reason: str
) -> None:
    answer = person.get("/samples/din", params={"text": scan}).text
    assert reason in words(answer)
    assert "data-wrong" in answer


def test_arrivals_count_what_is_judged_and_what_is_not_yet(
    person: TestClient, laboratory: Laboratory
) -> None:
    sample_id = laboratory.take_sample("D-7")
    assert "data-arrivals" in person.get(f"/samples/{sample_id}/arrivals").text
    laboratory.send_drawn(sample_id, some_donor(), images_per_well=2)
    assert "unsorted 1 2 2 0 0" in words(person.get(f"/samples/{sample_id}/arrivals").text)
    laboratory.run_queue()
    assert "unsorted 1 2 0 2 0" in words(person.get(f"/samples/{sample_id}/arrivals").text)


def test_arrivals_advise_to_take_a_blurred_well_again(
    person: TestClient, laboratory: Laboratory
) -> None:
    sample_id = laboratory.take_sample("D-7")
    wells = laboratory.send_drawn(sample_id, some_donor(), images_per_well=5)
    judge(laboratory, wells[1], n_blurred=3)
    page = person.get(f"/samples/{sample_id}/arrivals").text
    assert "Take this well again. unsorted 1: 3 of 5 images are out of focus" in words(page)
    assert len(re.findall(r"data-image=", page)) == 3


def judge(laboratory: Laboratory, well_id: uuid.UUID, *, n_blurred: int) -> None:
    """As a worker would have written it: the first images blurred, the others sound."""
    with transaction(laboratory.sessions) as session:
        for number, image in enumerate(session.query(ScanImage).filter_by(well_id=well_id)):
            is_blurred = number < n_blurred
            image.verdict = (Verdict.REJECTED if is_blurred else Verdict.ACCEPTED).value
            image.findings = [FAULT] if is_blurred else []


def test_a_retake_asked_for_replaces_the_earlier_images(
    person: TestClient, laboratory: Laboratory
) -> None:
    """What the upload's page does when a person says that a folder was taken again."""
    sample_id = laboratory.take_sample("D-7")
    wells = laboratory.send_drawn(sample_id, some_donor(), images_per_well=2)
    begun = person.post(
        f"/api/v1/wells/{wells[1]}/scans", headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert begun.status_code == 201
    shown = words(person.get(f"/samples/{sample_id}/arrivals").text)
    assert "unsorted 1" not in shown
    assert "unsorted 2 2 2 0 0" in shown
