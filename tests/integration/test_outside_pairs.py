"""Pairs from elsewhere through the API: all lines or none, each wrong one named, none twice."""

import uuid

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import AuditEntry
from app.domain.method_comparison.published import NETWORK
from tests.integration.agreement_pairs import (
    HEADER,
    PAIRS,
    agreement_of,
    n_stored,
    published_csv,
    published_json,
    refused,
    send_csv,
)
from tests.integration.conftest import Site


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_the_published_pairs_give_the_published_figures_and_no_pass(
    technician: TestClient, kind: str
) -> None:
    if kind == "json":
        entered = technician.post(PAIRS, json=published_json())
    else:
        entered = send_csv(technician, published_csv())
    assert (entered.status_code, entered.json()["n"]) == (201, 10)
    told = agreement_of(technician)
    assert (told["n"], told["n_recommended"], told["is_enough"]) == (10, 40, False)
    assert told["message"].startswith("10 of 40 pairs")
    assert "pass" not in set(told) | set(told["bland_altman"])
    assert told["percent_deviation"]["mean"]["value"] == pytest.approx(10.4)
    assert told["percent_deviation"]["sd"] == pytest.approx(6.77, abs=0.005)
    assert told["deming"]["slope"]["value"] == pytest.approx(0.737421, abs=1e-6)
    assert told["deming"]["variance_ratio"]["source"] == "assumed"
    assert told["pearson"]["r"]["value"] == pytest.approx(0.94685, abs=1e-5)
    assert told["bland_altman"]["bias"]["value"] == pytest.approx(-0.042)
    assert told["passing_bablok"]["linearity"]["code"] == "too_few_pairs"
    assert [pair["origin"] for pair in told["pairs"]] == ["elsewhere"] * 10
    assert told["pairs"][0]["measured_with"] == NETWORK


def test_every_figure_names_its_method_and_version(technician: TestClient) -> None:
    technician.post(PAIRS, json=published_json())
    told = agreement_of(technician)
    methods = {
        name: told[name]["method"]
        for name in ("bland_altman", "deming", "passing_bablok", "percent_deviation", "pearson")
    }
    assert methods == {
        "bland_altman": "bland-altman/1",
        "deming": "deming/1",
        "passing_bablok": "passing-bablok/1",
        "percent_deviation": "percent-deviation/1",
        "pearson": "pearson-r/1",
    }


def test_a_wrong_line_is_named_and_nothing_is_stored(site: Site, technician: TestClient) -> None:
    lines = published_csv().splitlines()
    lines[3] = "donor 3,1,abc,2.84,published network,,"
    lines[6] = "donor 6,-1,2.96,30.5,published network,20.11.2026,"
    problem = refused(send_csv(technician, "\n".join(lines)), "pairs_refused")
    assert problem["detail"].startswith("Line 4, reference_score: it is not a number: abc;")
    assert [(one["place"], one["column"]) for one in problem["errors"]] == [
        ("line 4", "reference_score"), ("line 7", "measured_on"),
    ]  # fmt: skip
    lines[3], lines[6] = "donor 3,1,2.96,2.84,x,,", "donor 6,-1,2.96,30.5,x,,"
    problem = refused(send_csv(technician, "\n".join(lines)), "pairs_refused")
    assert {(one["place"], one["column"]) for one in problem["errors"]} == {
        ("line 7", "storage_day"), ("line 7", "image_score"),
    }  # fmt: skip
    assert n_stored(site) == 0


def test_semicolons_with_decimal_commas_and_a_byte_order_mark_are_read(
    technician: TestClient,
) -> None:
    text = "﻿Donor_Code;Reference_Score;Image_Score;Measured_With\r\nA;3,27;3,19;other lab\r\n\r\n"
    assert send_csv(technician, text).status_code == 201
    (pair,) = agreement_of(technician)["pairs"]
    assert (pair["reference_score"], pair["image_score"]) == (3.27, 3.19)


NO_TABLES: list[tuple[str | bytes, str]] = [
    ("", "it is empty"),
    ("donor_code,reference_score,image_score\nA,3,3\n", "the column measured_with is missing"),
    (f"{HEADER},rs\n", "the column rs is not known"),
    (f"{HEADER},source\n", "a column is there twice"),
    (f"{HEADER}\n", "there is no line below"),
    (HEADER.encode("utf-16"), "it is not UTF-8"),
    (f'{HEADER}\n"A,1,3,3,x,,\n', "unexpected end"),
]


def test_what_is_no_such_table_is_refused_with_the_reason(technician: TestClient) -> None:
    for text, said in NO_TABLES:
        assert said in refused(send_csv(technician, text), "pairs_unreadable")["detail"]


def test_an_unquoted_decimal_comma_is_guessed_at(technician: TestClient) -> None:
    text = "donor_code,reference_score,image_score,measured_with\nA,3,27,3,19,x\n"
    problem = refused(send_csv(technician, text), "pairs_refused")
    assert "6 values for 4 columns; write decimals with a point" in problem["detail"]


def test_json_errors_name_the_pair_and_its_field(site: Site, technician: TestClient) -> None:
    body = published_json()
    body["pairs"][2]["image_score"] = "high"
    problem = refused(technician.post(PAIRS, json=body), "invalid_request")
    assert problem["errors"][0]["where"] == ["body", "pairs", 2, "image_score"]
    body["pairs"][2]["image_score"] = 0.5
    problem = refused(technician.post(PAIRS, json=body), "pairs_refused")
    assert problem["detail"].startswith("Pair 3, image_score:")
    body["pairs"][2] |= {"image_score": 3.0, "model_version_id": str(uuid.uuid4())}
    problem = refused(technician.post(PAIRS, json=body), "pairs_refused")
    assert problem["errors"][0]["column"] == "model_version_id"
    assert n_stored(site) == 0


def test_a_body_that_is_no_list_of_pairs_is_refused(technician: TestClient) -> None:
    for body in (b"", b"[]", b'{"pairs": []}', b'{"pairs": [{"rs": 3}]}', b"\xff"):
        answer = technician.post(PAIRS, content=body, headers={"Content-Type": "application/json"})
        refused(answer, "invalid_request")


def test_another_form_than_json_and_csv_is_refused(technician: TestClient) -> None:
    answer = technician.post(PAIRS, content=b"x", headers={"Content-Type": "application/xml"})
    refused(answer, "pairs_media_type", 415)


def test_a_table_sent_twice_does_not_count_twice(site: Site, technician: TestClient) -> None:
    assert send_csv(technician, published_csv()).status_code == 201
    problem = refused(send_csv(technician, published_csv()), "pairs_refused")
    assert problem["detail"].startswith("Line 2: this pair is there already")
    doubled = f"{HEADER}\nB,1,3.0,3.1,x,,\nB,1,3.0,3.1,x,,\n"
    assert "same as line 2" in refused(send_csv(technician, doubled), "pairs_refused")["detail"]
    assert n_stored(site) == 10


def test_a_repeat_with_the_same_key_gets_the_first_answer(technician: TestClient) -> None:
    key = {"Idempotency-Key": "pairs-1", "Content-Type": "text/csv"}
    first = technician.post(PAIRS, content=published_csv(), headers=key)
    again = technician.post(PAIRS, content=published_csv(), headers=key)
    assert (again.status_code, again.json()) == (201, first.json())


def test_entering_is_audited_pair_by_pair(site: Site, technician: TestClient) -> None:
    ids = send_csv(technician, published_csv()).json()["ids"]
    with transaction(site.sessions) as session:
        wanted = select(AuditEntry).where(AuditEntry.action == "pair.added")
        entries = session.scalars(wanted.order_by(AuditEntry.seq)).all()
    assert [entry.entity_id for entry in entries] == ids
    assert '"reference_score":3.27' in entries[0].content


def test_a_withdrawn_pair_leaves_the_figures_and_stays_listed(
    site: Site, technician: TestClient
) -> None:
    ids = send_csv(technician, published_csv()).json()["ids"]
    address = f"{PAIRS}/{ids[1]}/withdraw"
    refused(technician.post(address, json={"reason": "  "}), "pair_reason")
    assert technician.post(address, json={"reason": "typed wrongly"}).status_code == 204
    refused(technician.post(address, json={"reason": "again"}), "pair_withdrawn", 409)
    told = agreement_of(technician)
    assert told["n"] == told["deming"]["n"] == 9
    (withdrawn,) = told["withdrawn"]
    assert (withdrawn["id"], withdrawn["withdrawn_reason"]) == (ids[1], "typed wrongly")
    # What was withdrawn may be entered again.
    row = published_csv().splitlines()
    assert send_csv(technician, f"{row[0]}\n{row[2]}\n").status_code == 201


def test_an_outlier_is_flagged_counted_and_can_be_annotated(technician: TestClient) -> None:
    body = published_json()
    body["pairs"][4]["image_score"] = 4.9
    ids = technician.post(PAIRS, json=body).json()["ids"]
    note = technician.post(f"{PAIRS}/{ids[4]}/notes", json={"text": "clotted sample"})
    assert note.status_code == 201
    told = agreement_of(technician)
    flagged = [pair for pair in told["pairs"] if pair["is_outlier"]]
    assert [pair["id"] for pair in flagged] == [ids[4]]
    assert [one["text"] for one in flagged[0]["notes"]] == ["clotted sample"]
    assert told["outliers"]["method"] == "outliers-esd/1"
    assert "outliers" in [finding["code"] for finding in told["findings"]]
    assert told["bland_altman"]["n"] == 10
