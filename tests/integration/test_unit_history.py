"""A unit over storage days by API and page: what shares a line, and who sees it."""

import datetime as dt
import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import Sample
from app.security.permissions import Principal, Role
from app.services import api_keys
from app.services.samples import Container
from tests.integration.agreement_pairs import refused, version
from tests.integration.conftest import Site
from tests.integration.unit_samples import DIN, OTHER_DIN, TakenDay, add_score, take

HISTORY = "/api/v1/unit-history"


def history_of(client: TestClient, **query: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(HISTORY, params=query).raise_for_status().json()
    return answer


def words(page: str) -> str:
    """What a reader sees of a page, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def take_four_days(site: Site) -> None:
    """The days and scores whose slope `tests/unit/test_unit_history.py` works out by hand."""
    model = version(site)
    for day, score in ((28, 3.1), (0, 3.0), (42, 3.2), (14, 3.1)):
        take(site, model, TakenDay(day=day, score=score, runs=(score - 0.1, score - 0.2)))


def test_one_unit_is_one_line_in_the_order_of_its_days(site: Site, technician: TestClient) -> None:
    take_four_days(site)
    told = history_of(technician, din="A9999 21 123456 3")
    (line,) = told["lines"]
    assert (told["din"], line["din"], line["donor_code"]) == (DIN, DIN, "D-1")
    assert [point["storage_day"] for point in line["points"]] == [0, 14, 28, 42]
    first = line["points"][0]
    assert first["image"] == {"rigidity_score": 3.0, "interval": [2.8, 3.2], "n_runs": None}
    assert first["reference"]["n_runs"] == 2
    assert first["reference"]["rigidity_score"] == pytest.approx(2.85)
    assert first["model_version"]["name"] == "compact-1"
    assert line["trend"]["method"] == "unit-slope/1"
    assert line["trend"]["slope_per_day"]["value"] == pytest.approx(4.2 / 980)
    assert line["reference_trend"]["slope_per_day"]["value"] == pytest.approx(4.2 / 980)
    assert line["reference_trend"]["rests_on"] == "repeats"


@pytest.mark.parametrize(
    "other",
    [
        TakenDay(day=14, score=3.4, din=OTHER_DIN),
        TakenDay(day=14, score=3.4, container=Container.CITRATE_TUBE),
        TakenDay(day=14, score=3.4, additive="AS-1"),
        TakenDay(day=14, score=3.4, additive=None),
        TakenDay(day=14, score=3.4, is_demonstration=True),
        TakenDay(day=14, score=3.4, din=None),
    ],
)
def test_what_is_not_the_same_cells_never_shares_a_line(
    site: Site, technician: TestClient, other: TakenDay
) -> None:
    model = version(site)
    take(site, model, TakenDay(day=0, score=3.0))
    take(site, model, other)
    lines = history_of(technician, donor_code="D-1")["lines"]
    assert [len(line["points"]) for line in lines] == [1, 1]


def test_two_donors_with_one_number_are_two_lines_and_pointed_out(
    site: Site, technician: TestClient
) -> None:
    model = version(site)
    take(site, model, TakenDay(day=0, score=3.0))
    take(site, model, TakenDay(day=14, score=3.1, donor_code="D-2"))
    told = history_of(technician, din=DIN)
    assert [line["donor_code"] for line in told["lines"]] == ["D-1", "D-2"]
    assert [finding["code"] for finding in told["findings"]] == ["several_donors"]


def test_a_segment_stands_for_its_bag(site: Site, technician: TestClient) -> None:
    model = version(site)
    take(site, model, TakenDay(day=0, score=3.0))
    take(site, model, TakenDay(day=14, score=3.1, container=Container.SEGMENT, additive="sagm"))
    (line,) = history_of(technician, din=DIN)["lines"]
    assert [point["container"] for point in line["points"]] == ["blood_bag", "segment"]


def test_a_sample_without_a_number_is_a_gap_with_its_reason(
    site: Site, technician: TestClient
) -> None:
    model = version(site)
    take(site, model, TakenDay(day=0, score=3.0))
    take(site, model, TakenDay(day=7, reason="needs 412 more accepted cells"))
    take(site, model, TakenDay(day=14))
    take(site, model, TakenDay(day=None, score=3.3))
    withdrawn = take(site, model, TakenDay(day=21, score=3.3))
    with transaction(site.sessions) as session:
        row = session.get(Sample, withdrawn)
        assert row is not None
        row.state = "withdrawn"
    (line,) = history_of(technician, din=DIN)["lines"]
    gaps = [point["gap"] and point["gap"]["code"] for point in line["points"]]
    assert gaps == [None, "too_few_cells", "not_analysed", "withdrawn", "no_storage_day"]
    assert line["points"][1]["gap"]["message"] == "No donor score: needs 412 more accepted cells."
    assert line["points"][1]["image"] is None
    assert line["trend"]["code"] == "too_few_days"


def test_scores_of_two_model_versions_make_no_slope_until_one_is_chosen(
    site: Site, technician: TestClient
) -> None:
    first, second = version(site, "first"), version(site, "second")
    for day in (0, 14, 28):
        taken = TakenDay(day=day, score=3.0 + day / 1000)
        sample_id = take(site, first, taken)
        if day == 28:
            add_score(site, sample_id, second, TakenDay(day=day, score=3.5))
    (line,) = history_of(technician, din=DIN)["lines"]
    assert line["trend"]["code"] == "several_methods"
    (line,) = history_of(technician, din=DIN, model_version_id=str(first))["lines"]
    assert line["trend"]["n"] == 3
    page = technician.get("/unit-history", params={"din": DIN}).text
    assert "Scores by first" in page
    assert f"model_version_id={second}" in page


def test_contradicting_days_of_collection_make_no_slope(site: Site, technician: TestClient) -> None:
    model = version(site)
    for day, collected_on in ((0, 1), (14, 1), (28, 2)):
        taken = TakenDay(day=day, score=3.0, collected_on=dt.date(2026, 3, collected_on))
        take(site, model, taken)
    (line,) = history_of(technician, din=DIN)["lines"]
    assert line["trend"]["code"] == line["reference_trend"]["code"] == "collection_dates_differ"


def test_days_outside_the_training_donors_are_counted(site: Site, technician: TestClient) -> None:
    model = version(site)
    take(site, model, TakenDay(day=0, score=3.0))
    take(site, model, TakenDay(day=14, score=3.1, population="outside"))
    (line,) = history_of(technician, din=DIN)["lines"]
    assert [(one["code"], one["value"]) for one in line["findings"]] == [("outside_population", 1)]


def test_a_history_is_about_one_subject_that_can_be_seen(
    site: Site, technician: TestClient
) -> None:
    take_four_days(site)
    refused(technician.get(HISTORY), "history_subject")
    refused(technician.get(HISTORY, params={"din": DIN, "donor_code": "D-1"}), "history_subject")
    refused(technician.get(HISTORY, params={"din": DIN[:-1]}), "din_malformed")
    refused(technician.get(HISTORY, params={"donor_code": "D-9"}), "unit_unknown", 404)
    stranger = site.as_role(Role.LIMS)
    refused(stranger.get(HISTORY, params={"din": DIN}), "unit_unknown", 404)


def test_a_lims_key_sees_its_own_days_alone(site: Site) -> None:
    model = version(site)
    token = site.key(Role.LIMS)
    with transaction(site.sessions) as session:
        own: Principal = api_keys.authenticate(session, token)
    take(site, model, TakenDay(day=0, score=3.0))
    take(site, model, TakenDay(day=14, score=3.1), principal=own)
    (line,) = history_of(site.client(token), din=DIN)["lines"]
    assert [point["storage_day"] for point in line["points"]] == [14]


# The page


def test_the_page_says_the_slope_in_words_beside_its_figures(
    site: Site, technician: TestClient
) -> None:
    take_four_days(site)
    page = words(technician.get("/unit-history", params={"text": f"={DIN}63"}).text)
    assert "A9999 21 123456 check character 3" in page
    assert "Neither a rise nor a fall can be told from no change." in page
    assert "+0.18 from day 0 to day 42" in page
    assert "Day 14 15 Mar 2026 3.10 (2.90 to 3.30) 2.95" in page
    donor = words(technician.get("/unit-history", params={"text": "D-1"}).text)
    assert "Donor D-1 · DIN A9999 21 123456 · Bag or its segments · SAGM" in donor


def test_the_page_asks_which_unit_and_says_why_there_is_no_slope(
    site: Site, technician: TestClient
) -> None:
    assert "Scan or type a donation number" in technician.get("/unit-history").text
    mistyped = technician.get("/unit-history", params={"text": f"={DIN}83"})
    assert (mistyped.status_code, "do not fit" in mistyped.text) == (422, True)
    take(site, version(site), TakenDay(day=0, score=3.0))
    page = words(technician.get("/unit-history", params={"din": DIN}).text)
    assert "No slope: not assessable, because a slope needs scores of 3 different" in page


def test_a_sample_shows_its_unit_once_there_is_more_than_itself(
    site: Site, technician: TestClient
) -> None:
    model = version(site)
    sample_id = take(site, model, TakenDay(day=0, score=3.0))
    assert "This unit over storage" not in technician.get(f"/samples/{sample_id}").text
    take(site, model, TakenDay(day=14, score=3.1))
    page = technician.get(f"/samples/{sample_id}").text
    assert "This unit over storage" in page
    assert f'href="/unit-history?din={DIN}"' in page
