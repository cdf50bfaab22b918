"""What the children write: each line on our standard output and in a file per child."""

import contextlib
import os
import sys
from pathlib import Path
from typing import BinaryIO

from app.embedded.folders import private_folder

MAX_LOG_BYTES = 10_000_000
"""A file that reaches this becomes `NAME.log.1`, replacing the one before it."""
TAIL_LINES = 15
LONGEST_LINE_BYTES = 65_536


class Journal:
    """Names, prefixes and files of the lines; our own name is `pliant`."""

    def __init__(self, folder: Path, *, width: int = 17) -> None:
        self._folder = private_folder(folder)
        self._width = width
        self._files: dict[str, BinaryIO] = {}

    def say(self, text: str) -> None:
        for line in text.splitlines():
            self.line("pliant", line.encode())

    def line(self, name: str, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        self._write(name, text)
        self.show(f"{name:<{self._width}} | {text}")

    def show(self, text: str) -> None:
        """Print and keep no copy: for one-time sign-ins."""
        try:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
        except OSError:
            # A closed terminal or pipe must not take the database down, and what lies unwritten
            # in its buffer must not turn the exit code into a failure.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)

    def tail(self, name: str) -> str:
        path = self._path(name)
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _write(self, name: str, text: str) -> None:
        # Nor must a full disk take it down.
        with contextlib.suppress(OSError):
            file = self._files.get(name)
            if file is None or file.tell() > MAX_LOG_BYTES:
                file = self._files[name] = self._reopen(name, file)
            file.write(text.encode() + b"\n")
            file.flush()

    def _reopen(self, name: str, full: BinaryIO | None) -> BinaryIO:
        path = self._path(name)
        if full is not None:
            full.close()
            path.replace(path.with_name(path.name + ".1"))
        return path.open("ab")


class LineBuffer:
    """Whole lines out of the pieces a pipe delivers."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > LONGEST_LINE_BYTES:
            lines, self._rest = [*lines, self._rest], b""
        return lines

    def flush(self) -> list[bytes]:
        rest, self._rest = self._rest, b""
        return [rest] if rest else []
