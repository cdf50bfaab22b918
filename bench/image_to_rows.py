"""CPU time of one image of 200 cells from stored bytes to committed rows, as a worker's job.

The process time of the worker's side and of its PostgreSQL connection, on real parts: a private
PostgreSQL, files on disk, the shipped network. Claim, lease, COPY and commit are part of it.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

import psutil
from sqlalchemy import select, text

from app.db.session import make_engine, make_sessions, transaction
from app.db.tables import Job
from app.embedded import postgres
from app.embedded.children import running
from app.security.permissions import SYSTEM
from app.services import model_versions, samples, scans
from app.services.samples import Container, NewSample, NewWell
from app.settings import Settings
from app.storage import open_store
from bench.images import drawn_bmp
from models.bundled import BUNDLED_DIR, load_bundled
from worker import runner
from worker.context import Context
from worker.tasks import HANDLERS

REPEATS: Final = 9


def measure() -> float:
    """Median CPU time of an image's job in ms."""
    with worker() as context:
        job_ids = [send(context, drawn_bmp(number)) for number in range(REPEATS + 1)]
        spent = [run_timed(context, job_id) for job_id in job_ids]
    return median(spent[1:])


@contextmanager
def worker() -> Iterator[Context]:
    """A worker's context on a private, migrated PostgreSQL with the shipped network active."""
    with tempfile.TemporaryDirectory(prefix="pliant-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        with running(postgres.postgres_child(folder), log=folder / "postgres.log"):
            migrate(postgres.owner_url(folder))
            # One connection, so that its backend's CPU time is the whole of PostgreSQL's share.
            engine = make_engine(postgres.app_url(folder), pool_size=1)
            context = Context(
                settings=Settings(data_dir=folder),
                sessions=make_sessions(engine),
                store=open_store((folder / "storage").as_uri()),
            )
            with transaction(context.sessions) as session:
                model_versions.install_bundled(
                    session,
                    context.store,
                    onnx=(BUNDLED_DIR / "model.onnx").read_bytes(),
                    manifest=load_bundled().manifest.to_json(),
                    golden=load_bundled().golden.to_bytes(),
                )
            yield context
            engine.dispose()


def migrate(owner_url: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        env=os.environ | {"PLIANT_DATABASE_URL": owner_url},
        check=True,
    )


def send(context: Context, data: bytes) -> uuid.UUID:
    """Take the image in as a new sample's; the id of its job."""
    new = NewSample(donor_code="BENCH", container=Container.BLOOD_BAG)
    with transaction(context.sessions) as session:
        sample = samples.create_sample(session, SYSTEM, new)
        well = samples.add_well(session, SYSTEM, sample.id, NewWell(outlet=None))
        expected = scans.expect_image(session, SYSTEM, well.id)
    image = scans.receive_image(
        context.sessions,
        context.store,
        SYSTEM,
        expected=expected,
        sha256=hashlib.sha256(data).hexdigest(),
        filename="bench.bmp",
        data=bytearray(data),
    )
    with transaction(context.sessions) as session:
        return session.scalars(select(Job.id).where(Job.subject_id == image.id)).one()


def run_timed(context: Context, job_id: uuid.UUID) -> float:
    with transaction(context.sessions) as session:
        backend = psutil.Process(session.scalar(text("SELECT pg_backend_pid()")))
    before = time.process_time() + cpu_seconds(backend)
    runner.run(job_id, context, HANDLERS)
    return 1000 * (time.process_time() + cpu_seconds(backend) - before)


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
