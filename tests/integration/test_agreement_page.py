"""The agreement page on a real database: what it shows, and forms that are refused."""

import re

import pytest
from starlette.testclient import TestClient

from tests.integration.agreement_pairs import add_score, scored_sample, version
from tests.integration.conftest import Site

FROM_OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
PAIR = {
    "donor_code": "E-1",
    "reference_score": "3,27",
    "image_score": "3.19",
    "measured_with": "other laboratory",
}


@pytest.fixture
def person(technician: TestClient) -> TestClient:
    technician.headers.update(FROM_OWN_PAGE)
    return technician


def words(page: str) -> str:
    """What a reader sees of a page, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def published(person: TestClient) -> str:
    return person.get("/agreement/published-pairs.csv").raise_for_status().text


def test_an_empty_page_says_what_to_do(person: TestClient) -> None:
    page = words(person.get("/agreement").text)
    assert "No pairs yet" in page
    assert "Enter a reference on the page of a scored sample" in page
    assert "Ten published pairs to try" in page


def test_the_offered_example_gives_the_published_figures(person: TestClient) -> None:
    saved = person.post("/agreement/table", data={"table": published(person)})
    assert (saved.status_code, saved.headers["location"]) == (
        303, "/agreement?source=elsewhere#pairs",
    )  # fmt: skip
    page = words(person.get("/agreement").text)
    assert "10 of 40 pairs: the figures are shown, and nothing is passed or failed." in page
    assert "Mean ± standard deviation 10.4 ± 6.8 %" in page
    assert "Slope 0.737 0.474 to 1.001" in page
    assert "Linearity (passing-bablok-cusum/1) not assessable" in page
    assert "passing-bablok/1, n = 10" in page
    assert page.count("Elsewhere") == 10


def test_an_interval_without_an_end_is_told_in_words(person: TestClient) -> None:
    table = "\n".join(published(person).splitlines()[:4])
    assert person.post("/agreement/table", data={"table": table}).status_code == 303
    page = words(person.get("/agreement").text)
    assert "3 of 40 pairs" in page
    assert "without bounds" in page
    assert "open to open" not in page


def test_the_template_can_be_sent_back(person: TestClient) -> None:
    template = person.get("/agreement/template.csv")
    assert template.headers["content-type"].startswith("text/csv")
    assert 'filename="pairs-template.csv"' in template.headers["content-disposition"]
    assert person.post("/agreement/table", data={"table": template.text}).status_code == 303


def test_a_refused_table_is_shown_again_with_every_wrong_line(person: TestClient) -> None:
    lines = published(person).splitlines()
    lines[2] = lines[2].replace("2.47", "abc")
    lines[5] = lines[5].replace("3.15", "31.5").replace("3.18", "?")
    refused = person.post("/agreement/table", data={"table": "\n".join(lines)})
    page = words(refused.text)
    assert refused.status_code == 422
    assert "line 3: reference_score: it is not a number: abc" in page
    assert "line 6: image_score: it is not a number: ?" in page
    assert "published 7,3.47,3.24" in page
    assert "No pairs" in page


def test_a_typed_pair_is_saved_and_the_next_keeps_the_method(person: TestClient) -> None:
    saved = person.post("/agreement/pairs", data=PAIR)
    assert saved.status_code == 200
    assert "The pair of E-1 is saved." in saved.text
    assert 'value="other laboratory"' in saved.text
    assert 'value="3.19"' not in saved.text
    page = words(saved.text)
    assert "1 of 40 pairs" in page
    assert "3.27 3.19 −0.08 8 %" in page


def test_a_refused_pair_is_shown_again_as_typed(person: TestClient) -> None:
    refused = person.post("/agreement/pairs", data=PAIR | {"reference_score": "high"})
    assert refused.status_code == 422
    assert "reference_score: it is not a number: high" in words(refused.text)
    assert 'value="high"' in refused.text
    again = person.post("/agreement/pairs", data=PAIR | {"donor_code": ""})
    assert (again.status_code, "donor_code: it is empty" in words(again.text)) == (422, True)


def test_a_note_and_a_withdrawal_are_shown_with_their_pair(person: TestClient) -> None:
    person.post("/agreement/table", data={"table": published(person)})
    ids = re.findall(r"/agreement/pairs/([0-9a-f-]{36})/notes", person.get("/agreement").text)
    shown = {"shown": "elsewhere"}
    noted = person.post(f"/agreement/pairs/{ids[0]}/notes", data=shown | {"text": "slow run"})
    assert noted.headers["location"] == "/agreement?source=elsewhere#pairs"
    person.post(f"/agreement/pairs/{ids[1]}/withdraw", data=shown | {"reason": "typed wrongly"})
    page = words(person.get("/agreement?source=elsewhere").text)
    assert "slow run" in page
    assert "Withdrawn: typed wrongly" in page
    assert "9 of 40 pairs" in page


def test_a_new_installation_shows_the_drawn_pairs_and_says_so(
    site: Site, person: TestClient
) -> None:
    model = version(site, "demo", is_demonstration=True)
    for number, score in enumerate((2.9, 3.0, 3.3), 1):
        scored_sample(site, f"DEMO-{number}", model, score, score - 0.05, is_demonstration=True)
    page = words(person.get("/agreement").text)
    assert "Pairs of the demonstration." in page
    assert "3 of 40 pairs" in page
    assert "No pairs match" in words(person.get("/agreement?source=all&from=2026-01-01").text)
    scored_sample(site, "D-1", model, 3.1, 3.0)
    page = words(person.get("/agreement").text)
    assert "1 of 40 pairs" in page
    assert "Scored by a demonstration model." in page


def test_a_method_and_a_period_can_be_chosen(site: Site, person: TestClient) -> None:
    first, second = version(site, "first"), version(site, "second")
    sample_id = scored_sample(site, "D-1", first, 3.1, 3.0)
    add_score(site, sample_id, second, 3.4)
    person.post("/agreement/pairs", data=PAIR)
    of_first = words(person.get("/agreement?method=first").text)
    assert "1 of 40 pairs" in of_first
    assert "3.00 3.10 +0.10 10 %" in of_first
    elsewhere = words(person.get("/agreement?method=other+laboratory").text)
    assert "1 of 40 pairs" in elsewhere
    assert "3.27 3.19 −0.08 8 %" in elsewhere
    assert "No pairs match" in words(person.get("/agreement?from=2027-01-01").text)
    assert person.get("/agreement?from=yesterday").status_code == 422
