import dataclasses

import pytest

from app.domain.release import Condition, open_conditions
from app.domain.score_conditions import StoredScore, score_conditions

GOOD = StoredScore(
    method="rs-image-outlets/1",
    rigidity_score=3.0,
    reasons=(),
    details={
        "population": "inside",
        "replicates": {"difference": -0.05, "expected": 0.2, "largest": 0.5},
        "findings": [{"code": "wells_from_history"}],
    },
    n_missing_corrections=0,
)


def conditions(score: StoredScore = GOOD, **details: object) -> dict[str, Condition]:
    told = dataclasses.replace(score, details={**score.details, **details})
    return {condition.code: condition for condition in score_conditions(told)}


def barring(score: StoredScore = GOOD, **details: object) -> dict[str, bool]:
    """What bars release, and whether it may be acknowledged."""
    found = open_conditions(conditions(score, **details).values())
    return {condition.code: condition.may_be_acknowledged for condition in found}


def test_a_good_score_bars_nothing() -> None:
    assert len(conditions()) == 8
    assert barring() == {}


def test_a_score_by_the_adjusted_count_may_be_released_and_a_counted_one_not() -> None:
    assert barring(dataclasses.replace(GOOD, method="rs-image-corrected/1")) == {}
    counted = dataclasses.replace(GOOD, method="rs-image-published/1")
    assert barring(counted) == {"method_corrected": False}


def test_without_a_number_the_reason_is_the_only_condition() -> None:
    none = dataclasses.replace(
        GOOD, rigidity_score=None, reasons=({"message": "needs 3 more images in B2"},), details={}
    )
    (found,) = score_conditions(none)
    assert (found.code, found.holds, found.may_be_acknowledged) == ("score_given", False, False)
    assert "needs 3 more images in B2" in found.message


@pytest.mark.parametrize(
    ("population", "barred"),
    [
        ("inside", {}),
        ("edge", {"population_inside": True}),
        ("uncalibrated", {"population_inside": True}),
        ("outside", {"population_inside": False}),
    ],
)
def test_the_donors_place_bars_release_or_wants_an_acknowledgement(
    population: str, barred: dict[str, bool]
) -> None:
    assert barring(population=population) == barred


def test_a_score_from_before_the_guard_is_not_taken_for_one_inside() -> None:
    old = {name: value for name, value in GOOD.details.items() if name != "population"}
    found = barring(dataclasses.replace(GOOD, details=old))
    assert found == {"population_inside": True}


@pytest.mark.parametrize("n_missing", [1, 3])
def test_missing_corrections_bar_release(n_missing: int) -> None:
    score = dataclasses.replace(GOOD, n_missing_corrections=n_missing)
    assert barring(score) == {"corrections_in_score": False}
    assert str(n_missing) in conditions(score)["corrections_in_score"].message


@pytest.mark.parametrize(
    "replicates",
    [
        None,
        {"difference": 0.1, "expected": None, "largest": 0.5},
        {"difference": -0.3, "expected": 0.2, "largest": 0.5},
    ],
)
def test_wells_that_may_not_agree_want_an_acknowledgement(replicates: object) -> None:
    assert barring(replicates=replicates) == {"replicates_agree": True}


@pytest.mark.parametrize(
    ("code", "barred"),
    [
        ("interval_is_lower_bound", {"interval_complete": True}),
        ("model_error_unknown", {"model_error_known": False}),
        ("share_clipped", {"share_within_range": True}),
    ],
)
def test_what_the_interval_lacks_is_a_condition(code: str, barred: dict[str, bool]) -> None:
    assert barring(findings=[{"code": code}]) == barred


def test_every_condition_that_fails_is_one_sentence_with_a_next_step() -> None:
    worst = dataclasses.replace(GOOD, method="other/1", n_missing_corrections=2)
    codes = ("interval_is_lower_bound", "model_error_unknown", "share_clipped")
    found = conditions(
        worst, population="edge", replicates=None, findings=[{"code": code} for code in codes]
    )
    failing = [condition for condition in found.values() if not condition.holds]
    assert len(failing) == 7
    for condition in failing:
        assert condition.message.endswith(".")
        assert condition.message.count(". ") == 0
        assert any(mark in condition.message for mark in (";", "or acknowledge"))
