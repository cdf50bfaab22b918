"""A child process: what to run, and the process itself on its tether."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.embedded.folders import Account, CannotStart

TETHER = Path(__file__).with_name("tether.py")
STOP_GRACE_SECONDS = 20.0
START_LIMIT_SECONDS = 120.0
READY_POLL_SECONDS = 0.05


def _nothing() -> None: ...


def _always() -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Child:
    """A process the supervisor starts by command line.

    Parameters
    ----------
    ready, after
        Polled until true; then called once, after every start.
    once
        Runs to completion; the next stage waits for its exit code 0.
    answers
        Its standard output is an answer to the supervisor, not a log (a one-time sign-in, say).
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path = Path("/")
    ready: Callable[[], bool] = _always
    after: Callable[[], None] = _nothing
    once: bool = False
    answers: bool = False
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace_seconds: float = STOP_GRACE_SECONDS
    account: Account | None = None


class Leash:
    """A pipe whose writing end only this process holds: its end tells the tethers ours."""

    def __init__(self) -> None:
        self.reading_end, self._writing_end = os.pipe()

    def close(self) -> None:
        os.close(self._writing_end)
        os.close(self.reading_end)


def start_tethered(
    child: Child, leash: Leash, *, hold: int | None = None, log: int = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own.

    `hold` is a descriptor its tether keeps open; `log` receives what it writes, but not its
    answer, which has a pipe of its own.
    """
    account = f"{child.account.uid}:{child.account.gid}" if child.account else ""
    tether = [
        *(sys.executable, "-I", "-S", str(TETHER)),
        *("--leash", str(leash.reading_end)),
        *("--stop-signal", str(int(child.stop_signal))),
        *("--grace", str(child.stop_grace_seconds)),
        *("--account", account),
    ]
    return subprocess.Popen(  # noqa: S603  command lines of our own making
        [*tether, "--", *child.argv],
        env=dict(child.env),
        cwd=child.cwd,
        pass_fds=[leash.reading_end] if hold is None else [leash.reading_end, hold],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if child.answers else log,
        stderr=log if child.answers else subprocess.STDOUT,
    )


@contextmanager
def running(child: Child, *, log: Path) -> Iterator[None]:
    """Run one server for the length of a block, as the tests do."""
    leash = Leash()
    with log.open("ab") as output:
        process = start_tethered(child, leash, log=output.fileno())
    try:
        _await_ready(child, process, log)
        child.after()
        yield
    finally:
        process.terminate()
        process.wait()
        leash.close()


def _await_ready(child: Child, process: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + START_LIMIT_SECONDS
    while not child.ready():
        if process.poll() is not None or time.monotonic() > limit:
            raise CannotStart(f"{child.name} did not start: {log.read_text()[-2000:]}")
        time.sleep(READY_POLL_SECONDS)
