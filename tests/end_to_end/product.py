"""`pliant up` as a person would run it, for tests that need the whole product."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 240.0
STOP_SECONDS = 60.0


@dataclass
class Product:
    """A running installation: its address, its one-time links by role, what it printed."""

    data_dir: Path
    address: str = ""
    links: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def command(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Run a `pliant` command beside it; its standard output."""
        ended = subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            env=os.environ | {"PLIANT_DATA_DIR": str(self.data_dir)} | dict(environment or {}),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return ended.stdout

    def api_key(self, role: str = "technician") -> str:
        printed = self.command("api-key", "create", "--name", f"test-{role}", "--role", role)
        return printed.strip().splitlines()[-1]


@contextmanager
def running_product(
    *, environment: Mapping[str, str] | None = None, **settings: str
) -> Iterator[Product]:
    """Run `pliant up` on a free port in a fresh data folder until the block ends.

    `settings` are names without their prefix, such as ``DEMO="0"``; `environment` is for others.
    """
    folder = Path(tempfile.mkdtemp(prefix="pliant-product-"))
    folder.chmod(0o711)
    product = Product(folder / "var")
    wanted = {"PORT": "0", "TRAINING": "0"} | settings
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "up"],
        env=_environment(product.data_dir, wanted) | dict(environment or {}),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    ready = threading.Event()
    reader = threading.Thread(target=_read, args=(process, product, ready), daemon=True)
    reader.start()
    try:
        if not ready.wait(START_SECONDS):
            raise AssertionError("not ready in time:\n" + "".join(product.lines[-60:]))
        yield product
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS)
        reader.join(timeout=5)
        assert process.stdout is not None
        process.stdout.close()
        # A gigabyte each: what a run leaves would fill the disk of whoever tests often.
        shutil.rmtree(folder, ignore_errors=True)


def _environment(data_dir: Path, settings: Mapping[str, str]) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PLIANT_")}
    return plain | {f"PLIANT_{name}": value for name, value in settings.items()} | {
        "PLIANT_DATA_DIR": str(data_dir)
    }  # fmt: skip


def _read(process: subprocess.Popen[str], product: Product, ready: threading.Event) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        product.lines.append(line)
        if found := re.search(r"Pliant is ready: (\S+)", line):
            product.address = found[1]
        elif found := re.search(r"^\s+(\w+): (\S+/sign-in/\S+)", line):
            product.links[found[1]] = found[2]
            if found[1] == "administrator":
                ready.set()
