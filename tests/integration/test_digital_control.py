"""Sealed images and golden crops: what a worker does before it believes itself."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from sqlalchemy import delete, select

from app.db.queries.model_versions import active_version
from app.db.session import SessionMaker, transaction
from app.db.tables import (
    AuditEntry,
    ControlRun,
    ControlViolation,
    Job,
    ModelVersion,
    SealedAnswer,
    TimetableSlot,
)
from app.domain.digital_control import differences, sealed_sha256
from app.jobs import ledger
from app.jobs.kinds import JobKind
from app.services import control_seals, digital_controls, doctor, health
from app.services.first_start import install_shipped_control
from app.storage import golden_key, model_key
from models.artefact import Golden, sha256_of
from models.bundled import load_bundled
from models.classifier import Classifier
from tests.controls_in_order import bring_controls_in_order
from tests.laboratory import Laboratory, open_laboratory
from worker import controls, pipeline
from worker.control_bundle import describe
from worker.controls import CONTROL_DIR, StartCheck
from worker.pipeline import PIPELINE_VERSION


@pytest.fixture
def laboratory(sessions: SessionMaker, database_url: str, tmp_path: Path) -> Laboratory:
    opened = open_laboratory(sessions, database_url, tmp_path)
    with transaction(sessions) as session:
        install_shipped_control(session)
    return opened


def runs(laboratory: Laboratory) -> list[ControlRun]:
    with transaction(laboratory.sessions) as session:
        return list(session.scalars(select(ControlRun).order_by(ControlRun.created_at)))


def broken(laboratory: Laboratory) -> list[tuple[str, str]]:
    with transaction(laboratory.sessions) as session:
        found = session.scalars(select(ControlViolation).order_by(ControlViolation.created_at))
        return [(one.rule, one.message) for one in found]


def readiness(laboratory: Laboratory) -> health.Health:
    return health.check(laboratory.sessions, laboratory.store)


def test_what_ships_is_what_this_pipeline_and_network_say() -> None:
    """If this fails the pipeline or the network changed: `make control`, and raise its version."""
    shipped = json.loads((CONTROL_DIR / "control.json").read_text())
    ours = describe(CONTROL_DIR)
    assert [one["sha256"] for one in shipped["images"]] == [one["sha256"] for one in ours["images"]]
    (was,), (now,) = shipped["answers"], ours["answers"]
    assert (was["model_sha256"], was["pipeline_version"]) == (
        now["model_sha256"], now["pipeline_version"],
    )  # fmt: skip
    assert differences(was["figures"], now["figures"]) == ()


def test_a_sound_worker_takes_work_and_its_check_is_on_record(laboratory: Laboratory) -> None:
    check = StartCheck(laboratory.context)
    assert check.why_not() is None
    (run,) = runs(laboratory)
    assert (run.trigger, run.is_match, run.message) == ("start", True, None)
    assert run.environment == controls.environment()
    assert run.figures is not None
    assert (run.figures["n_cells"] or 0) > 50
    assert broken(laboratory) == []
    assert readiness(laboratory).checks["control"] == "ok"


def test_processes_that_start_together_leave_one_run(laboratory: Laboratory) -> None:
    for _ in range(3):
        assert StartCheck(laboratory.context).why_not() is None
    assert len(runs(laboratory)) == 1


def changed_network() -> bytes:
    """The shipped network with its largest weight of one layer turned over."""
    network = onnx.load_from_string(load_bundled().onnx)
    weights = max(network.graph.initializer, key=lambda one: len(one.raw_data))
    values = onnx.numpy_helper.to_array(weights).copy()
    values.flat[np.abs(values).argmax()] *= -1
    weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))
    return bytes(network.SerializeToString())


def exchange_network(laboratory: Laboratory, data: bytes, golden: bytes) -> None:
    """Put another file in the active version's place, with every hash that names it."""
    sha256 = sha256_of(data)
    laboratory.store.put_once(model_key(sha256), data)
    laboratory.store.put_once(golden_key(sha256), golden)
    with transaction(laboratory.sessions) as session:
        version = active_version(session)
        assert version is not None
        version.sha256, version.manifest = sha256, version.manifest | {"sha256": sha256}


def test_a_network_with_one_changed_weight_takes_no_work(laboratory: Laboratory) -> None:
    """Every hash was changed along with it; its answers to the golden crops tell."""
    exchange_network(laboratory, changed_network(), load_bundled().golden.to_bytes())
    refusal = StartCheck(laboratory.context).why_not()
    assert refusal is not None
    assert refusal.code == "golden_mismatch"
    assert "takes no work" in refusal.message
    assert broken(laboratory) == [("exact", refusal.message)]
    assert "golden_mismatch" in readiness(laboratory).checks["control"]
    told = doctor.check_controls(laboratory.context.settings)
    assert (told.ok, refusal.message in told.message) == (False, True)


def test_new_golden_crops_do_not_hide_a_changed_weight_from_the_control(
    laboratory: Laboratory,
) -> None:
    bundle, data = load_bundled(), changed_network()
    manifest = replace(bundle.manifest, sha256=sha256_of(data))
    answers = Classifier.load(data, manifest).predict(bundle.golden.crops)
    exchange_network(laboratory, data, Golden(bundle.golden.crops, answers).to_bytes())
    refusal = StartCheck(laboratory.context).why_not()
    assert refusal is not None
    assert refusal.code == "control_mismatch"
    assert "Mean probability of deformable" in refusal.message


def test_a_flipped_byte_in_the_stored_network_takes_no_work(laboratory: Laboratory) -> None:
    bundle = load_bundled()
    damaged = bytearray(bundle.onnx)
    damaged[len(damaged) // 2] ^= 1
    laboratory.store.put_once(model_key(bundle.manifest.sha256), damaged)
    refusal = StartCheck(laboratory.context).why_not()
    assert refusal is not None
    assert broken(laboratory) == [("exact", refusal.message)]


def test_a_worker_looks_again_when_the_cause_is_mended(laboratory: Laboratory) -> None:
    bundle = load_bundled()
    key = golden_key(bundle.manifest.sha256)
    laboratory.store.delete(key)
    check = StartCheck(laboratory.context)
    assert check.why_not() is not None
    laboratory.store.put_once(key, bundle.golden.to_bytes())
    assert check.why_not() is not None  # not before its time
    check.look_at = 0
    assert check.why_not() is None
    assert [run.is_match for run in runs(laboratory)] == [False, True]
    assert readiness(laboratory).checks["control"] == "ok"


def test_while_a_machine_refuses_something_rings_once_a_minute(laboratory: Laboratory) -> None:
    with transaction(laboratory.sessions) as session:
        controls.queue_timetabled(session)
    laboratory.run_queue()
    laboratory.store.delete(golden_key(load_bundled().manifest.sha256))
    assert StartCheck(laboratory.context).why_not() is None  # this process knows the network
    laboratory.context.classifiers.clear()
    assert StartCheck(laboratory.context).why_not() is not None
    for _ in range(2):
        with transaction(laboratory.sessions) as session:
            controls.queue_timetabled(session)
    with transaction(laboratory.sessions) as session:
        n_slots = len(session.scalars(select(TimetableSlot.slot)).all())
        waiting = session.scalars(select(Job.id).where(Job.state == "queued")).all()
    assert len(waiting) == n_slots - 1 >= 1  # a minute may pass between the two calls


def test_a_changed_image_of_the_control_is_named(
    laboratory: Laboratory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "control"
    shutil.copytree(CONTROL_DIR, folder)
    data = bytearray((folder / "control-2.bmp").read_bytes())
    data[-1] ^= 1
    (folder / "control-2.bmp").write_bytes(data)
    monkeypatch.setattr(controls, "CONTROL_DIR", folder)
    refusal = StartCheck(laboratory.context).why_not()
    assert refusal is not None
    assert refusal.code == "stored_bytes_changed"


def test_a_brighter_pipeline_does_not_match(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three standard deviations of the images' noise, added after decoding."""
    plain = pipeline.read_pixels
    monkeypatch.setattr(
        pipeline, "read_pixels",
        lambda *given: cv2.add(plain(*given), np.full((1,), 6, np.uint8)),
    )  # fmt: skip
    refusal = StartCheck(laboratory.context).why_not()
    assert refusal is not None
    assert refusal.code == "control_mismatch"
    assert "Mean grey" in refusal.message


def check_now(laboratory: Laboratory) -> None:
    with transaction(laboratory.sessions) as session:
        version = active_version(session)
        assert version is not None
        ledger.enqueue(session, JobKind.CHECK_CONTROL, version.id)
    laboratory.run_queue()


def test_the_first_run_of_a_version_seals_its_answer(laboratory: Laboratory) -> None:
    with transaction(laboratory.sessions) as session:
        session.execute(delete(SealedAnswer))
    check_now(laboratory)
    with transaction(laboratory.sessions) as session:
        (sealed,) = session.scalars(select(SealedAnswer))
        told = session.scalars(select(AuditEntry).where(AuditEntry.action == "control.sealed"))
        assert sealed.answer_sha256 == sealed_sha256(sealed.answer)
        assert any(sealed.answer_sha256 in entry.content for entry in told)
    check_now(laboratory)
    assert [run.is_match for run in runs(laboratory)] == [True, True]
    assert runs(laboratory)[0].figures == runs(laboratory)[1].figures


def test_a_version_without_an_answer_is_held_against_what_no_network_changes(
    laboratory: Laboratory,
) -> None:
    """Cells, sizes and light are known from the shipped answer of another version."""
    with transaction(laboratory.sessions) as session:
        (sealed,) = session.scalars(select(SealedAnswer))
        version = active_version(session)
        assert version is not None
        text = sealed.answer.replace('"n_cells":', '"n_cells":1')
        other = ModelVersion(
            name="other", sha256="0" * 64, manifest=version.manifest, is_demonstration=True
        )
        session.add(other)
        session.flush()
        session.add(
            SealedAnswer(
                control_id=sealed.control_id, model_version_id=other.id, answer=text,
                answer_sha256=sealed_sha256(text), pipeline_version=PIPELINE_VERSION,
                is_shipped=False, environment="",
            )
        )  # fmt: skip
        session.delete(sealed)
    check_now(laboratory)
    ((_, message),) = broken(laboratory)
    assert "Accepted cells" in message
    with transaction(laboratory.sessions) as session:
        assert len(session.scalars(select(SealedAnswer)).all()) == 1


def test_a_sealed_answer_that_was_changed_is_believed_no_more(laboratory: Laboratory) -> None:
    with transaction(laboratory.sessions) as session:
        (sealed,) = session.scalars(select(SealedAnswer))
        sealed.answer = sealed.answer.replace('"n_cells":', '"n_cells":1')
    refusal = StartCheck(laboratory.context).why_not()
    assert refusal is not None
    assert refusal.code == "control_changed"


def test_the_night_comes_once_however_often_the_sweeper_asks(laboratory: Laboratory) -> None:
    for _ in range(3):
        with transaction(laboratory.sessions) as session:
            controls.queue_timetabled(session)
    laboratory.run_queue()
    assert [run.trigger for run in runs(laboratory)] == ["nightly"]


def test_a_version_that_becomes_active_is_sealed_without_waiting_for_night(
    laboratory: Laboratory,
) -> None:
    with transaction(laboratory.sessions) as session:
        controls.queue_timetabled(session)
        session.execute(delete(SealedAnswer))
    laboratory.run_queue()
    with transaction(laboratory.sessions) as session:
        session.execute(delete(SealedAnswer))
        controls.queue_timetabled(session)
        controls.queue_timetabled(session)
    assert laboratory.run_queue() == 1
    assert [run.trigger for run in runs(laboratory)] == ["nightly", "asked"]


def test_another_program_ends_the_shipped_control_and_begins_its_own(
    laboratory: Laboratory,
) -> None:
    description = json.loads((CONTROL_DIR / "control.json").read_text())
    with transaction(laboratory.sessions) as session:
        again = control_seals.install_shipped(session, description)
        first_id = again.id
        description["images"] = description["images"][:2]
        other = control_seals.install_shipped(session, description | {"answers": []})
        assert other.id != first_id
        (only,) = digital_controls.controls_to_run(session)
        assert (only.control_id, len(only.images)) == (other.id, 2)


def test_bringing_controls_in_order_leaves_a_matching_run(laboratory: Laboratory) -> None:
    bring_controls_in_order(laboratory)
    assert [run.is_match for run in runs(laboratory)] == [True]
