"""The supervisor, with stand-ins for Pliant's processes: order, restarts, no orphans."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.integration.process_tree import await_gone, await_true, descendants, is_alive

ROOT = Path(__file__).resolve().parents[2]
LIMIT_SECONDS = 30.0
FAMILY = "sleep 300 & setsid sleep 300 & echo family $$; wait"
"""A child with two children of its own, one of which left its session."""


class Run:
    """A running stand-in supervisor, what it printed, and the processes it started."""

    def __init__(self, folder: Path, plan: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.stand_in_supervisor", str(folder), plan],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self.deaf = False
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as output:
            while not self.deaf and (line := output.readline()):
                self.lines.append(line.rstrip())

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, text: str, *, times: int = 1) -> None:
        await_true(lambda: self.output.count(text) >= times, lambda: f"{text!r} in {self.output}")

    def family(self) -> list[int]:
        """Return the process numbers of all descendants, parents first."""
        return descendants(self.process.pid)

    def end(self) -> int:
        code = self.process.wait(LIMIT_SECONDS)
        self.reader.join(LIMIT_SECONDS)
        return code


def shell(name: str, script: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401  JSON values
    return {"name": name, "argv": ["sh", "-c", script], **options}


Start = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    runs: list[Run] = []

    def start_stages(*stages: Sequence[dict[str, Any]]) -> Run:
        runs.append(Run(tmp_path, json.dumps(stages)))
        return runs[-1]

    yield start_stages
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
        run.end()


def test_stages_start_in_order_and_the_answer_is_not_logged(start: Start, tmp_path: Path) -> None:
    run = start(
        [shell("server", "echo one; sleep 0.3; echo two; touch ready; sleep 300", ready="ready")],
        [shell("once", "echo three >&2; echo secret", once=True, answers=True)],
        [shell("last", "echo four; sleep 300")],
    )
    run.wait_for("all ready, answers {'once': 'secret\\n'}")
    run.wait_for("four")
    words = [line.rpartition("| ")[2] for line in run.lines if " | " in line]
    assert words == ["one", "two", "three", "four"]
    assert (tmp_path / "logs" / "server.log").read_text() == "one\ntwo\n"
    assert (tmp_path / "logs" / "once.log").read_text() == "three\n"


def test_ctrl_c_stops_everything_in_reverse_order_and_exits_0(start: Start) -> None:
    stopping = "trap 'echo stopping $0; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    run = start(
        [{"name": "first", "argv": ["sh", "-c", stopping, "first"]}],
        [{"name": "second", "argv": ["sh", "-c", stopping, "second"]}],
    )
    run.wait_for("| up", times=2)
    family = run.family()
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0
    assert run.output.index("stopping second") < run.output.index("stopping first")
    await_gone(family)


def test_a_second_ctrl_c_hurries_what_will_not_stop(start: Start) -> None:
    run = start([shell("stubborn", "trap '' TERM; echo up; while :; do sleep 0.1; done")])
    run.wait_for("| up")
    run.process.send_signal(signal.SIGINT)
    run.wait_for("once more to hurry")
    time.sleep(0.3)
    assert run.process.poll() is None
    began = time.monotonic()
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0
    assert time.monotonic() - began < 5


def test_what_does_not_stop_within_its_grace_is_killed(start: Start) -> None:
    script = "trap '' TERM; echo up; while :; do sleep 0.1; done"
    run = start([shell("stubborn", script, stop_grace_seconds=0.5)])
    run.wait_for("| up")
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0


def test_a_killed_child_is_reported_and_restarted_without_its_family(start: Start) -> None:
    run = start([shell("worker", FAMILY)])
    run.wait_for("| family")
    tether, child, *grandchildren = run.family()
    assert len(grandchildren) == 2
    os.kill(child, signal.SIGKILL)
    run.wait_for("worker ended (signal 9); starting it again in 0.5 s")
    await_gone([tether, child, *grandchildren])
    run.wait_for("| family", times=2)


def test_pauses_grow_while_a_child_keeps_failing(start: Start) -> None:
    run = start([shell("broken", "exit 3")])
    run.wait_for("broken ended (exit code 3); starting it again in 2 s")
    assert "again in 0.5 s" in run.output
    assert "again in 1 s" in run.output


def test_no_process_outlives_a_killed_supervisor(start: Start) -> None:
    stubborn = "trap '' TERM INT HUP; echo family; setsid sleep 300 & while :; do sleep 1; done"
    run = start([shell("server", FAMILY)], [shell("worker", FAMILY), shell("stubborn", stubborn)])
    run.wait_for("| family", times=3)
    family = run.family()
    assert len(family) >= 3 + 3 + 6
    began = time.monotonic()
    run.process.kill()
    run.process.wait()
    await_gone(family)
    assert time.monotonic() - began < 10


def test_no_process_outlives_a_killed_tether(start: Start) -> None:
    run = start([shell("worker", "echo up; exec sleep 300")])
    run.wait_for("| up")
    tether, child = run.family()
    os.kill(tether, signal.SIGKILL)
    run.wait_for("worker ended (its tether was killed by signal 9)")
    await_gone([tether, child])


def test_a_failed_step_ends_the_start_with_its_last_words(start: Start) -> None:
    run = start(
        [shell("server", "sleep 300")],
        [shell("migrations", "echo no such table; exit 1", once=True)],
        [shell("web", "echo never; sleep 300")],
    )
    assert run.end() == 1
    assert "migrations failed (exit code 1)" in run.output
    assert "    no such table" in run.output
    assert "never" not in run.output


def test_a_second_start_on_the_same_folder_is_refused(start: Start, tmp_path: Path) -> None:
    first = start([shell("server", "sleep 300")])
    first.wait_for("all ready")
    second = start([shell("server", "sleep 300")])
    assert second.end() == 2
    assert f"already runs on {tmp_path} (process {first.process.pid})" in second.output


def test_a_start_waits_for_what_a_killed_supervisor_left(start: Start) -> None:
    first = start([shell("server", "trap '' TERM; echo up; while :; do sleep 0.2; done")])
    first.wait_for("| up")
    family = first.family()
    first.process.kill()
    second = start([shell("server", "echo up; sleep 300")])
    second.wait_for("all ready")
    assert not any(map(is_alive, family))


def test_a_closed_pipe_does_not_stop_the_children(start: Start, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "noisy.log"
    run = start([shell("noisy", "while :; do echo line; sleep 0.01; done")])
    run.wait_for("| line")
    run.deaf = True
    run.reader.join(LIMIT_SECONDS)
    size = log.stat().st_size
    await_true(lambda: log.stat().st_size > size + 200, lambda: "more lines in the log")
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0
