"""Corrections over HTTP, and the live stream that brings the score after them."""

import asyncio
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi import FastAPI, Request
from fastapi.sse import ServerSentEvent
from sqlalchemy import select
from starlette.testclient import TestClient

from app.api.v1.scores import follow_sample
from app.db.notifications import PROGRESS_CHANNEL, notify
from app.db.session import SessionMaker, transaction
from app.db.tables import Cell, ScanImage
from app.security.permissions import SYSTEM, Role
from app.services import scores
from app.services.scores import SampleProgress
from app.web.events import ProgressHub
from tests.integration.conftest import Site
from tests.integration.corrected_samples import WHY, ScoredSample, scored_sample
from tests.laboratory import open_laboratory

SOON_SECONDS = 10


@pytest.fixture
def sample(site: Site, database_url: str, tmp_path: Path) -> ScoredSample:
    return scored_sample(open_laboratory(site.sessions, database_url, tmp_path / "laboratory"))


def correct(client: TestClient, address: str, verdict: str, **other: object) -> dict[str, Any]:
    body = {"verdict": verdict, "reason": WHY} | other
    answer = client.patch(f"/api/v1/{address}", json=body).raise_for_status()
    told: dict[str, Any] = answer.json()
    return told


def score_of(client: TestClient, sample: ScoredSample) -> dict[str, Any]:
    told = client.get(f"/api/v1/samples/{sample.id}/score").raise_for_status().json()
    assert isinstance(told, dict)
    return {name: told[name] for name in told.keys() - {"analysis_id", "computed_at"}}


def test_a_cell_is_excluded_and_restored(technician: TestClient, sample: ScoredSample) -> None:
    cell = sample.cells(sample.images["accepted"][0])[0]
    before = score_of(technician, sample)
    told = correct(technician, f"cells/{cell}", "rejected")
    assert (told["id"], told["verdict"], told["found_verdict"]) == (
        str(cell), "rejected", "accepted",
    )  # fmt: skip
    assert (told["correction"]["reason"], told["correction"]["corrected_by"]) == (WHY, "test")
    assert technician.get(f"/api/v1/samples/{sample.id}").json()["state"] == "running"
    sample.follow()
    assert score_of(technician, sample)["n_excluded"] == 1
    told = correct(technician, f"cells/{cell}", "accepted")
    assert (told["verdict"], told["correction"]) == ("accepted", None)
    sample.follow()
    assert score_of(technician, sample) == before


def test_an_image_is_excluded_and_restored(technician: TestClient, sample: ScoredSample) -> None:
    image = sample.images["partly"][0]
    before = technician.get(f"/api/v1/images/{image}").json()
    told = correct(technician, f"images/{image}", "rejected")
    assert (told["verdict"], told["found_verdict"]) == ("rejected", "partly")
    assert told["usable_mask"] == 3 * ["0111"]
    wells = technician.get(f"/api/v1/samples/{sample.id}").json()["wells"]
    assert [well["images"]["rejected"] for well in wells] == [1, 0]
    assert correct(technician, f"images/{image}", "accepted") == before


def test_many_cells_are_corrected_in_one_call(technician: TestClient, sample: ScoredSample) -> None:
    cells = [str(cell) for cell in sample.cells(sample.images["accepted"][0])[:3]]
    told = correct(technician, "cells", "rejected", cell_ids=cells)
    assert [(cell["id"], cell["verdict"]) for cell in told["items"]] == [
        (cell, "rejected") for cell in cells
    ]


def test_exported_cells_say_what_counts(technician: TestClient, sample: ScoredSample) -> None:
    cell = sample.cells(sample.images["accepted"][0])[0]
    correct(technician, f"cells/{cell}", "rejected")
    correct(technician, f"images/{sample.images['accepted'][1]}", "rejected")
    sample.follow()
    score = technician.get(f"/api/v1/samples/{sample.id}/score").json()
    address = f"/api/v1/analyses/{score['analysis_id']}/cells?limit=200"
    cells = technician.get(address).raise_for_status().json()["items"]
    assert sum(one["is_used"] for one in cells) == score["n_cells"]
    (excluded,) = (one for one in cells if one["id"] == str(cell))
    verdicts = (excluded["verdict"], excluded["found_verdict"], excluded["is_used"])
    assert verdicts == ("rejected", "accepted", False)


def test_refusals_have_codes(site: Site, technician: TestClient, sample: ScoredSample) -> None:
    image = sample.images["accepted"][0]
    cell = sample.cells(image)[0]
    good = {"verdict": "rejected", "reason": WHY}
    for client, address, body, status in (
        (site.as_role(Role.LIMS), f"cells/{cell}", good, 403),
        (site.as_role(Role.LIMS), f"images/{image}", good, 403),
        (technician, f"cells/{uuid.uuid4()}", good, 404),
        (technician, f"images/{uuid.uuid4()}", good, 404),
        (technician, f"cells/{cell}", good | {"verdict": "partly"}, 422),
        (technician, f"cells/{cell}", good | {"reason": ""}, 422),
        (technician, f"images/{image}", good | {"reason": 501 * "x"}, 422),
        (technician, "cells", good | {"cell_ids": []}, 422),
    ):
        answer = client.patch(f"/api/v1/{address}", json=body)
        assert answer.status_code == status, (address, answer.text)
        assert answer.json()["code"]
    with transaction(site.sessions) as session:
        empty = session.scalars(select(ScanImage).where(ScanImage.id == image)).one()
        empty.verdict = "rejected"
        for row in session.scalars(select(Cell).where(Cell.image_id == image)):
            row.image_id = sample.images["accepted"][1]
    answer = technician.patch(f"/api/v1/images/{image}", json=good | {"verdict": "accepted"})
    assert (answer.status_code, answer.json()["code"]) == (409, "image_has_no_cells")


def test_the_live_stream_tells_of_the_corrected_score(
    sessions: SessionMaker, database_url: str, tmp_path: Path
) -> None:
    sample = scored_sample(open_laboratory(sessions, database_url, tmp_path))
    cell = sample.cells(sample.images["accepted"][0])[0]

    async def follow() -> None:
        app = FastAPI()
        app.state.progress = hub = ProgressHub(database_url)
        hub.start()
        request = Request({"type": "http", "app": app})
        with transaction(sessions) as session:
            known = scores.progress_of_sample(session, SYSTEM, sample.id)
        events = cast(
            "AsyncGenerator[ServerSentEvent]",
            follow_sample(request, sample.id, sessions, known, SYSTEM),
        )
        before = await told_next(events, sessions, sample)
        await asyncio.to_thread(sample.exclude, cell=cell)
        running = await told_next(events, sessions, sample)
        assert (running.state, running.score is not None) == ("running", True)
        await asyncio.to_thread(sample.follow)
        after = await told_next(events, sessions, sample)
        while after.state == "running":
            after = await told_next(events, sessions, sample)
        assert before.score is not None
        assert after.score is not None
        assert (after.score.n_excluded, after.state) == (1, "computed")
        assert after.score.rigidity_score != before.score.rigidity_score
        await hub.stop()
        with pytest.raises(StopAsyncIteration):
            await anext(events)

    asyncio.run(asyncio.wait_for(follow(), SOON_SECONDS))


async def told_next(
    events: AsyncGenerator[ServerSentEvent], sessions: SessionMaker, sample: ScoredSample
) -> SampleProgress:
    """Wait for the next event; the listener may not listen yet, so it is told until it hears."""
    event = asyncio.ensure_future(anext(events))
    while not event.done():
        with transaction(sessions) as session:
            notify(session, PROGRESS_CHANNEL, str(sample.id))
        await asyncio.wait([event], timeout=0.1)
    told = event.result().data
    assert isinstance(told, SampleProgress)
    return told
