"""The queue process: `celery -A worker.main worker -Q scans`."""

from typing import Any

from celery import signals

from app.jobs.kinds import Queue
from app.observability import configure_logs
from app.settings import Settings
from worker import retraining
from worker.broker import make_celery
from worker.tasks import HANDLERS, register

_settings = Settings()
configure_logs(_settings.log_format)
celery = make_celery(_settings)
register(celery, HANDLERS, settings=_settings)


def _settle_in(instance: Any, **_: Any) -> None:  # noqa: ANN401  Celery carries no types
    """Once the queues are known, before the pool forks."""
    if Queue.TRAINING in instance.app.amqp.queues.consume_from:
        retraining.settle_in(_settings)


signals.celeryd_after_setup.connect(_settle_in, weak=False)
