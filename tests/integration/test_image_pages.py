"""The pages of images on a real database: verdicts, cells, corrections without a script."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.db.session import transaction
from app.security.permissions import SYSTEM
from app.services import analyses
from tests.integration.conftest import Site
from tests.integration.test_dashboard import signed_in, words
from tests.laboratory import NEEDS, Laboratory, open_laboratory, some_donor


@dataclass(frozen=True)
class Bench:
    """A scored sample, somebody signed in, and the path of one of its images."""

    person: TestClient
    laboratory: Laboratory
    sample_path: str
    image_path: str

    def cells(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.person.get(f"/api/v1{self.image_path}/cells").json()[
            "items"
        ]
        return items

    def score(self) -> float:
        self.laboratory.run_queue()
        return float(self.person.get(f"/api/v1{self.sample_path}/score").json()["rigidity_score"])


@pytest.fixture
def bench(site: Site, database_url: str, tmp_path: Path) -> Iterator[Bench]:
    """Yield two wells of three drawn images each, scored."""
    laboratory = open_laboratory(site.sessions, database_url, tmp_path)
    person = signed_in(site)
    sample_id = laboratory.take_sample("D-7")
    laboratory.send_drawn(sample_id, some_donor(), images_per_well=3)
    with transaction(laboratory.sessions) as session:
        analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
    laboratory.run_queue()
    page = person.get(f"/samples/{sample_id}/images").text
    image_path = re.findall(r'href="(/images/[0-9a-f-]+)"', page)[0]
    yield Bench(person, laboratory, f"/samples/{sample_id}", image_path)


def test_the_page_lists_every_cell_once_over_its_pages(bench: Bench) -> None:
    listed: list[str] = []
    href: str | None = f"{bench.image_path}?show=all&page=1"
    while href:
        page = bench.person.get(href).text
        listed += re.findall(r'data-cell="([0-9a-f-]+)"', page)
        further = re.search(r'href="([^"]+)" data-list-page>Further', page)
        href = further[1].replace("&amp;", "&") if further else None
    assert listed == [cell["id"] for cell in bench.cells()]
    assert len(listed) > 0


def test_the_outlines_are_those_of_the_interface(bench: Bench) -> None:
    packed = bench.person.get(f"{bench.image_path}/outlines").json()
    cells = bench.cells()
    assert packed["ids"] == [cell["id"] for cell in cells]
    assert packed["verdicts"] == [cell["verdict"] for cell in cells]
    accepted = [cell for cell in cells if cell["verdict"] == "accepted"]
    assert [p for p in packed["p_deformable"] if p is not None] == [
        cell["p_deformable"] for cell in accepted
    ]


def test_a_chosen_cell_is_shown_without_a_script(bench: Bench) -> None:
    cell = next(cell for cell in bench.cells() if cell["verdict"] == "rejected")
    page = bench.person.get(f"{bench.image_path}?cell={cell['id']}").text
    assert "The program rejected it" in words(page)
    assert f"{cell['diameter_um']:.2f} µm" in words(page)
    part = bench.person.get(f"{bench.image_path}/cells/{cell['id']}").text
    assert words(part) in words(page)


def test_a_form_excludes_a_cell_and_its_restoring_gives_the_score_back(bench: Bench) -> None:
    before = bench.score()
    cell = next(cell for cell in bench.cells() if cell["verdict"] == "accepted")
    path = f"{bench.image_path}/cells/{cell['id']}/corrections"
    form = {"verdict": "rejected", "reason": "", "words": "a fold beside it"}
    done = bench.person.post(path, data=form)
    assert (done.status_code, done.headers["location"]) == (
        303, f"{bench.image_path}?cell={cell['id']}#cell",
    )  # fmt: skip
    page = words(bench.person.get(done.headers["location"]).text)
    assert "Excluded by technician" in page
    assert "a fold beside it" in page
    assert "following" in page
    assert bench.score() != before
    sample = words(bench.person.get(bench.sample_path).text)
    assert "1 cell excluded by hand by technician: show" in sample
    bench.person.post(path, data={"verdict": "accepted", "reason": "A whole single cell"})
    assert bench.score() == before
    assert "by hand by" not in words(bench.person.get(bench.sample_path).text)


def test_a_form_excludes_an_image_and_the_lists_say_so(bench: Bench) -> None:
    before = bench.score()
    path = f"{bench.image_path}/corrections"
    bench.person.post(path, data={"verdict": "rejected", "reason": "Out of focus"})
    page = words(bench.person.get(bench.image_path).text)
    assert "Excluded by technician: Out of focus." in page
    assert "None of its cells counts in the score." in page
    assert bench.score() != before
    by_hand = bench.person.get(f"{bench.sample_path}/images?show=corrected").text
    assert re.findall(r'href="(/images/[0-9a-f-]+)"', by_hand) == [bench.image_path] * 2
    bench.person.post(path, data={"verdict": "accepted", "reason": "Sharp enough"})
    assert bench.score() == before
    log = words(bench.person.get(bench.image_path).text)
    assert log.index("Restored Sharp enough technician") < log.index(
        "Excluded Out of focus technician"
    )


def test_a_correction_without_a_reason_changes_nothing(bench: Bench) -> None:
    refused = bench.person.post(f"{bench.image_path}/corrections", data={"verdict": "rejected"})
    assert refused.status_code == 422
    assert "Excluded" not in words(bench.person.get(bench.image_path).text)


def test_a_correction_from_a_foreign_page_changes_nothing(bench: Bench) -> None:
    form = {"verdict": "rejected", "reason": "Out of focus"}
    refused = bench.person.post(
        f"{bench.image_path}/corrections", data=form, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert refused.status_code == 403
    assert "Excluded" not in words(bench.person.get(bench.image_path).text)
