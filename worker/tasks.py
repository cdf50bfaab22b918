"""Which handler does which kind of job, and `run_job`, the only Celery task."""

import os
import signal
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final

import structlog
from billiard.process import active_children
from celery import Celery, signals
from sqlalchemy.exc import SQLAlchemyError

from app.jobs.kinds import LIMITS, JobKind, Queue
from app.settings import Settings
from worker import (
    classification,
    controls,
    delivery,
    demonstration,
    impact,
    inspection,
    retraining,
    runner,
    scoring,
)
from worker.broker import TASK_NAME
from worker.context import Context, make_context
from worker.controls import StartCheck
from worker.runner import Handler, Handlers, LimitsByKind

log = structlog.get_logger()

HANDLERS: Mapping[JobKind, Handler] = {
    JobKind.INSPECT_IMAGE: Handler(inspection.inspect_image, inspection.on_failure),
    JobKind.CLASSIFY_IMAGE: Handler(classification.classify_image, classification.on_failure),
    JobKind.SCORE_ANALYSIS: Handler(scoring.score_analysis, scoring.on_failure),
    JobKind.MAKE_DEMONSTRATION: Handler(demonstration.make_demonstration),
    JobKind.TRAIN: Handler(retraining.train, retraining.on_failure),
    JobKind.CHECK_CONTROL: Handler(controls.check_controls),
    JobKind.PREVIEW_IMPACT: Handler(impact.preview_impact, impact.on_failure),
    JobKind.DELIVER: Handler(delivery.deliver),
}


@dataclass
class PoolProcess:
    """One process of the pool: its context, made after the fork, and its way to stop."""

    settings: Settings
    handlers: Handlers
    limits: LimitsByKind
    queues: frozenset[str] = frozenset()
    """What the worker consumes; known before the pool forks."""
    context: Context | None = None
    start_check: StartCheck | None = None
    """Of processes that turn images into results."""
    is_busy: bool = False
    end: Any = None
    """What the pool itself does on SIGTERM: leave."""

    def start(self, **_: Any) -> None:  # noqa: ANN401  Celery's signals pass what they like
        self.context = make_context(self.settings)
        signal.signal(FORWARDED_STOP, self.stop)
        if Queue.SCANS in self.queues:
            self.start_check = StartCheck(self.context)
            self._check_early(self.start_check)

    def _check_early(self, start_check: StartCheck) -> None:
        """Before the first job comes; a database that is away is waited for by that job."""
        try:
            start_check.why_not()
        except SQLAlchemyError:
            log.exception("worker.not_checked")

    def learn_queues(self, instance: Any, **_: Any) -> None:  # noqa: ANN401  see start
        self.queues = frozenset(instance.app.amqp.queues.consume_from)

    def _catch_sigterm(self) -> None:
        """Not in `start`: after it, the pool sets a handler of its own that breaks off any job."""
        if self.end is None:
            self.end = signal.signal(signal.SIGTERM, self.stop)

    def stop(self, signal_number: int, frame: FrameType | None) -> None:
        """Let a running job come to its end or its next checkpoint; leave at once if idle."""
        assert self.context is not None
        self.context.stopping.is_set = True
        if signal_number == signal.SIGTERM and not self.is_busy:
            self.end(signal_number, frame)

    def run_job(self, job_id: str) -> None:
        assert self.context is not None
        if self.context.stopping.is_set:
            return  # the row is still queued; another process takes it
        if self.start_check is not None and self.start_check.why_not() is not None:
            return  # likewise; it waits where every process refuses, and the health page says why
        self.is_busy = True
        self._catch_sigterm()
        try:
            runner.run(uuid.UUID(job_id), self.context, self.handlers, limits=self.limits)
        finally:
            self.is_busy = False


FORWARDED_STOP: Final = signal.SIGUSR2
"""How the pool's parent tells its children of its own SIGTERM; SIGTERM means the pool ends."""


def register(
    celery: Celery, handlers: Handlers, *, settings: Settings, limits: LimitsByKind = LIMITS
) -> None:
    """Make this process a worker that runs jobs with these handlers."""
    process = PoolProcess(settings=settings, handlers=handlers, limits=limits)
    celery.task(process.run_job, name=TASK_NAME)
    signals.celeryd_after_setup.connect(process.learn_queues, weak=False)
    signals.worker_process_init.connect(process.start, weak=False)
    signals.worker_shutting_down.connect(_tell_children, weak=False)


def _tell_children(**_: Any) -> None:  # noqa: ANN401  Celery's signals pass what they like
    for child in active_children():
        if child.pid is not None:
            os.kill(child.pid, FORWARDED_STOP)
