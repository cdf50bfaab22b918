"""The active version changes under load: an analysis has one version, and old results stay."""

import pickle
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.session import SessionMaker, transaction
from app.db.tables import Analysis, ModelVersion, Score
from app.domain.errors import Conflict
from app.security.permissions import SYSTEM
from app.services import promotions
from app.services.analyses import request_analysis
from app.services.inspections import active_network
from app.storage import model_key
from tests.candidates import add_candidate
from tests.laboratory import NEEDS, Laboratory, open_laboratory, some_donor

SWITCHES = 6


@pytest.fixture
def laboratory(sessions: SessionMaker, database_url: str, tmp_path: Path) -> Laboratory:
    return open_laboratory(sessions, database_url, tmp_path)


@pytest.fixture
def versions(laboratory: Laboratory) -> list[uuid.UUID]:
    """The shipped version, and another that answers otherwise; both proven."""
    other = add_candidate(laboratory, "other", step=0.3, demonstration=True)
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        shipped = promotions.live_at(session).id
    return [shipped, other]


def activate(laboratory: Laboratory, version_id: uuid.UUID, reason: str = "Switch.") -> None:
    with transaction(laboratory.sessions) as session:
        promotions.activate(session, SYSTEM, version_id, reason=reason)


def analyse(laboratory: Laboratory, sample_id: uuid.UUID) -> uuid.UUID:
    with transaction(laboratory.sessions) as session:
        return request_analysis(session, SYSTEM, sample_id, parameters=NEEDS).id


def test_a_switch_acts_on_the_next_analysis_and_rewrites_no_result(
    laboratory: Laboratory, versions: list[uuid.UUID]
) -> None:
    shipped, other = versions
    sample_id = laboratory.take_sample()
    laboratory.send_drawn(sample_id, some_donor())
    before = analyse(laboratory, sample_id)
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        told = session.get_one(Score, before).rigidity_score

    began = time.monotonic()
    activate(laboratory, other)
    after = analyse(laboratory, sample_id)
    assert time.monotonic() - began < 10
    laboratory.run_queue()
    activate(laboratory, shipped, "Roll back.")
    again = analyse(laboratory, sample_id)
    laboratory.run_queue()

    with transaction(laboratory.sessions) as session:
        scores = {one: session.get_one(Score, one).rigidity_score for one in (before, after, again)}
        pinned = [session.get_one(Analysis, one).model_version_id for one in scores]
    assert pinned == [shipped, other, shipped]
    assert scores[before] == scores[again] == told
    assert scores[after] != told


def test_analyses_asked_for_while_versions_change_have_one_version_each(
    laboratory: Laboratory, versions: list[uuid.UUID]
) -> None:
    samples = [laboratory.take_sample(f"D-{number}") for number in (1, 2)]
    for seed, sample_id in enumerate(samples, start=1):
        laboratory.send_drawn(sample_id, some_donor(f"D-{seed}"), images_per_well=2, seed=seed)
    asked: list[uuid.UUID] = []
    with busy(laboratory.run_queue), busy(lambda: ask(laboratory, samples, asked)):
        for turn in range(SWITCHES):
            activate(laboratory, versions[(turn + 1) % 2])
            wait_for_more(asked, than=len(asked))
    laboratory.run_queue()

    with transaction(laboratory.sessions) as session:
        analyses = session.scalars(select(Analysis).where(Analysis.id.in_(asked))).all()
        activations = promotions.list_activations(session)
        scores = scores_by_version(session, analyses)
    assert {one.state for one in analyses} == {"done"}
    assert set(scores) == {(sample, version) for sample in samples for version in versions}
    assert {len(set(found)) for found in scores.values()} == {1}, "one version, one score"
    assert len(activations) == SWITCHES + 1
    borders = zip(activations[1:], activations[:-1], strict=True)
    assert all(older.until == newer.since for older, newer in borders)


@contextmanager
def busy(act: Callable[[], object]) -> Iterator[None]:
    """Do it again and again in a thread of its own until the block ends."""
    over = threading.Event()

    def repeat() -> None:
        while not over.is_set():
            act()
            over.wait(0.05)

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(repeat)
        yield
        over.set()
        done.result()


def ask(laboratory: Laboratory, samples: list[uuid.UUID], asked: list[uuid.UUID]) -> None:
    asked.extend(analyse(laboratory, sample_id) for sample_id in samples)


def wait_for_more(asked: list[uuid.UUID], *, than: int) -> None:
    """Until both samples were asked for under the version that is active now."""
    limit = time.monotonic() + 60
    while len(asked) < than + 4:
        assert time.monotonic() < limit, "nobody asked for an analysis"
        time.sleep(0.02)


def scores_by_version(
    session: Session, analyses: Sequence[Analysis]
) -> dict[tuple[uuid.UUID, uuid.UUID], list[float | None]]:
    found: dict[tuple[uuid.UUID, uuid.UUID], list[float | None]] = {}
    for one in analyses:
        score = session.get_one(Score, one.id).rigidity_score
        found.setdefault((one.sample_id, one.model_version_id), []).append(score)
    return found


def test_two_administrators_at_once_leave_one_version_live(
    laboratory: Laboratory, versions: list[uuid.UUID]
) -> None:
    third = add_candidate(laboratory, "third", step=0.1, demonstration=True)
    laboratory.run_queue()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda one: activate(laboratory, one), (versions[1], third)))
    with transaction(laboratory.sessions) as session:
        active = session.scalars(
            select(ModelVersion.id).where(ModelVersion.state == "active")
        ).all()
        assert [promotions.live_at(session).id] == list(active)
        assert len(promotions.list_activations(session)) == 3


def test_a_hostile_file_in_the_store_is_refused_and_the_old_version_goes_on_scoring(
    laboratory: Laboratory, versions: list[uuid.UUID]
) -> None:
    hostile = add_candidate(laboratory, "hostile", step=0.2, demonstration=True)
    with transaction(laboratory.sessions) as session:
        key = model_key(session.get_one(ModelVersion, hostile).sha256)
    laboratory.store.delete(key)
    laboratory.store.put_once(key, pickle.dumps({"weights": [1.0]}))
    laboratory.run_queue()

    with pytest.raises(Conflict, match="model_unproven") as refused:
        activate(laboratory, hostile)
    assert "not the one its manifest names" in refused.value.message
    with transaction(laboratory.sessions) as session:
        network = active_network(session)
    assert network is not None
    assert network.version_id == versions[0]
    sample_id = laboratory.take_sample()
    laboratory.send_drawn(sample_id, some_donor(), images_per_well=2)
    analysis_id = analyse(laboratory, sample_id)
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        assert session.get_one(Analysis, analysis_id).state == "done"
