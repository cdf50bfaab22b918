"""The web process as `pliant up` starts it: uvicorn, on a port of its own choice."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.conftest import ROOT


@contextmanager
def started_web(
    environment: Mapping[str, str], *options: str, log: Path
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The process and its port, once somebody listens there."""
    command = [sys.executable, "-m", "uvicorn", "app.main:create_app", "--factory", "--port", "0"]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [*command, *options], cwd=ROOT, env=os.environ | environment,
            stdout=output, stderr=output,
        ) as process,
    ):  # fmt: skip
        try:
            yield process, _await_service(log)
        finally:
            process.terminate()


def _await_service(log: Path) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := re.search(r"running on http://127.0.0.1:(\d+)", log.read_text()):
            port = int(found[1])
            with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                return port
        time.sleep(0.05)
    raise AssertionError(log.read_text())
