"""An S3 server of the tests' own, and what a client must be told to find it."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUCKET = "pliant-test"


def credentials(address: str) -> dict[str, str]:
    """The AWS_ variables for a server that takes any."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }


@contextmanager
def running_object_store(log: Path) -> Iterator[str]:
    """Run a server with one empty bucket; its address."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as server,
    ):
        try:
            address = _await_address(log)
            bucket = urllib.request.Request(f"{address}/{BUCKET}", method="PUT")
            urllib.request.urlopen(bucket).close()
            yield address
        finally:
            server.terminate()


def _await_address(log: Path) -> str:
    """What the server says it listens on; it chooses a free port itself."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if "Running on http://127.0.0.1:" in line:
                return line.split("Running on ")[1].strip()
        time.sleep(0.05)
    raise AssertionError(log.read_text())
