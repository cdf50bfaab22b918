"""Processor time by what a process is for: on a shared machine it says more than the clock."""

from collections import defaultdict
from collections.abc import Mapping
from signal import Signals
from typing import Final

import psutil

PARTS: Final = {
    "chrom": "browser",
    "uvicorn": "web",
    "multiprocessing.spawn": "web",
    "celery": "workers",
    "worker.sweeper": "sweeper",
    "postgres": "PostgreSQL",
    "valkey-server": "Valkey",
}
"""By what is to be found in a process's command; those that uvicorn starts are spawned ones."""
LEASH: Final = "tether.py"
"""The process that keeps another on a leash has that one's command among its words."""

Times = Mapping[tuple[int, str], float]


def processor_times() -> Times:
    """Seconds by process, of all that were started from here."""
    times: dict[tuple[int, str], float] = {}
    for process in psutil.Process().children(recursive=True):
        try:
            part = _part(" ".join(process.cmdline()))
            spent = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        if part is not None:
            times[process.pid, part] = spent.user + spent.system
    return times


def spent_seconds(before: Times, after: Times) -> dict[str, float]:
    """Seconds by part between the two; those of a process that ended meanwhile are missing."""
    spent: defaultdict[str, float] = defaultdict(float)
    for (pid, part), seconds in after.items():
        spent[part] += seconds - before.get((pid, part), 0.0)
    return {part: round(seconds, 1) for part, seconds in spent.items()}


def end_web(by: Signals) -> None:
    """As a crash or a restart would: the supervisor starts another."""
    for process in psutil.Process().children(recursive=True):
        if _part(" ".join(process.cmdline())) == "web":
            process.send_signal(by)


def _part(command: str) -> str | None:
    if LEASH in command:
        return None
    return next((part for word, part in PARTS.items() if word in command), None)
