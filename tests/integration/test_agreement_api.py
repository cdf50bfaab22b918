"""Method comparison through the API: pairs from elsewhere, pairs measured here, who sees what."""

import datetime as dt
import uuid
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import select
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import Analysis, AuditEntry, ModelVersion, OutsidePair, Sample, Score
from app.domain.method_comparison.published import DONORS, NETWORK, SOURCE
from app.security.permissions import SYSTEM, Role
from app.services import references, samples
from app.services.references import EnteredReference
from app.services.samples import Container, NewSample
from tests.integration.conftest import Site

AGREEMENT = "/api/v1/agreement"
PAIRS = f"{AGREEMENT}/pairs"
HEADER = "donor_code,storage_day,reference_score,image_score,measured_with,measured_on,source"


def published_json() -> dict[str, Any]:
    return {
        "pairs": [
            {
                "donor_code": f"donor {donor.number}",
                "storage_day": donor.storage_day,
                "reference_score": donor.reference_score,
                "image_score": donor.image_score,
                "measured_with": NETWORK,
                "source": SOURCE,
            }
            for donor in DONORS
        ]
    }


def published_csv() -> str:
    rows = [
        f"donor {one.number},{one.storage_day},{one.reference_score},{one.image_score},{NETWORK},,"
        for one in DONORS
    ]
    return "\n".join([HEADER, *rows, ""])


def send_csv(client: TestClient, text: str | bytes) -> Response:
    return client.post(PAIRS, content=text, headers={"Content-Type": "text/csv"})


def agreement_of(client: TestClient, **query: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(AGREEMENT, params=query).raise_for_status().json()
    return answer


def refused(answer: Response, code: str, status: int = 422) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    problem: dict[str, Any] = answer.json()
    return problem


def n_stored(site: Site) -> int:
    with transaction(site.sessions) as session:
        return len(session.scalars(select(OutsidePair.id)).all())


def version(site: Site, name: str = "compact-1", *, is_demonstration: bool = False) -> uuid.UUID:
    with transaction(site.sessions) as session:
        row = ModelVersion(
            name=name, sha256=name.ljust(64, "0"), manifest={}, state="candidate",
            is_demonstration=is_demonstration,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row.id


def scored_sample(
    site: Site, donor_code: str, version_id: uuid.UUID, score: float | None, *runs: float,
    sampled_on: dt.date = dt.date(2026, 3, 1), is_demonstration: bool = False,
) -> uuid.UUID:  # fmt: skip
    """A sample with reference runs and the row of a finished analysis; no image is needed here."""
    new = NewSample(
        donor_code=donor_code,
        container=Container.BLOOD_BAG,
        sampled_at=dt.datetime.combine(sampled_on, dt.time(9), dt.UTC),
        is_demonstration=is_demonstration,
    )
    with transaction(site.sessions) as session:
        sample_id = samples.create_sample(session, SYSTEM, new).id
        for run in runs:
            references.add_reference(
                session, SYSTEM, sample_id, EnteredReference(rigidity_score=run), run_sd=0.17
            )
    add_score(site, sample_id, version_id, score)
    return sample_id


def add_score(site: Site, sample_id: uuid.UUID, version_id: uuid.UUID, score: float | None) -> None:
    wells = [] if score is None else [{"rigidity_score": score + d} for d in (-0.02, 0.02)]
    with transaction(site.sessions) as session:
        analysis = Analysis(
            sample_id=sample_id, model_version_id=version_id, parameters={}, state="done",
            created_by=SYSTEM.id,
        )  # fmt: skip
        session.add(analysis)
        session.flush()
        reasons = [] if score is not None else [{"code": "too_few_cells", "message": "few"}]
        session.add(
            Score(
                analysis_id=analysis.id, job_id=uuid.uuid4(), method="rs-image-outlets/1",
                rigidity_score=score, reasons=reasons, details={"wells": wells},
            )
        )  # fmt: skip


# Pairs from elsewhere


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


# Pairs measured here


def test_a_scored_sample_with_references_is_a_pair(site: Site, technician: TestClient) -> None:
    sample_id = scored_sample(site, "D-1", version(site), 3.1, 2.9, 3.1)
    scored_sample(site, "D-2", version(site, "other"), 3.0)
    told = agreement_of(technician)
    (pair,) = told["pairs"]
    assert pair["sample_id"] == pair["id"] == str(sample_id)
    assert (pair["reference_score"], pair["n_runs"]) == (3.0, 2)
    assert pair["difference"] == pytest.approx(0.1)
    assert pair["percent_deviation"] == pytest.approx(10)
    assert (pair["origin"], pair["measured_with"]) == ("here", "compact-1")
    assert told["bland_altman"]["code"] == "too_few_pairs"
    assert told["bland_altman"]["because"] == "it needs 3 pairs or more and there are 1"


def test_only_the_newest_analysis_of_a_version_counts(site: Site, technician: TestClient) -> None:
    first, second = version(site, "first"), version(site, "second")
    sample_id = scored_sample(site, "D-1", first, 3.1, 3.0)
    add_score(site, sample_id, second, 3.4)
    assert [pair["image_score"] for pair in agreement_of(technician)["pairs"]] == [3.4]
    of_first = agreement_of(technician, model_version_id=str(first))
    assert [pair["image_score"] for pair in of_first["pairs"]] == [3.1]
    add_score(site, sample_id, first, None)
    assert agreement_of(technician, model_version_id=str(first))["pairs"] == []


def test_the_period_holds_both_of_its_days(site: Site, technician: TestClient) -> None:
    version_id = version(site)
    for day in (1, 2, 3):
        scored_sample(site, f"D-{day}", version_id, 3.1, 3.0, sampled_on=dt.date(2026, 3, day))
    send_csv(technician, f"{HEADER}\nE-1,1,3.0,3.1,x,2026-03-02,\nE-2,1,3.0,3.1,x,2026-03-04,\n")
    within = {"from": "2026-03-02", "to": "2026-03-03"}
    codes = [pair["donor_code"] for pair in agreement_of(technician, **within)["pairs"]]
    assert codes == ["D-2", "D-3", "E-1"]
    here = agreement_of(technician, source="here", **within)
    assert [pair["donor_code"] for pair in here["pairs"]] == ["D-2", "D-3"]
    backwards = {"from": "2026-03-03", "to": "2026-03-02"}
    refused(technician.get(AGREEMENT, params=backwards), "agreement_period")


def test_one_method_can_be_looked_at_by_its_name(site: Site, technician: TestClient) -> None:
    scored_sample(site, "D-1", version(site, "compact-1"), 3.1, 3.0)
    send_csv(technician, f"{HEADER}\nE-1,1,3.0,3.1,x,,\nE-2,1,3.0,3.1,compact-1,,\n")
    by_name = {
        name: [pair["donor_code"] for pair in agreement_of(technician, measured_with=name)["pairs"]]
        for name in ("x", "compact-1", "nobody")
    }
    assert by_name == {"x": ["E-1"], "compact-1": ["D-1", "E-2"], "nobody": []}


def test_an_unknown_version_is_not_an_empty_comparison(technician: TestClient) -> None:
    answer = technician.get(AGREEMENT, params={"model_version_id": str(uuid.uuid4())})
    refused(answer, "model_version_unknown", 404)


def test_scores_of_several_methods_and_repeated_donors_are_pointed_out(
    site: Site, technician: TestClient
) -> None:
    scored_sample(site, "D-1", version(site), 3.1, 3.0)
    scored_sample(site, "D-1", version(site, "other"), 3.2, 3.0)
    told = agreement_of(technician)
    assert {finding["code"] for finding in told["findings"]} == {
        "several_methods", "repeated_donors",
    }  # fmt: skip
    assert (told["n"], told["n_donor_days"]) == (2, 1)
    assert told["message"].startswith("2 of 1 donors and storage days of 40 pairs")


def test_drawn_samples_are_never_mixed_with_measured_ones(
    site: Site, technician: TestClient
) -> None:
    model = version(site, "demo", is_demonstration=True)
    scored_sample(site, "DEMO-1", model, 3.1, 3.0, is_demonstration=True)
    assert agreement_of(technician)["n"] == 0
    drawn = agreement_of(technician, source="demonstration")
    assert (drawn["n"], drawn["is_demonstration"]) == (1, True)
    scored_sample(site, "D-1", model, 3.1, 3.0)
    told = agreement_of(technician)
    assert [pair["donor_code"] for pair in told["pairs"]] == ["D-1"]
    assert told["is_demonstration"], "a demonstration model scored it"


def test_a_withdrawn_sample_is_no_pair(site: Site, technician: TestClient) -> None:
    sample_id = scored_sample(site, "D-1", version(site), 3.1, 3.0)
    with transaction(site.sessions) as session:
        row = session.get(Sample, sample_id)
        assert row is not None
        row.state = "withdrawn"
    assert agreement_of(technician)["n"] == 0


def test_the_ratio_of_errors_comes_from_repeated_runs_and_wells(
    site: Site, technician: TestClient
) -> None:
    version_id = version(site)
    for number in range(21):
        level = 2.5 + number / 20
        scored_sample(site, f"D-{number}", version_id, level + 0.01 * (number % 3),
                      level - 0.1, level + 0.1)  # fmt: skip
    told = agreement_of(technician)
    ratio = told["deming"]["variance_ratio"]
    assert (ratio["source"], ratio["df_reference"], ratio["df_image"]) == ("replicates", 21, 21)
    assert ratio["value"] == pytest.approx(0.1**2 / 0.02**2)
    assert told["single_run"]["sd"] > told["bland_altman"]["sd"]
    entered = agreement_of(technician, variance_ratio="2")["deming"]["variance_ratio"]
    assert (entered["source"], entered["value"]) == ("entered", 2)
    for nonsense in ("0", "-1", "1000", "nan"):
        refused(technician.get(AGREEMENT, params={"variance_ratio": nonsense}), "variance_ratio")
    send_csv(technician, published_csv())
    assert agreement_of(technician)["deming"]["variance_ratio"]["source"] == "assumed"


def test_forty_donors_are_enough_and_still_no_pass(technician: TestClient) -> None:
    rows = [
        f"donor {n},1,{2.4 + n / 40:.3f},{2.42 + n / 41 + 0.03 * (n % 4):.3f},x,,"
        for n in range(40)
    ]
    assert send_csv(technician, "\n".join([HEADER, *rows])).status_code == 201
    told = agreement_of(technician)
    assert told["is_enough"]
    assert told["message"].startswith("40 pairs, 40 or more are recommended")
    assert told["passing_bablok"]["linearity"]["method"] == "passing-bablok-cusum/1"


# Who sees what


def test_a_lims_key_sees_its_own_pairs_alone(site: Site, technician: TestClient) -> None:
    own, foreign = site.as_role(Role.LIMS), site.as_role(Role.LIMS)
    scored_sample(site, "D-1", version(site), 3.1, 3.0)
    (pair_id,) = send_csv(own, f"{HEADER}\nE-1,1,3.0,3.1,x,,\n").json()["ids"]
    assert [pair["donor_code"] for pair in agreement_of(own)["pairs"]] == ["E-1"]
    assert agreement_of(foreign)["n"] == 0
    assert agreement_of(technician)["n"] == 2
    for action, body in (("notes", {"text": "x"}), ("withdraw", {"reason": "x"})):
        refused(foreign.post(f"{PAIRS}/{pair_id}/{action}", json=body), "pair_unknown", 404)


def test_a_sample_of_one_s_own_can_be_noted_and_a_foreign_one_cannot(
    site: Site, technician: TestClient
) -> None:
    sample_id = scored_sample(site, "D-1", version(site), 3.1, 3.0)
    answer = technician.post(f"{PAIRS}/{sample_id}/notes", json={"text": "slow run"})
    assert answer.status_code == 201
    assert agreement_of(technician)["pairs"][0]["notes"][0]["text"] == "slow run"
    stranger = site.as_role(Role.LIMS).post(f"{PAIRS}/{sample_id}/notes", json={"text": "x"})
    refused(stranger, "pair_unknown", 404)
    refused(technician.post(f"{PAIRS}/{sample_id}/notes", json={"text": " "}), "pair_note")
