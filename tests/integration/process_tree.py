"""Processes seen from outside, by /proc: who descends from whom, who is alive."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from app.embedded.tether import parents

LIMIT_SECONDS = 30.0


def descendants(ancestor: int) -> list[int]:
    """Return the process numbers of all descendants, parents first."""
    pairs = sorted(parents())
    found = [ancestor]
    for known in found:
        found += [pid for pid, parent in pairs if parent == known]
    return found[1:]


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    """Say whether the process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}


def await_true(
    condition: Callable[[], bool], what: Callable[[], str], *, seconds: float = LIMIT_SECONDS
) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"waited in vain for {what()}"
        time.sleep(0.02)


def await_gone(pids: Sequence[int], *, seconds: float = LIMIT_SECONDS) -> None:
    def left() -> list[str]:
        return [f"{pid} {command_line(pid)}" for pid in pids if is_alive(pid)]

    await_true(lambda: not left(), lambda: f"the end of {left()}", seconds=seconds)
