"""Train a network from the frozen cells of a run; after a death it goes on at the last epoch."""

import importlib.util
import os
import time
from collections.abc import Collection
from dataclasses import asdict
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.db.session import SessionMaker, make_engine, make_sessions, transaction
from app.db.tables import Heartbeat, Job
from app.domain.errors import PliantError, ProcessingFailed
from app.domain.imaging.crops import CROP_PX, cut_crops
from app.domain.imaging.regions import N_ANGLES
from app.services import training_cells, training_runs
from app.services.training_cells import DatasetHash, LabelledImage
from app.services.training_requests import TRAINER
from app.services.training_runs import RunToTrain, TrainedNetwork
from app.settings import Settings
from app.storage import checkpoint_key, golden_key, model_key, saliency_key
from worker.context import Context, Interrupted, Work, required_database_url
from worker.loading import load_pixels

if TYPE_CHECKING:  # TensorFlow comes with it
    from models.training.dataset import LabelledCells
    from models.training.labelled import Progress, TrainedVersion

REPORT_SECONDS: Final = 1.0
NICENESS: Final = 10


def train(work: Work) -> None:
    with transaction(work.context.sessions) as session:
        run = training_runs.begin(session, work.subject_id)
    remove_leftovers(work.context)
    training = _training()
    reporter = Reporter(work, run)
    trained: TrainedVersion = training.train(
        load_cells(work, run, reporter),
        run.config,
        name=run.name,
        demonstration=run.is_demonstration,
        on_progress=reporter.epoch_done,
        checkpoints=StoredCheckpoints(work, run.checkpoints),
    )
    reporter.flush()
    sha256 = _store(work.context, trained)
    with work.finish() as session:
        result = TrainedNetwork(sha256, trained.bundle.manifest.to_json(), trained.metrics)
        training_runs.record_result(session, run.id, result)
    remove_leftovers(work.context)


def on_failure(session: Session, job: Job, error: PliantError) -> None:
    training_runs.record_end(session, job, error)


def _training() -> ModuleType:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        # TensorFlow takes seconds and half a gigabyte: only a process that trains pays for it.
        from models.training import labelled  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ProcessingFailed(
            "training_not_installed",
            f"Training is not installed where the worker runs ({error.name} is missing); run make "
            "run without PLIANT_TRAINING=0, or install requirements/train.txt.",
        ) from error
    return labelled


def _store(context: Context, trained: "TrainedVersion") -> str:
    """Put the files where the version's row will say; the row comes after."""
    sha256 = trained.bundle.manifest.sha256
    context.store.put_once(model_key(sha256), trained.bundle.onnx)
    context.store.put_once(golden_key(sha256), trained.bundle.golden.to_bytes())
    for name, picture in trained.pictures.items():
        context.store.put_once(saliency_key(sha256, name), picture)
    return sha256


def load_cells(work: Work, run: RunToTrain, reporter: "Reporter") -> "LabelledCells":
    """Cut the crops of the frozen cells from the images as they were received.

    Raises
    ------
    ProcessingFailed
        `training_data_changed`, or why an image cannot be read.
    """
    loaded = _LoadedCells(run.n_cells)
    digest = DatasetHash()
    for ordinal in range(run.n_images):
        work.checkpoint()
        with transaction(work.context.sessions) as session:
            found = training_cells.labelled_image(session, run.id, ordinal)
        digest.add(found.well_name, found.outlet, found.image.sha256, found.rows, found.columns)
        loaded.add(found, load_pixels(work.context, found.image))
        reporter.image_loaded(ordinal + 1)
    if digest.hexdigest() != run.dataset_sha256:
        raise training_cells.data_changed()
    return loaded.cells()


class _LoadedCells:
    """Room for all crops at once: joined afterwards, they would take it twice."""

    def __init__(self, n_cells: int) -> None:
        self._crops = np.empty((n_cells, CROP_PX, CROP_PX), np.uint8)
        self._outlines = np.empty((n_cells, N_ANGLES), np.float32)
        self._diameters_um = np.empty(n_cells, np.float32)
        self._outlets = np.empty(n_cells, np.int64)
        self._well_numbers = np.empty(n_cells, np.int64)
        self._donors: list[str] = []
        self._wells: list[str] = []
        self._cell_ids: list[str] = []

    def add(self, found: LabelledImage, pixels: NDArray[np.uint8]) -> None:
        start, n_cells = len(self._donors), len(found.rows)
        room = slice(start, start + n_cells)
        if room.stop > len(self._crops):
            raise training_cells.data_changed()
        self._crops[room] = cut_crops(pixels, found.rows, found.columns)
        self._outlines[room] = found.radii_px
        self._diameters_um[room] = found.diameters_um
        self._outlets[room] = found.outlet
        self._well_numbers[room] = found.well_number
        self._donors += [found.donor] * n_cells
        self._wells += [found.well_name] * n_cells
        places = zip(found.rows.tolist(), found.columns.tolist(), strict=True)
        # By content and place: the same on every server that holds the same images.
        self._cell_ids += [f"{found.image.sha256[:16]}/{r:.2f}/{c:.2f}" for r, c in places]

    def cells(self) -> "LabelledCells":
        from models.training.dataset import LabelledCells  # noqa: PLC0415  see _training

        return LabelledCells(
            crops=self._crops,
            outlets=self._outlets,
            donors=np.array(self._donors),
            wells=np.array(self._wells),
            well_numbers=self._well_numbers,
            cell_ids=np.array(self._cell_ids),
            diameters_um=self._diameters_um,
            outlines=self._outlines,
        )


class Reporter:
    """Writes how far the run is, once a second or so, and stops it where it should stop."""

    def __init__(self, work: Work, run: RunToTrain) -> None:
        self._work = work
        self._run = run
        self._clock = Clock()
        self._progress: dict[str, Any] = {}
        self._epochs: list[dict[str, Any]] = []
        self._write_at = 0.0

    def image_loaded(self, n_images: int) -> None:
        total = self._run.n_images
        self._tell({"stage": "loading", "images_done": n_images, "images_total": total})

    def epoch_done(self, progress: "Progress") -> None:
        """Between epochs, hence after the checkpoint; raises to interrupt."""
        values = asdict(progress)
        self._epochs.append(values)
        self._tell({**values, "seconds_left": self._clock.seconds_left(progress.share_done)})
        if progress.stage == "final" and progress.epoch == progress.epochs:
            self._tell({"stage": "evaluation"})
        try:
            self._work.checkpoint()
        except Interrupted:
            self.flush()
            raise

    def _tell(self, progress: dict[str, Any]) -> None:
        is_new_stage = progress["stage"] != self._progress.get("stage")
        self._progress = progress
        if is_new_stage or time.monotonic() >= self._write_at:
            self.flush()

    def flush(self) -> None:
        with transaction(self._work.context.sessions) as session:
            training_runs.report(
                session,
                self._run.id,
                self._work.token,
                progress=self._progress,
                epochs=self._epochs,
            )
        self._epochs = []
        self._write_at = time.monotonic() + REPORT_SECONDS


class Clock:
    """How long the epochs that are left will take, from those of this attempt."""

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None

    def seconds_left(self, share_done: float) -> float | None:
        """None until a second epoch can be told from the first; fits may take unlike long."""
        now = time.monotonic()
        if self._first is None:
            self._first = (share_done, now)
            return None
        first_share, first_at = self._first
        return (now - first_at) / (share_done - first_share) * (1 - share_done)


class StoredCheckpoints:
    """What to resume from, in the store; the run's row names every file there is."""

    def __init__(self, work: Work, named: Collection[str]) -> None:
        self._work = work
        self._named = set(named)

    def load(self, name: str) -> bytes | None:
        try:
            return self._work.context.store.get(checkpoint_key(self._work.subject_id, name))
        except FileNotFoundError:
            return None

    def save(self, name: str, data: bytes) -> None:
        """Replace what was there, wholly or not at all: equal keys need not be equal bytes here."""
        if name not in self._named:
            with transaction(self._work.context.sessions) as session:
                training_runs.note_checkpoint(
                    session, self._work.subject_id, self._work.token, name
                )
            self._named.add(name)
        self._work.context.store.put_once(checkpoint_key(self._work.subject_id, name), data)


def remove_leftovers(context: Context) -> None:
    """Delete the checkpoints of runs that are over."""
    with transaction(context.sessions) as session:
        files = training_runs.forget_checkpoints(session)
    for run_id, name in files:
        context.store.delete(checkpoint_key(run_id, name))


def settle_in(settings: Settings) -> None:
    """Before the pool forks: give way to everything else, and say whether training is installed."""
    os.nice(max(0, NICENESS - os.nice(0)))
    engine = make_engine(required_database_url(settings), pool_size=1)
    try:
        report_installation(make_sessions(engine))
    except SQLAlchemyError as error:
        raise SystemExit("The database does not answer; the worker starts again.") from error
    finally:
        engine.dispose()


def report_installation(sessions: SessionMaker) -> None:
    """Write the row by which the web process knows whether runs can be started."""
    report = {"tensorflow": importlib.util.find_spec("tensorflow") is not None}
    now = func.clock_timestamp()
    row = insert(Heartbeat).values(name=TRAINER, at=now, report=report)
    with transaction(sessions) as session:
        session.execute(
            row.on_conflict_do_update(
                index_elements=[Heartbeat.name], set_={"at": now, "report": report}
            )
        )
