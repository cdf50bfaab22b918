"""Technicians correct while workers score: nothing is lost, and the last state is scored."""

import random
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app.db.session import SessionMaker, transaction
from app.db.tables import Analysis, Cell, Correction, Job
from app.security.permissions import SYSTEM
from app.services import analyses, audit
from tests.integration.corrected_samples import ScoredSample, scored_sample
from tests.laboratory import NEEDS, Laboratory, open_laboratory

TECHNICIANS = 3
CORRECTIONS_EACH = 15
WORKERS = 2


@pytest.fixture
def laboratory(sessions: SessionMaker, database_url: str, tmp_path: Path) -> Laboratory:
    return open_laboratory(sessions, database_url, tmp_path)


class Crew:
    """Threads that act at once; the first thing that went wrong in any of them is raised."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._wrong: list[BaseException] = []

    def start(self, act: Callable[[], object]) -> None:
        thread = threading.Thread(target=self._guarded, args=[act])
        self._threads.append(thread)
        thread.start()

    def _guarded(self, act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001  told to the test by `join`
            self._wrong.append(error)

    def join(self) -> None:
        for thread in self._threads:
            thread.join()
        if self._wrong:
            raise self._wrong[0]


def correct_at_random(sample: ScoredSample, seed: int) -> None:
    """Exclude and restore images and cells that other technicians handle at the same time."""
    drawn = random.Random(seed)
    images = [*sample.images["accepted"], *sample.images["partly"]]
    for _ in range(CORRECTIONS_EACH):
        act = drawn.choice([sample.exclude, sample.restore])
        if drawn.random() < 0.3:
            act(image=drawn.choice(sample.images["partly"]))  # the others suffice for a score
        else:
            act(cell=drawn.choice(sample.cells(drawn.choice(images))[:4]))


def test_corrections_made_at_once_are_all_kept_and_the_last_state_is_scored(
    laboratory: Laboratory,
) -> None:
    sample = scored_sample(laboratory)
    technicians, workers, is_over = Crew(), Crew(), threading.Event()

    def work() -> None:
        while not is_over.wait(0.01):
            laboratory.run_queue()

    def ask() -> None:
        for _ in range(3):
            with transaction(laboratory.sessions) as session:
                analyses.request_analysis(session, SYSTEM, sample.id, parameters=NEEDS)

    for _ in range(WORKERS):
        workers.start(work)
    for seed in range(TECHNICIANS):
        technicians.start(lambda seed=seed: correct_at_random(sample, seed))  # type: ignore[misc]  # a default binds the loop's value
    technicians.start(ask)
    technicians.join()
    is_over.set()
    workers.join()
    sample.follow()
    scored = sample.score()
    worked = sample.worked_out()
    assert {name: scored[name] for name in worked} == worked
    assert "corrections_missing" not in {finding["code"] for finding in scored["findings"]}
    assert sample.state() == "computed"
    assert set(laboratory.states()) == {"done"}
    with transaction(laboratory.sessions) as session:
        assert set(session.scalars(select(Analysis.state))) == {"done"}
        n_corrections = session.scalar(select(func.count()).select_from(Correction)) or 0
        assert audit.verify(session).is_whole
    assert scored["n_excluded"] > 0
    assert sample.n_analyses() <= n_corrections + 4
    assert verdicts_follow_the_last_word(laboratory)


def verdicts_follow_the_last_word(laboratory: Laboratory) -> bool:
    """Whether every corrected cell is as its newest correction says, so that none was lost."""
    with transaction(laboratory.sessions) as session:
        said: dict[uuid.UUID, str] = {
            word.cell_id: word.verdict_after
            for word in session.scalars(select(Correction).order_by(Correction.created_at))
            if word.cell_id is not None
        }
        cells = session.scalars(select(Cell).where(Cell.id.in_(said))).all()
    return all((cell.corrected_verdict or cell.verdict) == said[cell.id] for cell in cells)


def test_a_hundred_corrections_in_a_row_cost_two_analyses(laboratory: Laboratory) -> None:
    sample = scored_sample(laboratory)
    before = sample.n_analyses()
    (image_id, *_) = sample.images["accepted"]
    cells = sample.cells(image_id)
    for number in range(100):
        act = sample.exclude if (number // len(cells)) % 2 == 0 else sample.restore
        act(cell=cells[number % len(cells)])
    with transaction(laboratory.sessions) as session:
        waiting = select(func.count()).where(Job.state == "queued")
        assert session.scalar(waiting) == 1
    sample.follow()
    assert sample.n_analyses() == before + 2
    scored, worked = sample.score(), sample.worked_out()
    assert {name: scored[name] for name in worked} == worked
