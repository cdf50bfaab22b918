"""A worker and a sweeper built as the product's, with toy handlers: what tests of faults run.

`celery -A tests.faults.toy_app worker` and `python -m tests.faults.toy_app`.
"""

import os
import signal
import threading
import time
from dataclasses import replace

from sqlalchemy import text

from app.jobs.kinds import LIMITS, JobKind
from app.settings import Settings
from worker.broker import make_celery
from worker.context import Work
from worker.runner import Handler
from worker.sweeper import run_until_stopped
from worker.tasks import register

TOY_SECONDS = "TOY_SECONDS"
"""Environment variable: how long a toy job takes."""
TOY_LEASE_SECONDS = "TOY_LEASE_SECONDS"
TOY_DEADLINE_SECONDS = "TOY_DEADLINE_SECONDS"


def write_result(work: Work) -> None:
    """Write one row at the end of a pause; the job's id is unique in its table."""
    time.sleep(float(os.environ.get(TOY_SECONDS, "0.002")))
    with work.finish() as session:
        session.execute(
            text("INSERT INTO toy_results (job_id, subject_id) VALUES (:job, :subject)"),
            {"job": work.job_id, "subject": work.subject_id},
        )


def kill_self(work: Work) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def loop_forever(work: Work) -> None:
    threading.Event().wait()


HANDLERS = {
    JobKind.INSPECT_IMAGE: Handler(write_result),
    JobKind.CLASSIFY_IMAGE: Handler(kill_self),
    JobKind.SCORE_ANALYSIS: Handler(loop_forever),
}
_limits = {
    kind: replace(
        limit,
        lease_seconds=int(os.environ.get(TOY_LEASE_SECONDS, limit.lease_seconds)),
        deadline_seconds=int(os.environ.get(TOY_DEADLINE_SECONDS, limit.deadline_seconds)),
    )
    for kind, limit in LIMITS.items()
}
_settings = Settings()
celery = make_celery(_settings)
register(celery, HANDLERS, settings=_settings, limits=_limits)

if __name__ == "__main__":
    run_until_stopped(_settings, HANDLERS, limits=_limits)
