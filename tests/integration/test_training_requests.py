"""Asking for a training run: which cells it freezes, what it warns of, and what is refused."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import Select, delete, func, select, update
from starlette.testclient import TestClient

from app.db.session import transaction
from app.db.tables import (
    AuditEntry,
    Cell,
    Heartbeat,
    Job,
    ScanImage,
    TrainingRun,
    TrainingRunImage,
)
from app.main import create_app
from app.security.permissions import SYSTEM, Role
from app.services import corrections
from app.services.corrections import CorrectedVerdict
from app.settings import Settings
from tests.integration.conftest import Site
from tests.integration.sorted_samples import add_found, sort_sample, trainable
from tests.laboratory import Laboratory, open_laboratory

RUNS = "/api/v1/training-runs"


@pytest.fixture
def laboratory(site: Site, database_url: str, tmp_path: Path) -> Laboratory:
    return open_laboratory(site.sessions, database_url, tmp_path / "laboratory")


@pytest.fixture
def administrator(site: Site) -> TestClient:
    return site.as_role(Role.ADMINISTRATOR)


def start(client: TestClient, **body: object) -> dict[str, Any]:
    answer = client.post(RUNS, json={"name": "spring"} | body)
    assert answer.status_code == 202, answer.text
    run: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"{RUNS}/{run['id']}"
    return run


def frozen_cells(laboratory: Laboratory, run: dict[str, Any]) -> dict[uuid.UUID, int]:
    """The outlet of each frozen cell."""
    with transaction(laboratory.sessions) as session:
        wanted = select(TrainingRunImage).where(TrainingRunImage.training_run_id == run["id"])
        images = session.scalars(wanted).all()
    return {
        uuid.UUID(bytes=one.cell_ids[at : at + 16]): one.outlet
        for one in images
        for at in range(0, len(one.cell_ids), 16)
    }


def accepted_cells(laboratory: Laboratory) -> set[uuid.UUID]:
    with transaction(laboratory.sessions) as session:
        return set(session.scalars(select(Cell.id).where(Cell.verdict == "accepted")))


def warned(run: dict[str, Any]) -> set[str]:
    return {warning["code"] for warning in run["warnings"]}


def refused(answer: Response, code: str, status: int = 422) -> dict[str, Any]:
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    return problem


def n_runs(laboratory: Laboratory) -> int:
    with transaction(laboratory.sessions) as session:
        return session.scalar(select(func.count()).select_from(TrainingRun)) or 0


def test_a_name_is_enough_and_every_accepted_sorted_cell_is_learned_from(
    administrator: TestClient, laboratory: Laboratory
) -> None:
    samples = trainable(laboratory)
    add_found(laboratory, laboratory.add_well(samples[0].id, 1))  # unsorted: no label
    unsorted = accepted_cells(laboratory)
    run = start(administrator)
    frozen = frozen_cells(laboratory, run)
    with transaction(laboratory.sessions) as session:
        wells = {well: outlet for sample in samples for outlet, well in sample.wells.items()}
        rows = session.execute(_accepted_in(list(wells))).all()
    assert frozen == {cell_id: wells[well_id] for cell_id, well_id in rows}
    assert set(frozen) < unsorted
    assert (run["state"], run["n_cells"], run["n_images"]) == ("queued", len(frozen), 12)
    assert run["donors"] == ["A", "B", "C"]
    config = {name: run["config"][name] for name in ("architecture", "target", "holdout", "folds")}
    assert config == {
        "architecture": "compact", "target": "outlet", "holdout": "donor", "folds": 5,
    }  # fmt: skip
    assert run["progress"]["epoch"] is None
    read = administrator.get(f"{RUNS}/{run['id']}").json()
    assert read | {"created_at": run["created_at"]} == run
    assert administrator.get(RUNS).json()["items"] == [read]


def _accepted_in(wells: list[uuid.UUID]) -> Select[uuid.UUID, uuid.UUID]:
    joined = select(Cell.id, ScanImage.well_id).join(ScanImage, ScanImage.id == Cell.image_id)
    return joined.where(ScanImage.well_id.in_(wells), Cell.verdict == "accepted")


def test_what_a_technician_said_holds_and_a_later_word_changes_nothing_frozen(
    administrator: TestClient, laboratory: Laboratory
) -> None:
    samples = trainable(laboratory)
    chosen = sorted(accepted_cells(laboratory))[0]
    before = start(administrator)
    with transaction(laboratory.sessions) as session:
        corrections.correct_cell(
            session, SYSTEM, chosen, verdict=CorrectedVerdict.REJECTED, reason="debris after all"
        )
        corrections.correct_image(
            session, SYSTEM, samples[0].images[2], verdict=CorrectedVerdict.REJECTED, reason="blur"
        )
    after = start(administrator)
    assert chosen in frozen_cells(laboratory, before)
    assert chosen not in frozen_cells(laboratory, after)
    assert (before["n_images"], after["n_images"]) == (12, 11)
    assert before["dataset_sha256"] != after["dataset_sha256"]


def test_the_same_cells_have_the_same_hash_and_order(
    administrator: TestClient, laboratory: Laboratory
) -> None:
    trainable(laboratory)
    first, second = start(administrator), start(administrator, seed=7)
    assert first["dataset_sha256"] == second["dataset_sha256"]
    assert list(frozen_cells(laboratory, first)) == list(frozen_cells(laboratory, second))


def test_samples_and_donors_add_up(administrator: TestClient, laboratory: Laboratory) -> None:
    samples = trainable(laboratory, ("A", "B", "C", "D"))
    run = start(administrator, samples=[str(samples[0].id)], donors=["B", "D"])
    assert run["donors"] == ["A", "B", "D"]
    assert "few_donors" in warned(run)


def test_outlets_nobody_can_learn_from_are_left_out_with_a_note(
    administrator: TestClient, laboratory: Laboratory
) -> None:
    trainable(laboratory)
    sort_sample(laboratory, "D", outlets=(1, 3, 4, 7))
    run = start(administrator)
    assert set(frozen_cells(laboratory, run).values()) == {2, 3, 4, 5}
    note = next(one for one in run["warnings"] if one["code"] == "outlet_excluded")
    assert (note["level"], "outlets 1 and 7" in note["message"]) == ("info", True)


def test_a_class_of_one_outlet_and_images_that_wait_are_warned_of(
    administrator: TestClient, laboratory: Laboratory
) -> None:
    trainable(laboratory, ())
    samples = [sort_sample(laboratory, donor, outlets=(3, 4, 5)) for donor in "ABC"]
    add_found(laboratory, samples[0].wells[3], is_judged=False)
    run = start(administrator)
    assert {"class_single_outlet", "images_pending"} <= warned(run)
    assert "1 image is" in str(run["warnings"])


def test_the_demonstrations_cells_must_be_named_and_make_a_demonstration_model(
    administrator: TestClient, laboratory: Laboratory
) -> None:
    trainable(laboratory)
    sort_sample(laboratory, "DEMO-9", is_demonstration=True)
    plain = start(administrator)
    assert (plain["donors"], plain["demonstration"]) == (["A", "B", "C"], False)
    mixed = start(administrator, donors=["A", "B", "C", "DEMO-9"])
    assert mixed["demonstration"]
    assert "demonstration_among_others" in warned(mixed)


REFUSED: tuple[tuple[dict[str, object], str], ...] = (
    ({"samples": [str(uuid.uuid4())]}, "training_sample_unknown"),
    ({"donors": ["A", "nobody"]}, "training_donor_unknown"),
    ({"donors": []}, "training_no_cells"),
    ({"donors": ["A", "B"]}, "too_few_to_hold_out"),
    ({"donors": ["A", "B"], "holdout": "well"}, "too_few_to_hold_out"),
    ({"donors": ["rigid-1", "rigid-2", "rigid-3"]}, "training_one_class"),
    ({"epochs": 0}, "training_configuration"),
    ({"learning_rate": 1.0}, "training_configuration"),
    ({"name": "  "}, "training_name"),
    ({"colour": "red"}, "invalid_request"),
)


def test_what_cannot_be_trained_is_refused_and_nothing_is_kept(
    administrator: TestClient, laboratory: Laboratory
) -> None:
    trainable(laboratory)
    for number in (1, 2, 3):
        sort_sample(laboratory, f"rigid-{number}", outlets=(4, 5))
    for body, code in REFUSED:
        refused(administrator.post(RUNS, json={"name": "spring"} | body), code)
    assert n_runs(laboratory) == 0


def test_without_a_training_worker_nothing_is_started(
    administrator: TestClient, laboratory: Laboratory
) -> None:
    trainable(laboratory)
    with transaction(laboratory.sessions) as session:
        session.execute(update(Heartbeat).values(report={"tensorflow": False}))
    told = refused(administrator.post(RUNS, json={"name": "a"}), "training_not_installed", 409)
    assert "TensorFlow is missing" in told["detail"]
    with transaction(laboratory.sessions) as session:
        session.execute(delete(Heartbeat))
    told = refused(administrator.post(RUNS, json={"name": "a"}), "training_not_installed", 409)
    assert "No training worker" in told["detail"]


def test_an_installation_without_training_says_so(site: Site, laboratory: Laboratory) -> None:
    trainable(laboratory)
    key = site.key(Role.ADMINISTRATOR)
    without = Settings(**site.settings.model_dump() | {"training": False})
    with TestClient(create_app(without), "http://127.0.0.1:8000") as client:
        headers = {"Authorization": f"Bearer {key}"}
        answer = client.post(RUNS, json={"name": "a"}, headers=headers)
    assert "switched off" in refused(answer, "training_not_installed", 409)["detail"]


def test_a_waiting_run_is_cancelled_at_once_and_only_once(
    administrator: TestClient, laboratory: Laboratory
) -> None:
    trainable(laboratory)
    run = start(administrator)
    for _ in range(2):
        answer = administrator.post(f"{RUNS}/{run['id']}/cancel")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    with transaction(laboratory.sessions) as session:
        assert session.scalars(select(Job.state).where(Job.kind == "train")).all() == ["cancelled"]
        actions = session.scalars(select(AuditEntry.action)).all()
    assert actions.count("training_run.cancelled") == 1
    events = administrator.get(f"{RUNS}/{run['id']}/events").text
    assert events.count("event: progress") == 1
    assert '"state": "cancelled"' in events


def test_a_run_that_is_over_cannot_be_cancelled(
    administrator: TestClient, laboratory: Laboratory
) -> None:
    trainable(laboratory)
    run = start(administrator)
    with transaction(laboratory.sessions) as session:
        session.execute(update(TrainingRun).values(state="done"))
    refused(administrator.post(f"{RUNS}/{run['id']}/cancel"), "training_run_over", 409)


def test_an_unknown_run_is_not_found(administrator: TestClient) -> None:
    for path in ("", "/events"):
        refused(administrator.get(f"{RUNS}/{uuid.uuid4()}{path}"), "training_run_unknown", 404)


def test_coverage_lays_out_donor_by_outlet_by_well(
    administrator: TestClient, laboratory: Laboratory
) -> None:
    samples = trainable(laboratory)
    second = laboratory.add_well(samples[0].id, 2, outlet=3)
    add_found(laboratory, second)
    told = administrator.get(f"{RUNS}/coverage", params={"donors": ["A", "B"]}).json()
    assert (told["outlets"], told["excluded_outlets"]) == ([2, 3, 4, 5], [])
    assert [row["donor"] for row in told["rows"]] == ["A", "B"]
    names = [[well["well"] for well in wells] for wells in told["rows"][0]["wells"]]
    assert names[1] == ["A, sample 1, outlet 3, well 1", "A, sample 1, outlet 3, well 2"]
    n_cells = sum(w["n_cells"] for row in told["rows"] for wells in row["wells"] for w in wells)
    assert n_cells == start(administrator, donors=["A", "B", "C"])["n_cells"] - _n_cells(
        administrator, "C"
    )
    assert "few_donors" in {warning["code"] for warning in told["warnings"]}


def _n_cells(client: TestClient, donor: str) -> int:
    told = client.get(f"{RUNS}/coverage", params={"donors": donor}).json()
    return sum(well["n_cells"] for wells in told["rows"][0]["wells"] for well in wells)
