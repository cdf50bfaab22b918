"""Agreement through the API: which pairs it is about, what it says of them, who sees what."""

import datetime as dt
import uuid

import pytest
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import Sample
from app.security.permissions import Role
from tests.integration.agreement_pairs import (
    AGREEMENT,
    HEADER,
    PAIRS,
    add_score,
    agreement_of,
    published_csv,
    refused,
    scored_sample,
    send_csv,
    version,
)
from tests.integration.conftest import Site


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
