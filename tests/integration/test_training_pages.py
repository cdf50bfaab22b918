"""The pages of training runs on a real database: the form, what it refuses, and one run."""

import re
import uuid
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import TrainingRun
from app.security.permissions import Role
from tests.integration.conftest import Site
from tests.integration.sorted_samples import SortedSample, sort_sample, trainable
from tests.laboratory import Laboratory, open_laboratory

FROM_OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def laboratory(site: Site, database_url: str, tmp_path: Path) -> Laboratory:
    return open_laboratory(site.sessions, database_url, tmp_path / "laboratory")


@pytest.fixture
def samples(laboratory: Laboratory) -> list[SortedSample]:
    return [
        *trainable(laboratory),
        sort_sample(laboratory, "DEMO-9", outlets=(3, 7), is_demonstration=True),
    ]


@pytest.fixture
def person(site: Site, samples: list[SortedSample]) -> TestClient:
    client = site.as_role(Role.ADMINISTRATOR)
    client.headers.update(FROM_OWN_PAGE)
    assert samples
    return client


def words(page: str) -> str:
    """What a reader sees of a page, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def ticked(page: str) -> set[str]:
    boxes: list[str] = re.findall(r'name="samples" value="([^"]+)" checked', page)
    return set(boxes)


def run_of(site: Site, address: str) -> TrainingRun:
    with transaction(site.sessions) as session:
        return session.get_one(TrainingRun, uuid.UUID(address.rsplit("/", 1)[-1]))


def test_the_form_ticks_all_but_the_demonstration_and_says_what_to_expect(
    person: TestClient, samples: list[SortedSample]
) -> None:
    page = person.get("/training-runs/new").raise_for_status().text
    assert ticked(page) == {str(one.id) for one in samples[:3]}
    text = words(page)
    assert "in 12 wells of 3 donors" in text
    assert "Outlet 7" in text
    assert "3 donors: under 5 no interval over donors can be given." in text


def test_a_run_is_asked_for_with_some_samples_and_settings(
    person: TestClient, samples: list[SortedSample], site: Site
) -> None:
    chosen = [str(one.id) for one in samples[:3]]
    form = {"name": "spring", "samples": chosen, "epochs": "7", "learning_rate": "0,01",
            "target": "class", "search": "on"}  # fmt: skip
    asked = person.post("/training-runs", data=form)
    assert asked.status_code == 303
    run = run_of(site, asked.headers["location"])
    values = {key: run.config[key] for key in ("epochs", "learning_rate", "target", "search")}
    assert values == {"epochs": 7, "learning_rate": 0.01, "target": "class", "search": True}
    page = person.get(asked.headers["location"]).raise_for_status().text
    assert "Waiting for a worker." in words(page)
    assert "spring" in words(person.get("/training-runs").text)
    again = person.get(f"/training-runs/new?again={run.id}").text
    assert ticked(again) == set(chosen)
    assert 'name="epochs" type="text" value="7"' in again
    assert 'value="class" checked' in again


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"epochs": "many"}, "epochs is not a whole number"),
        ({"learning_rate": "7"}, "learning_rate is 7"),
        ({"samples": []}, "no accepted cells in sorted wells"),
        ({"samples": ["x"]}, "load the page again"),
        ({"name": ""}, "A name has 1 to 100"),
    ],
)
def test_a_refused_form_keeps_what_was_typed(
    person: TestClient, samples: list[SortedSample], form: dict[str, object], said: str
) -> None:
    chosen = [str(one.id) for one in samples[:3]]
    answer = person.post("/training-runs", data={"name": "spring", "samples": chosen} | form)
    assert answer.status_code == 422
    assert said in words(answer.text)
    if "name" not in form:
        assert 'value="spring"' in answer.text
    if "samples" not in form:
        assert ticked(answer.text) == set(chosen)


def test_a_run_is_cancelled_from_its_page(
    person: TestClient, samples: list[SortedSample], site: Site
) -> None:
    form = {"name": "spring", "samples": [str(one.id) for one in samples[:3]]}
    address = person.post("/training-runs", data=form).headers["location"]
    assert "Cancel the run" in person.get(address).text
    assert person.post(f"{address}/cancel").headers["location"] == address
    page = person.get(address).text
    assert "Cancelled" in words(page)
    assert "Cancel the run" not in page
    assert "Train again with these settings" in page
    assert run_of(site, address).state == "cancelled"


def test_a_technician_may_look_and_nothing_more(
    person: TestClient, technician: TestClient, samples: list[SortedSample]
) -> None:
    form = {"name": "spring", "samples": [str(one.id) for one in samples[:3]]}
    address = person.post("/training-runs", data=form).headers["location"]
    assert "Cancel the run" not in technician.get(address).raise_for_status().text
    assert technician.get("/training-runs/new").status_code == 403
