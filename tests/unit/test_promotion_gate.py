"""The gate of promotion: what is unknown counts as no, and each rule states its figures."""

from dataclasses import replace

import pytest

from app.domain.impact import ImpactSummary, SampleImpact, ScoreInBrief, summarise
from app.domain.promotion_gate import (
    HeldOutFigures,
    Rule,
    failed_rules,
    judge_figures,
    judge_impact,
    judge_tried,
)

ACTIVE = HeldOutFigures(
    accuracy=0.90,
    accuracy_low=0.88,
    by_donor={"D1": 0.91, "D2": 0.89},
    by_outlet={2: 0.95, 3: 0.80, 4: 0.82, 5: 0.97},
    calibration_error=0.02,
)
QUIET = ImpactSummary(
    n_samples=20, n_compared=20, mean_delta=0.03, sd_delta=0.05, n_leaving=1, n_losing=0,
    n_referenced=6, old_error=0.12, new_error=0.11,
)  # fmt: skip


def failed(rules: tuple[Rule, ...]) -> dict[str, bool | None]:
    return {rule.code: rule.holds for rule in failed_rules(rules)}


def test_a_version_as_good_as_the_active_one_passes_every_rule() -> None:
    candidate = replace(ACTIVE, accuracy_low=0.891)
    assert failed(judge_figures(candidate, ACTIVE)) == {}
    assert failed(judge_impact(QUIET)) == {}
    assert failed((judge_tried(5),)) == {}


@pytest.mark.parametrize(("low", "passes"), [(0.8901, True), (0.89, True), (0.8899, False)])
def test_the_lower_bound_may_lie_one_point_below_the_active_accuracy(
    low: float,
    passes: bool,  # noqa: FBT001  a row of the table
) -> None:
    (rule, *_) = judge_figures(replace(ACTIVE, accuracy_low=low), ACTIVE)
    assert (rule.code, rule.holds) == ("accuracy_not_worse", passes)
    assert rule.figures["candidate_lower_bound"] == low


@pytest.mark.parametrize(("share", "passes"), [(0.86, True), (0.859, False)])
def test_no_donor_may_be_told_worse_by_more_than_three_points(
    share: float,
    passes: bool,  # noqa: FBT001  a row of the table
) -> None:
    candidate = replace(ACTIVE, accuracy_low=0.9, by_donor={"D1": 0.99, "D2": share, "D3": 0.1})
    rules = {rule.code: rule for rule in judge_figures(candidate, ACTIVE)}
    assert rules["donors_not_worse"].holds is passes
    assert rules["donors_not_worse"].figures["worst"] == "D2"


def test_an_outlet_told_worse_is_named() -> None:
    candidate = replace(ACTIVE, accuracy_low=0.9, by_outlet={**ACTIVE.by_outlet, 4: 0.7})
    assert failed(judge_figures(candidate, ACTIVE)) == {"outlets_not_worse": False}
    rules = {rule.code: rule.message for rule in judge_figures(candidate, ACTIVE)}
    assert "outlet 4" in rules["outlets_not_worse"]


def test_what_is_unknown_counts_as_no() -> None:
    unknown = HeldOutFigures(None, None, {}, {}, None)
    assert failed(judge_figures(unknown, ACTIVE)) == dict.fromkeys(
        ("accuracy_not_worse", "donors_not_worse", "outlets_not_worse", "calibrated")
    )
    assert failed(judge_impact(None)) == {"impact_known": None}
    assert failed((judge_tried(None),)) == {"locked_set_fresh": None}
    assert failed(judge_impact(summarise([]))) == dict.fromkeys(
        ("impact_known", "no_shift", "no_shock")
    )


def test_a_sixth_version_tried_on_one_locked_set_is_one_too_many() -> None:
    assert judge_tried(5).holds is True
    assert judge_tried(6).holds is False


def test_one_bad_figure_fails_its_rule_alone() -> None:
    good = replace(ACTIVE, accuracy_low=0.9)
    badly_calibrated = replace(good, calibration_error=0.051)
    assert failed(judge_figures(badly_calibrated, ACTIVE)) == {"calibrated": False}
    unsure = replace(good, accuracy_low=0.85)
    assert failed(judge_figures(unsure, ACTIVE)) == {"accuracy_not_worse": False}


@pytest.mark.parametrize(
    ("impact", "code"),
    [
        (replace(QUIET, mean_delta=-0.18), "no_shift"),
        (replace(QUIET, n_leaving=3), "no_shock"),
        (replace(QUIET, n_losing=1), "no_shock"),
        (replace(QUIET, n_compared=4), "impact_known"),
    ],
)
def test_a_shock_to_known_scores_bars(impact: ImpactSummary, code: str) -> None:
    assert list(failed(judge_impact(impact))) == [code]


def test_shares_by_outlet_come_from_the_confusion_over_donors() -> None:
    manifest = {
        "outlets": [3, 4],
        "metrics": {
            "accuracy": 0.8,
            "intervals": {"accuracy": [0.75, 0.85]},
            "by_donor": [{"donor": "D1", "accuracy": 0.8, "n_cells": 10}],
            "calibration_error": 0.01,
        },
        "error_rates": {
            "outlets": [2, 3, 4, 5],
            "donors": [
                {"confusion": [[9, 1], [6, 4], [3, 7], [0, 0]]},
                {"confusion": [[10, 0], [6, 4], [1, 9], [0, 0]]},
            ],
        },
    }
    figures = HeldOutFigures.from_manifest(manifest)
    assert figures.by_outlet == {2: 0.95, 3: 0.6, 4: 0.8}
    assert (figures.accuracy_low, figures.by_donor) == (0.75, {"D1": 0.8})


def test_figures_of_held_out_wells_are_no_figures_of_held_out_donors() -> None:
    metrics = {"accuracy": 0.99, "intervals": {"accuracy": [0.98, 1.0]}, "calibration_error": 0.0}
    manifest = {"outlets": [2, 3, 4, 5], "metrics": metrics, "data": {"holdout": "well"}}
    assert set(failed(judge_figures(HeldOutFigures.from_manifest(manifest), ACTIVE))) == {
        "accuracy_not_worse", "donors_not_worse", "outlets_not_worse", "calibrated",
    }  # fmt: skip
    by_donor = HeldOutFigures.from_manifest(manifest | {"data": {"holdout": "donor"}})
    assert by_donor.accuracy_low == 0.98


def brief(score: float | None) -> ScoreInBrief:
    if score is None:
        return ScoreInBrief(None, None, ("too_few_cells",))
    return ScoreInBrief(score, (score - 0.2, score + 0.2))


def impact(old: float | None, new: float | None, reference: float | None = None) -> SampleImpact:
    return SampleImpact("s", "D", True, brief(old), brief(new), reference)  # noqa: FBT003  in a row of figures


def test_a_summary_counts_who_leaves_the_interval_and_who_loses_the_score() -> None:
    samples = [impact(3.0, 3.1, 3.2), impact(3.0, 3.3), impact(3.0, None), impact(None, 3.0, 3.0)]
    summary = summarise(samples)
    assert (summary.n_samples, summary.n_compared) == (4, 2)
    assert summary.mean_delta == pytest.approx(0.2)
    assert summary.sd_delta == pytest.approx(0.1414, abs=1e-3)
    assert (summary.n_leaving, summary.n_losing, summary.n_referenced) == (1, 1, 1)
    assert summary.old_error == pytest.approx(0.2)
    assert summary.new_error == pytest.approx(0.1)


def test_a_samples_impact_survives_json() -> None:
    for sample in (impact(3.0, 3.1, 3.2), impact(None, None)):
        assert SampleImpact.from_json(sample.to_json()) == sample
