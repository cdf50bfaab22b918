"""Start children stage by stage, keep them running, stop them in reverse order."""

import fcntl
import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from app.embedded.children import START_LIMIT_SECONDS, Child, Leash
from app.embedded.folders import CannotStart
from app.embedded.journal import Journal
from app.embedded.watched import State, Watched

Stages = Sequence[Sequence[Child]]
Announce = Callable[[Mapping[str, str]], str | None]
"""Given the answers of one-off children by name: what to print once all is ready, else None."""

TURN_SECONDS = 0.05
CALM_TURN_SECONDS = 1.0
LEFTOVER_LIMIT_SECONDS = 30.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class AlreadyRunning(Exception):  # noqa: N818  reads as a sentence
    """Another supervisor, or what a killed one left behind, holds this data folder."""


class StopOrdered(Exception):  # noqa: N818  reads as a sentence
    """Somebody pressed Ctrl-C or asked the process to end."""


@contextmanager
def only_one(data_dir: Path) -> Iterator[int]:
    """Hold the data folder's lock; its descriptor is for the tethers to hold on to as well.

    So the lock is free only when the last child of a killed supervisor is gone too.
    """
    descriptor = os.open(data_dir / "pliant.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take_lock(descriptor, data_dir)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _take_lock(descriptor: int, data_dir: Path) -> None:
    limit = time.monotonic() + LEFTOVER_LIMIT_SECONDS
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        holder = os.pread(descriptor, 32, 0).decode() or "just starting"
        if _runs(holder) or time.monotonic() > limit:
            raise AlreadyRunning(
                f"Pliant already runs on {data_dir} (process {holder}): "
                "stop it first, or set PLIANT_DATA_DIR to another folder"
            )
        time.sleep(TURN_SECONDS)


def _runs(pid: str) -> bool:
    """Say whether a process runs; a killed one that nobody has buried yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}


class Supervisor:
    """The one loop: no threads, so that a child may be tied to this process safely."""

    def __init__(
        self,
        stages: Stages,
        *,
        journal: Journal,
        announce: Announce = lambda _answers: "ready",
        hold: int | None = None,
    ) -> None:
        self._journal = journal
        self._announce: Announce | None = announce
        self._leash = Leash()
        self._stages = [
            [Watched(child, leash=self._leash, hold=hold, journal=journal) for child in stage]
            for stage in stages
        ]
        self._started: list[Watched] = []
        self._orders = 0

    def run(self) -> int:
        """Return the exit code once everything has stopped."""
        code = 0
        with self._signals() as wakeup:
            try:
                for stage in self._stages:
                    self._start(stage, wakeup)
                self._keep(wakeup)
            except StopOrdered:
                self._journal.say("stopping; once more to hurry")
            except CannotStart as error:
                self._journal.say(str(error))
                code = 1
            finally:
                self._stop(wakeup)
        self._leash.close()
        self._journal.say("stopped")
        return code

    def _start(self, stage: list[Watched], wakeup: int) -> None:
        self._started += stage
        while any(watched.state not in {State.RUNNING, State.DONE} for watched in stage):
            self._turn(wakeup, TURN_SECONDS)
            self._obey()

    def _keep(self, wakeup: int) -> None:
        impatient_at = time.monotonic() + START_LIMIT_SECONDS
        while True:
            self._turn(wakeup, TURN_SECONDS if self._busy() else CALM_TURN_SECONDS)
            self._obey()
            self._try_announce()
            if self._announce is not None and time.monotonic() > impatient_at:
                self._journal.say("still not ready; the logs above may tell why")
                impatient_at = float("inf")

    def _busy(self) -> bool:
        return self._announce is not None or any(
            watched.state is not State.RUNNING for watched in self._started
        )

    def _obey(self) -> None:
        if self._orders:
            raise StopOrdered

    def _try_announce(self) -> None:
        if self._announce is None:
            return
        answers = {w.child.name: w.answer.decode() for w in self._started if w.child.answers}
        text = self._announce(answers)
        if text is not None:
            self._announce = None
            self._journal.show(text)

    def _stop(self, wakeup: int) -> None:
        for stage in reversed(self._stages):
            obeyed = self._orders
            for watched in reversed(stage):
                watched.stop()
            while not all(watched.gone for watched in stage):
                self._turn(wakeup, TURN_SECONDS)
                if self._orders > obeyed:
                    obeyed = self._orders
                    for watched in stage:
                        watched.stop()

    def _turn(self, wakeup: int, seconds: float) -> None:
        """Wait for output, a signal or the time; pass output on; let every child step."""
        owners = {stream: watched for watched in self._started for stream in watched.streams()}
        waited: list[int | IO[bytes]] = [wakeup, *owners]
        readable, _, _ = select.select(waited, [], [], seconds)
        if wakeup in readable:
            os.read(wakeup, 512)
        for stream, watched in owners.items():
            if stream in readable:
                watched.read(stream)
        for watched in self._started:
            watched.step(time.monotonic())

    @contextmanager
    def _signals(self) -> Iterator[int]:
        """Turn signals into orders and wake the loop; restore what was there before."""
        wakeup, end = os.pipe()
        os.set_blocking(end, False)
        before = {number: signal.signal(number, self._order) for number in STOP_SIGNALS}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        previous = signal.set_wakeup_fd(end, warn_on_full_buffer=False)
        try:
            yield wakeup
        finally:
            signal.set_wakeup_fd(previous)
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(wakeup)
            os.close(end)

    def _order(self, _number: int, _frame: object) -> None:
        self._orders += 1
