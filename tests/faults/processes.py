"""Start the product's processes in groups of their own, so that a test can kill or freeze them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEED_VARIABLE = "KILL_SEED"
"""Environment variable that repeats a schedule of kills."""
START_SECONDS = 60
"""Generous: a process imports for some seconds, and more on a loaded machine."""
WORKER_OPTIONS = ("--without-gossip", "--without-mingle", "--without-heartbeat")


class Process:
    """A command in its own process group."""

    def __init__(self, command: tuple[str, ...], *, env: Mapping[str, str], log: Path) -> None:
        self._command = command
        self._env = {**os.environ, **env}
        self._log = log
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                env=self._env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def niceness(self) -> int:
        return os.getpriority(os.PRIO_PROCESS, self._process.pid)

    def signal_group(self, number: signal.Signals) -> None:
        os.killpg(self._process.pid, number)

    def ask_to_stop(self) -> None:
        """SIGTERM to the first process alone, as a supervisor or a container does."""
        self._process.terminate()

    def wait(self, seconds: float) -> int:
        return self._process.wait(seconds)

    def kill(self) -> None:
        if self._process.poll() is None:
            self.signal_group(signal.SIGKILL)
        self._process.wait()


def worker_command(app: str, *, processes: int, name: str = "worker") -> tuple[str, ...]:
    celery = (sys.executable, "-m", "celery", "-A", app, "worker", "-Q", "scans")
    return (*celery, "-c", str(processes), "-n", f"{name}@test", *WORKER_OPTIONS)


def wait_until(condition: Callable[[], bool], *, seconds: float) -> float:
    """Return the seconds it took until the condition held; fails after `seconds`."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < seconds, f"not so after {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - start
