"""`pliant up`, the whole of it: up, working, repaired, down, and nothing left behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx2
import pytest

from tests.integration.process_tree import (
    await_gone,
    await_true,
    command_line,
    descendants,
)

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 180.0
STOP_SECONDS = 60.0
NOBODY = 65534
TETHER = "tether.py"


def interpreter_for_everyone() -> str | None:
    """Return a Python like ours that another account can run from a readable checkout."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = shutil.which(name, path="/usr/local/bin:/usr/bin")
    tried = found and subprocess.run(
        [found, "-c", "import pydantic_core, psycopg, redis, app.cli"],
        env={"PYTHONPATH": f"{ROOT}:{sysconfig.get_path('purelib')}"},
        cwd="/",
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        check=False,
    )
    return found if tried and tried.returncode == 0 else None


def accounts() -> list[str]:
    """Return who can run Pliant here: ourselves and, from root, an account without rights."""
    is_root = os.geteuid() == 0
    return (
        ["ourselves", "unprivileged"] if is_root and interpreter_for_everyone() else ["ourselves"]
    )


class Installation:
    """A data folder and the account and settings that `pliant` runs with."""

    def __init__(self, account: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pliant-up-"))
        self.data_dir = self.folder / "var"
        self.is_other = account == "unprivileged"
        self.python = (interpreter_for_everyone() if self.is_other else None) or sys.executable
        if self.is_other:
            os.chown(self.folder, NOBODY, NOBODY)
        else:
            self.folder.chmod(0o711)

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        settings = {"PORT": "0", "DEMO": "0", "TRAINING": "0", "WORKERS": "1"}
        settings["DATA_DIR"] = str(self.data_dir)
        return subprocess.Popen(
            [self.python, "-m", "app.cli", *arguments],
            env={
                **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
                **{f"PLIANT_{name}": value for name, value in settings.items()},
                "PYTHONPATH": f"{ROOT}:{sysconfig.get_path('purelib')}",
            },
            cwd="/",
            user=NOBODY if self.is_other else None,
            group=NOBODY if self.is_other else None,
            extra_groups=[] if self.is_other else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        with self.popen(*arguments) as process:
            output, _ = process.communicate(timeout=START_SECONDS)
            return process.returncode, output


class Up:
    """A running `pliant up` and what it prints."""

    def __init__(self, installation: Installation) -> None:
        self.process = installation.popen("up")
        self.lines: list[str] = []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        await_true(
            lambda: "Pliant is ready" in self.output or self.process.poll() is not None,
            lambda: f"the start: {self.output}",
            seconds=START_SECONDS,
        )

    def read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip())

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, text: str) -> None:
        await_true(lambda: text in self.output, lambda: f"{text!r} in {self.output}")

    @property
    def address(self) -> str:
        match = re.search(r"Pliant is ready: (\S+)", self.output)
        assert match, self.output
        return match[1]

    def family(self) -> list[int]:
        return descendants(self.process.pid)

    def main_process(self, words: str) -> int:
        """Return the process itself: not its tether, whose command line holds the words too."""

        def found() -> list[int]:
            lines = {pid: command_line(pid) for pid in self.family()}
            return [pid for pid, line in lines.items() if words in line and TETHER not in line]

        await_true(lambda: bool(found()), lambda: f"{words} in {self.output}")
        return found()[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        family = self.family()
        if self.process.poll() is None:
            self.process.kill()
        self.end()
        await_gone(family)

    def end(self) -> int:
        code = self.process.wait(STOP_SECONDS)
        self.reader.join(STOP_SECONDS)
        return code


@pytest.fixture(params=accounts())
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    installed = Installation(request.param)
    yield installed
    shutil.rmtree(installed.folder)


def test_it_starts_repairs_itself_leaves_nothing_behind_and_starts_again(
    installation: Installation,
) -> None:
    with Up(installation) as first:
        check_first_start(installation, first)
        check_repair(first)
        family = first.family()
        assert len(family) >= 12
        first.process.kill()
        first.process.wait()
        await_gone(family, seconds=15)
    with Up(installation) as second:
        assert httpx2.get(f"{second.address}/readyz").status_code == 200
        family = second.family()
        second.process.send_signal(signal.SIGINT)
        assert second.end() == 0
        await_gone(family, seconds=1)


def check_first_start(installation: Installation, up: Up) -> None:
    assert httpx2.get(f"{up.address}/readyz").status_code == 200
    assert re.search(rf"administrator: {up.address}/sign-in/\S+", up.output)
    logs = "".join(path.read_text() for path in (installation.data_dir / "logs").iterdir())
    assert "/sign-in/" not in logs

    code, output = installation.run("up")
    assert code == 2
    assert "already runs on" in output

    code, output = installation.run("api-key", "create", "--name", "script", "--role", "lims")
    assert code == 0, output
    key = output.splitlines()[-1]
    answer = httpx2.get(f"{up.address}/api/v1/samples", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200


def check_repair(up: Up) -> None:
    for name, words in (("worker-scans", "--queues scans"), ("postgres", "/bin/postgres -D")):
        killed = up.main_process(words)
        os.kill(killed, signal.SIGKILL)
        up.wait_for(f"{name} ended (signal 9); starting it again")
        assert up.main_process(words) != killed
    await_true(
        lambda: httpx2.get(f"{up.address}/readyz").status_code == httpx2.codes.OK,
        lambda: "readiness after the database came back",
    )
