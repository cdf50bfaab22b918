"""The queue process: `celery -A worker.main worker -Q scans`."""

from app.settings import Settings
from worker.broker import make_celery
from worker.tasks import HANDLERS, register

_settings = Settings()
celery = make_celery(_settings)
register(celery, HANDLERS, settings=_settings)
