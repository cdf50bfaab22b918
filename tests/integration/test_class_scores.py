"""Scores of a two-class model through the whole program: pixels, rows, conditions of release."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from app.db.queries.analyses import latest_scored
from app.db.session import SessionMaker, transaction
from app.domain.errors import Conflict
from app.domain.release import open_conditions
from app.domain.scoring import published_rigidity_score
from app.domain.synthetic.samples import count_outlets
from app.security.permissions import SYSTEM
from app.services import analyses, scores
from app.services.score_basis import conditions_of_score
from tests.laboratory import NEEDS, Laboratory, drawn_plan, open_laboratory, some_donor
from tests.two_class_networks import install_two_classes, measured_error_rates


@pytest.fixture
def laboratory(sessions: SessionMaker, database_url: str, tmp_path: Path) -> Laboratory:
    return open_laboratory(sessions, database_url, tmp_path)


def analysed(laboratory: Laboratory, error_rates: dict[str, Any] | None) -> uuid.UUID:
    sample_id = laboratory.take_sample()
    laboratory.send_drawn(sample_id, some_donor())
    version_id = install_two_classes(laboratory, error_rates)
    with transaction(laboratory.sessions) as session:
        analyses.request_analysis(
            session, SYSTEM, sample_id, model_version_id=version_id, parameters=NEEDS
        )
    laboratory.run_queue()
    return sample_id


def drawn_share() -> float:
    """Share of the cells in the sample's images that the device would call deformable."""
    counts = dict.fromkeys(range(1, 13), 0)
    for _, _, image in drawn_plan(some_donor()).images():
        for outlet, n_cells in count_outlets(image).items():
            counts[outlet] += n_cells
    return (counts[1] + counts[2] + counts[3]) / sum(counts.values())


def test_a_two_class_model_scores_by_the_adjusted_count(laboratory: Laboratory) -> None:
    sample_id = analysed(laboratory, measured_error_rates(5))
    with transaction(laboratory.sessions) as session:
        view = scores.latest_score(session, SYSTEM, sample_id)
    assert view.method == "rs-image-corrected/1"
    assert view.methods["deformability_score"] == "ds-corrected/1"
    assert view.outlet_fractions == {}
    low, high = view.deformability_interval
    assert low <= 100 * drawn_share() <= high
    assert view.rigidity_score == published_rigidity_score(view.fraction_deformable.corrected)
    assert view.rigidity_interval[0] < view.rigidity_score < view.rigidity_interval[1]
    assert view.published_rigidity_score == published_rigidity_score(
        view.fraction_deformable.counted
    )
    assert [well.called is not None for well in view.wells] == [True, True]


def test_its_score_is_released_under_the_same_conditions(laboratory: Laboratory) -> None:
    sample_id = analysed(laboratory, measured_error_rates(5))
    with transaction(laboratory.sessions) as session:
        found = latest_scored(session, sample_id)
        assert found is not None
        conditions = conditions_of_score(session, found.Analysis, found.Score)
    # What a first, small sample cannot know may be acknowledged; nothing else is open.
    barred = {one.code: one.may_be_acknowledged for one in open_conditions(conditions)}
    assert barred["interval_complete"]
    assert all(barred.values())


@pytest.mark.parametrize("n_donors", [None, 4])
def test_without_error_rates_of_five_donors_there_is_no_number(
    laboratory: Laboratory, n_donors: int | None
) -> None:
    rates = None if n_donors is None else measured_error_rates(n_donors)
    sample_id = analysed(laboratory, rates)
    with transaction(laboratory.sessions) as session:
        with pytest.raises(Conflict) as refusal:
            scores.latest_score(session, SYSTEM, sample_id)
        found = latest_scored(session, sample_id)
        assert found is not None
        (condition,) = conditions_of_score(session, found.Analysis, found.Score)
    (reason,) = refusal.value.extra["reasons"]
    assert reason["code"] == "model_error_unknown"
    counted = refusal.value.extra["fraction_deformable"]["counted"]
    assert 0 < counted < 1
    published = refusal.value.extra["published_rigidity_score"]
    assert published == published_rigidity_score(counted)
    assert (condition.code, condition.holds) == ("score_given", False)
