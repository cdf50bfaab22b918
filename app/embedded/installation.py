"""Pliant on one machine: which processes there are, in which order, and what to print."""

import http.client
import json
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from app.embedded import postgres, valkey
from app.embedded.children import Child
from app.embedded.folders import data_folder, empty_folder
from app.embedded.journal import Journal
from app.embedded.supervisor import Announce, Stages, Supervisor, only_one
from app.observability import SHARED_COUNTS
from app.settings import Settings

CODE = Path(__file__).resolve().parents[2]
"""The checkout: children run there, so that `migrations` and `pyproject.toml` are found."""
PREPARE = "prepare"
COUNTS = "counts"
"""Folder in which the web processes count together, from one start to the next."""
NOT_PICKLED = "ignore:You're running the worker with superuser privileges"
"""Celery warns of pickled messages as root; ours are ids in JSON, and nothing else is read."""
PROBE_TIMEOUT_SECONDS = 2.0


class PortTaken(Exception):  # noqa: N818  reads as a sentence
    """The web process could not listen where the settings say."""


def run_installation(settings: Settings) -> int:
    """Run everything until told to stop; return the exit code."""
    data_dir = data_folder(settings.data_dir.resolve())
    with only_one(data_dir) as lock:
        empty_folder(data_dir / COUNTS)
        port = free_port(settings.host, settings.port)
        settings = settings.model_copy(update={"data_dir": data_dir, "port": port})
        journal = Journal(data_dir / "logs")
        supervisor = Supervisor(
            stages(settings), journal=journal, announce=announce(settings), hold=lock
        )
        try:
            return supervisor.run()
        finally:
            journal.close()


def free_port(host: str, port: int) -> int:
    """Return the port to listen on: the one asked for if it is free, any free one for 0."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(
                f"cannot listen on {host}, port {port} ({error.strerror}): "
                "set PLIANT_PORT to a free port, or PLIANT_HOST to an address of this machine"
            ) from error
        return int(probe.getsockname()[1])


def stages(settings: Settings) -> Stages:
    """Return Pliant's processes; each stage is up, or through, before the next one starts."""
    data_dir = settings.data_dir
    servers: list[list[Child]] = []
    if settings.database_url is None:
        servers.append([postgres.postgres_child(data_dir)])
    if settings.broker_url is None:
        servers.append([valkey.valkey_child(data_dir)])
    database_url = settings.database_url or postgres.app_url(data_dir)
    owner_url = settings.database_url or postgres.owner_url(data_dir)
    env = environment(
        settings,
        database_url=database_url,
        broker_url=settings.broker_url or valkey.broker_url(data_dir),
    )
    as_owner = env | {"PLIANT_DATABASE_URL": owner_url}
    migrations = _python("migrations", as_owner, "alembic upgrade head", once=True)
    prepare = _python(PREPARE, env, "app.cli prepare", once=True, answers=True)
    return [*servers, [migrations], [prepare], [_web(settings, env), *_workers(settings, env)]]


def environment(settings: Settings, *, database_url: str, broker_url: str) -> dict[str, str]:
    """Return what every child of ours is told; the rest it reads as we did."""
    return {
        **os.environ,
        "PLIANT_DATA_DIR": str(settings.data_dir),
        "PLIANT_HOST": settings.host,
        "PLIANT_PORT": str(settings.port),
        "PLIANT_DATABASE_URL": database_url,
        "PLIANT_BROKER_URL": broker_url,
        "PYTHONUNBUFFERED": "1",
    }


def _python(
    name: str, env: Mapping[str, str], command: str, *, once: bool = False, answers: bool = False
) -> Child:
    """Describe `python -m COMMAND`, without blanks in its arguments, run in the checkout."""
    argv = (sys.executable, "-m", *command.split())
    return Child(name=name, argv=argv, env=env, cwd=CODE, once=once, answers=answers)


def _web(settings: Settings, env: Mapping[str, str]) -> Child:
    return _python(
        "web",
        {**env, SHARED_COUNTS: str(settings.data_dir / COUNTS)},
        f"uvicorn app.main:create_app --factory --host {settings.host} --port {settings.port} "
        f"--workers {settings.web_processes} --timeout-worker-healthcheck 60 "
        "--timeout-graceful-shutdown 5 --no-server-header",
    )


def _workers(settings: Settings, env: Mapping[str, str]) -> list[Child]:
    queues = {"scans": settings.workers, "background": 1, "outbound": 1}
    if settings.training:
        queues["training"] = 1
    workers = [_worker(names, processes, env) for names, processes in queues.items()]
    return [_python("sweeper", env, "worker.sweeper"), *workers]


def _worker(queues: str, processes: int, env: Mapping[str, str]) -> Child:
    name = queues.split(",", maxsplit=1)[0]
    return _python(
        f"worker-{name}",
        env,
        f"celery --quiet -A worker.main worker --queues {queues} --concurrency {processes} "
        f"--pool prefork --hostname {name}@%h --loglevel WARNING "
        "--without-gossip --without-mingle --without-heartbeat",
    )


def announce(settings: Settings) -> Announce:
    """Return what waits for the web process and then tells where to sign in."""
    host = _reachable(settings.host)
    in_address = f"[{host}]" if ":" in host else host
    address = str(settings.public_url or f"http://{in_address}:{settings.port}")

    def when_ready(answers: Mapping[str, str]) -> str | None:
        if not is_web_ready(settings.host, settings.port):
            return None
        return welcome(address.rstrip("/"), answers.get(PREPARE, ""))

    return when_ready


def welcome(address: str, answer: str) -> str:
    """Return the lines that end the start: the address and, the first time, the sign-ins.

    `answer` ends with one line of JSON, the first sign-ins as ``[[role, path], ...]``.
    """
    *_, last = answer.strip().splitlines() or ["[]"]
    links = [f"  {role}: {address}{path}" for role, path in json.loads(last)]
    once = ["", "Sign in (each link works once):", *links] if links else []
    return "\n".join(["", f"Pliant is ready: {address}", *once, "", "Ctrl-C stops it.", ""])


def is_web_ready(host: str, port: int) -> bool:
    """Say whether GET /readyz answers 200."""
    connection = http.client.HTTPConnection(_reachable(host), port, timeout=PROBE_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _reachable(host: str) -> str:
    """Return an address to call where the web process listens on every one."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104
