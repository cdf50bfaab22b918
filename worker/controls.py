"""Sealed images through the whole pipeline: the check at start, and the queued ones.

A process whose pipeline or network does not answer as sealed takes no work. It stays up, says why
in the database, and looks again from time to time.
"""

import platform
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy.orm import Session

from app.db.queries.model_versions import active_version
from app.db.session import transaction
from app.db.tables import ModelVersion
from app.domain.digital_control import ControlImage, control_figures
from app.domain.errors import PliantError, ProcessingFailed, Unavailable
from app.domain.imaging.outliner import Outliner
from app.domain.imaging.parameters import ImagingParameters
from app.services import digital_controls, wet_controls, worker_reports
from app.services.control_runs import Trigger
from app.services.digital_controls import ControlToRun, DigitalRun, SealedImage
from app.services.inspections import NetworkFile, network_file
from models.bundled import BUNDLED_DIR
from models.classifier import Classifier
from worker import pipeline
from worker.context import Context, Work
from worker.loading import load_network, load_stored

log = structlog.get_logger()

CONTROL_DIR: Final = BUNDLED_DIR / "control"
"""The images that ship with the program, and what they must answer."""
LOOK_SECONDS: Final = 5.0
"""How often a process looks whether another version became active; promotion takes effect in 10."""
AGAIN_SECONDS: Final = 30.0
"""How long a process that refuses work waits before it looks whether its cause is mended."""


def run_control(
    control: ControlToRun,
    classifier: Classifier,
    outliner: Outliner,
    read: Callable[[SealedImage], bytes],
) -> dict[str, float]:
    """The figures of one control on this machine, by the way that every image goes."""
    images = [
        _examine(
            pipeline.StoredImage(read(image), image.sha256, image.format),
            control.parameters,
            classifier,
            outliner,
        )
        for image in control.images
    ]
    return control_figures(images, classifier.manifest.outlets)


def _examine(
    stored: pipeline.StoredImage,
    parameters: ImagingParameters,
    classifier: Classifier,
    outliner: Outliner,
) -> ControlImage:
    pixels = pipeline.read_pixels(stored, parameters)
    found = pipeline.inspect(pixels, parameters, outliner)
    regions, accepted = found.regions, found.accepted
    cells = pipeline.classify(pixels, regions.row, regions.column, classifier)
    return ControlImage(
        mean_grey=found.image.mean_grey,
        rim_width_um=found.image.focus,
        diameters_um=regions.diameter_um[accepted],
        p_outlet=cells.p_outlet[accepted[cells.index]],
    )


def _read(context: Context, image: SealedImage) -> bytes:
    if image.file is None:
        return load_stored(context, image.sha256)
    try:
        return (CONTROL_DIR / Path(image.file).name).read_bytes()
    except OSError as error:
        raise ProcessingFailed(
            "control_image_missing",
            f"The control's image {image.file} cannot be read; reinstall the program.",
        ) from error


@cache
def environment() -> str:
    """The machine and libraries that the last digits of a figure depend on."""
    libraries = (f"{name} {version(name)}" for name in ("onnxruntime", "numpy", "scipy"))
    return f"{platform.machine()} {_processor()}, {', '.join(libraries)}, {_opencv()}"


def _opencv() -> str:
    return f"opencv {version('opencv-python-headless')}"


def _processor() -> str:
    """Model, and a digest of what it can do: libraries choose their arithmetic by that."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    told = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    facts = {name.strip(): value.strip() for name, value in told.items()}
    able = facts.get("flags") or facts.get("Features") or ""
    name = facts.get("model name") or platform.processor() or "unknown processor"
    return f"{name} ({sha256(able.encode()).hexdigest()[:8]})"


@dataclass
class StartCheck:
    """Whether this process may work under the active version: its golden crops and the control."""

    context: Context
    version_id: uuid.UUID | None = None
    refusal: PliantError | None = None
    look_at: float = 0.0

    def why_not(self) -> PliantError | None:
        """Why this process takes no work, if so; checks anew where that may have changed."""
        if time.monotonic() < self.look_at:
            return self.refusal
        with transaction(self.context.sessions) as session:
            active = active_version(session)
            network = None if active is None else network_file(active)
        if network is None:
            self._conclude(None, None)
        elif self.refusal is not None or network.version_id != self.version_id:
            self._conclude(network.version_id, self._check(network))
        else:
            self.look_at = time.monotonic() + LOOK_SECONDS
        return self.refusal

    def _conclude(self, version_id: uuid.UUID | None, refusal: PliantError | None) -> None:
        self.version_id, self.refusal = version_id, refusal
        wait = LOOK_SECONDS if refusal is None else AGAIN_SECONDS
        self.look_at = time.monotonic() + wait

    def _check(self, network: NetworkFile) -> PliantError | None:
        try:
            with transaction(self.context.sessions) as session:
                controls = digital_controls.controls_to_run(session, only_shipped=True)
            refusal = _run_all(self.context, controls, network, Trigger.START)
        except PliantError as error:
            refusal = error
        _report(self.context, refusal)
        return refusal


def _run_all(
    context: Context, controls: Sequence[ControlToRun], network: NetworkFile, trigger: Trigger
) -> PliantError | None:
    """Run and record each control; the first refusal, if any does not answer as sealed."""
    refusal: PliantError | None = None
    try:
        load_network(context, network)
    except Unavailable:
        raise
    except PliantError as error:
        refusal = error
    for control in controls:
        ran = _run(context, control, network)
        with transaction(context.sessions) as session:
            answer = digital_controls.record_run(session, ran, trigger=trigger)
        if not answer.is_match and refusal is None:
            refusal = ProcessingFailed(answer.code or "control_mismatch", answer.message or "")
    return refusal


def _run(context: Context, control: ControlToRun, network: NetworkFile) -> DigitalRun:
    figures: dict[str, float] = {}
    error: PliantError | None = None
    try:
        classifier = load_network(context, network)
        read = partial(_read, context)
        figures = run_control(control, classifier, context.outliner, read)
    except Unavailable:
        raise
    except PliantError as failure:
        error = failure
    return DigitalRun(
        control_id=control.control_id,
        model_version_id=network.version_id,
        pipeline_version=pipeline.PIPELINE_VERSION,
        environment=environment(),
        figures=figures,
        error=error,
    )


def _report(context: Context, refusal: PliantError | None) -> None:
    if refusal is not None:
        log.error("worker.takes_no_work", code=refusal.code, cause=refusal.message)
    with transaction(context.sessions) as session:
        worker_reports.report(
            session, host=socket.gethostname(), environment=environment(), refusal=refusal
        )


def check_controls(work: Work) -> None:
    """Run every control in force under the model version that the job names."""
    with transaction(work.context.sessions) as session:
        network = network_file(session.get_one(ModelVersion, work.subject_id))
        trigger = digital_controls.trigger_of(session, work.job_id)
        controls = digital_controls.controls_to_run(session)
    runs = [_run(work.context, control, network) for control in controls]
    with work.finish() as session:
        for ran in runs:
            digital_controls.record_run(session, ran, trigger=trigger)


def queue_timetabled(session: Session) -> None:
    """What the sweeper does by the clock; runs also take the scores that they waited for."""
    digital_controls.queue_checks(session, pipeline_version=pipeline.PIPELINE_VERSION)
    wet_controls.take_scores(session)
