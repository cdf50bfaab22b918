"""The queue process: `celery -A worker.main worker -Q scans`."""

from app.observability import configure_logs
from app.settings import Settings
from worker.broker import make_celery
from worker.tasks import HANDLERS, register

_settings = Settings()
configure_logs(_settings.log_format)
celery = make_celery(_settings)
register(celery, HANDLERS, settings=_settings)
