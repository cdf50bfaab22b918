"""Every number on the sample and the agreement page is in the API, with its method beside it."""

import re
import uuid
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from app.api.v1.schemas.agreement import PairIn
from app.db.session import transaction
from app.domain.outlets import CONSTRICTION_UM
from app.security.permissions import SYSTEM
from app.services import analyses, references
from app.services.references import EnteredReference
from bench.fabricated_samples import add_image, fabricate, record
from tests.integration.agreement_pairs import AGREEMENT, published_csv, send_csv
from tests.integration.conftest import Site
from tests.integration.shown_numbers import shown_numbers, untold
from tests.laboratory import NEEDS, Laboratory, open_laboratory

CONSTANTS = frozenset({"95 %", "crosses 50 %", " µm"})
"""The level of every interval, and what the device's outlets are."""

COUNTS = frozenset({"n_cells", "n_images", "n_wells", "n_excluded", "n_restored", "findings"})
"""Counted, and by no method; findings name their code."""


@pytest.fixture
def laboratory(site: Site) -> Laboratory:
    assert site.settings.database_url is not None
    return open_laboratory(site.sessions, site.settings.database_url, site.storage.parent)


@pytest.fixture
def sample_id(laboratory: Laboratory) -> uuid.UUID:
    """Scored from two wells, and sorted twice."""
    return sorted_and_analysed(laboratory, n_wells=2)


def sorted_and_analysed(laboratory: Laboratory, *, n_wells: int) -> uuid.UUID:
    rng = np.random.default_rng(7)
    sample_id = laboratory.take_sample()
    for number in range(1, n_wells + 1):
        well_id = laboratory.add_well(sample_id, number)
        for _ in range(4):
            image = fabricate(rng, n_cells=60, outlets=(2, 3, 4, 5))
            with transaction(laboratory.sessions) as session:
                record(session, add_image(session, well_id), image)
    with transaction(laboratory.sessions) as session:
        for counts in ({2: 310, 3: 4105, 4: 3920, 5: 777}, {2: 290, 3: 3777, 4: 4120, 5: 801}):
            references.add_reference(
                session, SYSTEM, sample_id, EnteredReference(counts=counts), run_sd=0.17
            )
        analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
    laboratory.run_queue()
    return sample_id


def answer(client: TestClient, path: str) -> Any:  # noqa: ANN401  JSON
    return client.get(f"/api/v1{path}").raise_for_status().json()


def test_every_number_on_the_sample_page_is_in_the_api(
    technician: TestClient, sample_id: uuid.UUID
) -> None:
    page = technician.get(f"/samples/{sample_id}").raise_for_status().text
    sample = answer(technician, f"/samples/{sample_id}")
    score = answer(technician, f"/samples/{sample_id}/score")
    told = {
        "page": {"sample": sample["donor_code"], "score": score},
        "score-head": score,
        "findings-head": score["findings"],
        "curves-head": [
            {n: score[n] for n in ("outlet_fractions", "cumulated_fractions")},
            {n: score["comparison"][n] for n in ("outlet_fractions", "cumulated_fractions")},
            list(CONSTRICTION_UM.items()),
        ],
        "wells-head": [sample["wells"], score["wells"]],
        "references": sample["references"],
    }
    assert len(list(shown_numbers(page))) > 60
    assert untold(page, told, CONSTANTS) == []


def test_where_there_is_no_score_the_refusal_says_every_number(
    technician: TestClient, laboratory: Laboratory
) -> None:
    sample_id = sorted_and_analysed(laboratory, n_wells=1)
    page = technician.get(f"/samples/{sample_id}").raise_for_status().text
    refusal = technician.get(f"/api/v1/samples/{sample_id}/score")
    assert refusal.status_code == 409
    shown = [one for one in shown_numbers(page) if one.section == "score-head"]
    assert len(shown) > 5
    told = {"score-head": refusal.json()}
    wrong = untold(page, told, CONSTANTS)
    assert [one for one in wrong if one.startswith("score-head")] == []
    assert refusal.json()["reference"]["method"] == "rs-device/1"


def test_every_figure_of_a_score_names_its_method(
    technician: TestClient, sample_id: uuid.UUID
) -> None:
    score = answer(technician, f"/samples/{sample_id}/score")
    methods = score["methods"]
    named = {name.split(".")[0] for name in methods}
    figures = {name for name, value in score.items() if is_figure(value)}
    assert figures - named - COUNTS == set()
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*/\d+", method) for method in methods.values())


def is_figure(value: object) -> bool:
    """A number, or a group that holds some."""
    if isinstance(value, dict):
        return any(is_figure(one) for one in value.values())
    if isinstance(value, list):
        return any(is_figure(one) for one in value)
    return isinstance(value, float | int) and not isinstance(value, bool)


def test_every_number_on_the_agreement_page_is_in_the_api(
    technician: TestClient, sample_id: uuid.UUID
) -> None:
    assert send_csv(technician, published_csv()).status_code == 201
    page = technician.get("/agreement").raise_for_status().text
    told = technician.get(AGREEMENT).raise_for_status().json()
    assert told["n"] == 11
    by_section = {
        "page": [],
        "count-head": [told["message"], told["findings"]],
        "figures-head": {name: value for name, value in told.items() if name != "pairs"},
        "pairs": [told["pairs"], list(range(1, told["n"] + 1))],
        "enter-head": list(PairIn.model_json_schema().items()),
    }
    assert len(list(shown_numbers(page))) > 100
    assert untold(page, by_section, CONSTANTS) == []


def test_every_figure_of_agreement_names_its_method(technician: TestClient) -> None:
    assert send_csv(technician, published_csv()).status_code == 201
    told = technician.get(AGREEMENT).raise_for_status().json()
    methods = {
        name: value["method"] for name, value in told.items()
        if isinstance(value, dict) and name != "selection"
    }  # fmt: skip
    assert methods.keys() >= {
        "bland_altman", "deming", "passing_bablok", "percent_deviation", "pearson", "outliers",
    }  # fmt: skip
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*/\d+", method) for method in methods.values())


def test_a_number_that_no_answer_has_is_found() -> None:
    page = "<main><section aria-labelledby='a'><p>2.51 of 1,240, 37 %</p></section></main>"
    assert untold(page, {"a": {"score": 2.513, "n": 1240, "share": 0.368}}, frozenset()) == []
    assert len(untold(page, {"a": {"score": 2.52, "n": 1239, "share": 0.38}}, frozenset())) == 3
    assert len(untold(page, {"b": {"score": 2.513, "n": 1240, "share": 0.368}}, frozenset())) == 3
