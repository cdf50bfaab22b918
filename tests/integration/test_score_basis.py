"""What a score rests on beside its own cells, from rows."""

import uuid
from pathlib import Path

import pytest
from sqlalchemy import select

from app.db.session import SessionMaker, transaction
from app.db.tables import Analysis, Classification, ModelVersion, Score
from app.domain.cell_looks import LookSums
from app.domain.scoring import IMAGE_METHOD
from app.domain.well_effects import WellSpread
from app.security.permissions import SYSTEM
from app.services import analyses, scores
from app.services.score_basis import read_well_history
from tests.laboratory import NEEDS, Laboratory, open_laboratory, some_donor


@pytest.fixture
def laboratory(sessions: SessionMaker, database_url: str, tmp_path: Path) -> Laboratory:
    return open_laboratory(sessions, database_url, tmp_path)


def add_analysis(laboratory: Laboratory, sample_id: uuid.UUID, *wells: float) -> uuid.UUID:
    """A finished analysis with one score per well, all with a standard error of 0.01."""
    with transaction(laboratory.sessions) as session:
        analysis = Analysis(
            sample_id=sample_id,
            model_version_id=session.scalars(select(ModelVersion.id)).one(),
            parameters=NEEDS,
            state="done",
            created_by="test",
        )
        session.add(analysis)
        session.flush()
        details = {"wells": [{"rigidity_score": well, "standard_error": 0.01} for well in wells]}
        session.add(
            Score(
                analysis_id=analysis.id,
                job_id=uuid.uuid4(),
                method=IMAGE_METHOD,
                rigidity_score=sum(wells) / len(wells),
                reasons=[],
                details=details,
            )
        )
        return analysis.id


def history_of(laboratory: Laboratory, analysis_id: uuid.UUID) -> WellSpread | None:
    with transaction(laboratory.sessions) as session:
        return read_well_history(session, session.get_one(Analysis, analysis_id)).scores


def test_the_wells_of_earlier_samples_are_the_history(laboratory: Laboratory) -> None:
    first, second = laboratory.take_sample("D-1"), laboratory.take_sample("D-2")
    add_analysis(laboratory, first, 2.0, 4.0)
    add_analysis(laboratory, first, 3.0, 3.2)
    add_analysis(laboratory, second, 2.8, 3.0, 3.2)
    asked = add_analysis(laboratory, laboratory.take_sample("D-3"), 2.5, 3.5)
    add_analysis(laboratory, laboratory.take_sample("D-4"), 1.0, 5.0)
    history = history_of(laboratory, asked)
    assert history is not None
    # The newest score of each other sample, none of this one, none of later ones.
    assert history.degrees_of_freedom == 3
    assert history.within_sd == pytest.approx(((0.02 + 0.08) / 3) ** 0.5)
    assert history.sampling_sd == pytest.approx(0.01)


def test_a_first_sample_has_no_history(laboratory: Laboratory) -> None:
    assert history_of(laboratory, add_analysis(laboratory, laboratory.take_sample(), 3, 4)) is None


def test_looks_are_kept_with_each_image_and_reach_the_score(laboratory: Laboratory) -> None:
    sample_id = laboratory.take_sample()
    laboratory.send_drawn(sample_id, some_donor())
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        score = scores.latest_score(session, SYSTEM, sample_id)
        kept = session.scalars(select(Classification.looks)).all()
    n_cells = sum(LookSums.from_bytes(looks).n_cells for looks in kept if looks is not None)
    assert n_cells == score.n_cells
    assert score.population_basis is not None
    assert score.population_basis.distance is not None
    assert len(set(score.population_basis.nearest_donors)) == 3
    assert score.replicates is not None
    assert score.replicates.difference == score.replicate_difference
    assert "interval_is_lower_bound" in {finding.code for finding in score.findings}
