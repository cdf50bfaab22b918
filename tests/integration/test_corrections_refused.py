"""Corrections that are refused, and many cells at once: all of them or none."""

import uuid
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from app.db.session import SessionMaker, transaction
from app.db.tables import Cell, Correction, Sample, ScanImage
from app.domain.errors import Conflict, InvalidInput, NotFound
from app.security.permissions import SYSTEM, Principal, Role
from app.services import corrections
from app.services.corrections import CorrectedVerdict
from bench.fabricated_samples import add_image
from tests.integration.corrected_samples import WHY, ScoredSample, scored_sample
from tests.laboratory import Laboratory, open_laboratory

LIMS = Principal("key:other", "other", Role.LIMS, sees_all=False)


@pytest.fixture
def laboratory(sessions: SessionMaker, database_url: str, tmp_path: Path) -> Laboratory:
    return open_laboratory(sessions, database_url, tmp_path)


@pytest.fixture
def sample(laboratory: Laboratory) -> ScoredSample:
    return scored_sample(laboratory)


def n_corrections(sample: ScoredSample) -> int:
    with transaction(sample.laboratory.sessions) as session:
        return session.scalar(select(func.count()).select_from(Correction)) or 0


def refusal(
    sample: ScoredSample,
    *,
    cell: uuid.UUID | None = None,
    image: uuid.UUID | None = None,
    verdict: CorrectedVerdict = CorrectedVerdict.REJECTED,
    reason: str = WHY,
    principal: Principal = SYSTEM,
) -> str:
    """The code with which a correction is refused."""
    refusals = (Conflict, InvalidInput, NotFound)
    with (
        pytest.raises(refusals) as refused,
        transaction(sample.laboratory.sessions) as session,
    ):
        if cell is not None:
            corrections.correct_cell(session, principal, cell, verdict=verdict, reason=reason)
        elif image is not None:
            corrections.correct_image(session, principal, image, verdict=verdict, reason=reason)
    assert isinstance(refused.value, refusals)
    return refused.value.code


def test_what_cannot_be_corrected_is_refused(sample: ScoredSample) -> None:
    sessions, restored = sample.laboratory.sessions, CorrectedVerdict.ACCEPTED
    image_id = sample.images["accepted"][0]
    (cell, *_) = sample.cells(image_id)
    (rejected, *_) = sample.cells(image_id, verdict="rejected")
    with transaction(sessions) as session:
        pending = add_image(session, sample.wells[0])
        empty = add_image(session, sample.wells[0])
        session.execute(update(ScanImage).where(ScanImage.id == empty).values(verdict="rejected"))
        session.execute(update(Cell).where(Cell.id == rejected).values(row=3.0))
    assert refusal(sample, image=pending) == "image_pending"
    assert refusal(sample, image=empty, verdict=restored) == "image_has_no_cells"
    assert refusal(sample, cell=rejected, verdict=restored) == "cell_has_no_crop"
    assert refusal(sample, cell=cell, reason=" ") == "reason_missing"
    assert refusal(sample, cell=cell, reason="x" * 501) == "reason_too_long"
    assert refusal(sample, cell=uuid.uuid4()) == "cell_unknown"
    assert refusal(sample, cell=cell, principal=LIMS) == "cell_unknown"
    assert refusal(sample, image=uuid.uuid4()) == "image_unknown"
    with transaction(sessions) as session:
        session.get_one(Sample, sample.id).state = "released"
    assert refusal(sample, cell=cell) == "sample_released"
    assert refusal(sample, image=image_id) == "sample_released"
    assert n_corrections(sample) == 0


def test_cells_are_corrected_together_or_not_at_all(laboratory: Laboratory) -> None:
    sample, other = scored_sample(laboratory), scored_sample(laboratory, seed=2)
    cells = sample.cells(sample.images["accepted"][0])[:5]
    foreign = other.cells(other.images["accepted"][0])[0]
    for wrong, code in (
        ([*cells, foreign], "cells_of_several_samples"),
        ([*cells, uuid.uuid4()], "cell_unknown"),
        ([], "too_many_cells"),
        ([uuid.uuid4()] * 501, "too_many_cells"),
    ):
        with (
            pytest.raises((InvalidInput, NotFound), match=code),
            transaction(laboratory.sessions) as session,
        ):
            corrections.correct_cells(
                session, SYSTEM, wrong, verdict=CorrectedVerdict.REJECTED, reason=WHY
            )
    assert n_corrections(sample) == 0
    with transaction(laboratory.sessions) as session:
        views = corrections.correct_cells(
            session, SYSTEM, cells, verdict=CorrectedVerdict.REJECTED, reason=WHY
        )
    assert [view.id for view in views] == cells
    assert {view.verdict for view in views} == {"rejected"}
    sample.follow()
    assert sample.score()["n_excluded"] == 5
