"""One child under the supervisor's care: started, read, restarted with back-off, stopped."""

import os
import signal
import subprocess
from enum import Enum
from typing import IO

from app.embedded.children import START_LIMIT_SECONDS, Child, Leash, start_tethered
from app.embedded.folders import CannotStart
from app.embedded.journal import Journal, LineBuffer

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
HEALTHY_AFTER_SECONDS = 60.0
"""A child that ran this long starts its back-off anew."""
SIGNALLED = 128
"""A tether reports a child killed by signal n as exit code 128 + n."""


class State(Enum):
    """Where a child is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    DONE = "done"


class Watched:
    """The current process of one child, and when to start the next one."""

    def __init__(self, child: Child, *, leash: Leash, hold: int | None, journal: Journal) -> None:
        self.child = child
        self.state = State.WAITING
        self.process: subprocess.Popen[bytes] | None = None
        self.answer = bytearray()
        self._leash, self._hold, self._journal = leash, hold, journal
        self._buffer = LineBuffer()
        self._next_start_at = 0.0
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self._give_up_at: float | None = None
        self._running_since = 0.0
        self._stopping = False

    def streams(self) -> list[IO[bytes]]:
        if self.process is None:
            return []
        pipes = (self.process.stdout, self.process.stderr)
        return [pipe for pipe in pipes if pipe is not None and not pipe.closed]

    def read(self, stream: IO[bytes]) -> None:
        """Take what a pipe holds; close it at its end."""
        try:
            piece = os.read(stream.fileno(), 65_536)
        except BlockingIOError:
            return
        if not piece:
            stream.close()
        elif self.process and self.child.answers and stream is self.process.stdout:
            self.answer += piece
        else:
            self._log(self._buffer.feed(piece))

    def step(self, now: float) -> None:
        """Do what is due: start, notice readiness, notice the end."""
        if self.state is State.WAITING and not self._stopping and now >= self._next_start_at:
            self._start(now)
        elif self.process is not None and self.process.poll() is not None:
            self._ended(self.process.returncode, now)
        elif self.state is State.STARTING:
            self._look_ready(now)

    def stop(self) -> None:
        """Order the tether to stop the child; a second order kills it."""
        self._stopping = True
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)

    @property
    def gone(self) -> bool:
        return self.process is None

    def _log(self, lines: list[bytes]) -> None:
        for line in lines:
            self._journal.line(self.child.name, line)

    def _start(self, now: float) -> None:
        if self._give_up_at is None:
            self._give_up_at = now + START_LIMIT_SECONDS
        self.answer.clear()
        self.process = start_tethered(self.child, self._leash, hold=self._hold)
        for stream in self.streams():
            os.set_blocking(stream.fileno(), False)
        self.state = State.STARTING

    def _look_ready(self, now: float) -> None:
        if self.child.once:
            return
        if self.child.ready():
            self.child.after()
            self.state, self._running_since, self._give_up_at = State.RUNNING, now, None
        else:
            self._check_limit(now)

    def _check_limit(self, now: float) -> None:
        if self._give_up_at is not None and now > self._give_up_at:
            raise CannotStart(
                f"{self.child.name} was not ready after {START_LIMIT_SECONDS:.0f} s; "
                f"its last lines:\n{self._journal.tail(self.child.name)}"
            )

    def _ended(self, code: int, now: float) -> None:
        self._drain()
        was, self.process = self.state, None
        self.state = State.DONE if self.child.once and code == 0 else State.WAITING
        if self._stopping or self.state is State.DONE:
            return
        if self.child.once:
            raise CannotStart(
                f"{self.child.name} failed ({_ending(code)}); "
                f"its last lines:\n{self._journal.tail(self.child.name)}"
            )
        if was is State.STARTING:
            self._check_limit(now)
        elif now - self._running_since > HEALTHY_AFTER_SECONDS:
            self._pause_seconds = FIRST_PAUSE_SECONDS
        self._journal.say(
            f"{self.child.name} ended ({_ending(code)}); starting it again "
            f"in {self._pause_seconds:g} s"
        )
        self._next_start_at = now + self._pause_seconds
        self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)

    def _drain(self) -> None:
        """Read what is left, at most one pipe's worth: a stray process may hold the other end."""
        for stream in self.streams():
            self.read(stream)
            if not stream.closed:
                stream.close()
        self._log(self._buffer.flush())


def _ending(code: int) -> str:
    if code < 0:
        return f"its tether was killed by signal {-code}"
    return f"signal {code - SIGNALLED}" if code > SIGNALLED else f"exit code {code}"
