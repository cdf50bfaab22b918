"""What a worker process holds, made after the fork, and the attempt that a handler works on."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import cv2
from sqlalchemy.orm import Session
from threadpoolctl import threadpool_limits

from app.db.session import SessionMaker, make_engine, make_sessions, transaction
from app.jobs import ledger
from app.jobs.kinds import JobKind
from app.settings import Settings
from app.storage import Store, open_store
from models.bundled import load_outliner
from models.classifier import Classifier
from models.outliner import Outliner
from worker.allocator import keep_freed_memory


@dataclass
class StopFlag:
    """Set by a signal handler, where the lock inside an Event could deadlock."""

    is_set: bool = False


@dataclass(frozen=True, kw_only=True)
class Context:
    """One per process: engines and network sessions do not survive a fork."""

    settings: Settings
    sessions: SessionMaker
    store: Store
    classifiers: dict[str, Classifier] = field(default_factory=dict)
    """Loaded networks by the SHA-256 of their file; handlers fill it."""
    stopping: StopFlag = field(default_factory=StopFlag)
    """Set when this process was asked to stop."""

    @cached_property
    def outliner(self) -> Outliner:
        """The outliner the program ships with, opened when the first image asks for it."""
        return load_outliner()


def make_context(settings: Settings) -> Context:
    # One process per core; each library would start a thread for each. The last digits of a product
    # of matrices depend on the number of threads, and a restored score is the earlier one exactly.
    cv2.setNumThreads(1)
    keep_freed_memory()
    threadpool_limits(limits=1, user_api="blas")
    return Context(
        settings=settings,
        sessions=make_sessions(make_engine(required_database_url(settings))),
        store=open_store(
            settings.storage_url or (settings.data_dir / "storage").absolute().as_uri()
        ),
    )


def required_database_url(settings: Settings) -> str:
    if settings.database_url is None:
        raise SystemExit("Set PLIANT_DATABASE_URL, or start everything with `pliant up`.")
    return settings.database_url


class Interrupted(Exception):  # noqa: N818  reads as what happened to the attempt
    """The handler shall stop here: the process stops, or someone cancelled the job."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One attempt at one job. Compute without a transaction; write inside `finish` alone."""

    job_id: uuid.UUID
    kind: JobKind
    subject_id: uuid.UUID
    token: int
    attempt: int
    context: Context
    lost: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def finish(self) -> Iterator[Session]:
        """Open the one transaction that marks the job done and holds all it writes.

        Raises
        ------
        StaleAttempt
            Another worker holds the job; nothing is written.
        """
        with transaction(self.context.sessions) as session:
            ledger.finish(session, self.job_id, self.token)
            yield session
        self.finished.set()

    def checkpoint(self) -> None:
        """Call between batches: leaves the handler if going on would be in vain."""
        if self.lost.is_set():
            raise ledger.StaleAttempt(str(self.job_id))
        if self.cancelled.is_set() or self.context.stopping.is_set:
            raise Interrupted
