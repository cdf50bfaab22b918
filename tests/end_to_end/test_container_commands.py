"""Every image's install commands and every service's start command, run in clean folders."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from app.embedded import postgres, valkey
from app.embedded.children import running
from app.embedded.cluster import SUPERUSER, programs
from app.embedded.folders import secret
from tests.architecture.repository import ROOT
from tests.end_to_end import containers
from tests.end_to_end.containers import Image, Service

HEALTHY_WITHIN_SECONDS = 60
STOPPED_WITHIN_SECONDS = 30
DATABASE = "pliant_containers"
SECRETS = ("database_owner", "database_app", "store_key_id", "store_key")
STAGES = containers.dockerfile_stages((ROOT / "Dockerfile").read_text(encoding="utf-8"))
SERVICES = containers.compose_services()
ONCE = ("migrate", "prepare")
OURS = dict(containers.stages_of(SERVICES))


@pytest.fixture(scope="module")
def images() -> Iterator[dict[str, Image]]:
    """Yield the three images; what two of them share is installed once."""
    root = Path(tempfile.mkdtemp(prefix="pliant-images-"))
    made: dict[tuple[str, ...], Path] = {}
    yield {
        target: containers.image(STAGES[target].steps, containers.build(STAGES[target], root, made))
        for target in sorted(set(OURS.values()))
    }
    shutil.rmtree(root)


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets")
    for name in SECRETS:
        (folder / name).write_text(f"{name}-for-tests\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def database(postgres_dir: Path, secrets: Path) -> str:
    """Return the address of a database whose roles the Compose file's own script has made."""
    postgres.create_database(postgres_dir, DATABASE)
    run = (postgres_dir / "postgres" / "run").resolve()
    script = containers.compose_config()["configs"]["roles"]["content"].replace("$$", "$")
    subprocess.run(
        ["/bin/sh", "-ec", renamed(script).replace(containers.SECRETS, str(secrets))],
        env={
            "PATH": f"{programs(None)}:{os.environ['PATH']}",
            "PGHOST": str(run),
            "PGPASSWORD": secret(postgres_dir, "postgres-superuser"),
            "POSTGRES_USER": SUPERUSER,
            "POSTGRES_DB": DATABASE,
        },
        check=True,
    )
    return f"@/{DATABASE}?host={run}"


def renamed(text: str) -> str:
    """Keep the roles of this test apart from those of the servers' other databases."""
    for role in ("pliant_owner", "pliant_app"):
        text = text.replace(role, f"{role}_container")
    return text.replace("DATABASE pliant ", f"DATABASE {DATABASE} ")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of a broker of this test's own: who is connected to it is looked at."""
    folder = tmp_path_factory.mktemp("broker")
    with running(valkey.valkey_child(folder), log=folder / "valkey.log"):
        yield valkey.broker_url(folder)


@pytest.fixture(scope="module")
def services(
    images: dict[str, Image], secrets: Path, database: str, broker: str
) -> dict[str, Service]:
    """Return every service, its addresses replaced by this machine's, its database prepared."""
    addresses = {
        "pliant_owner@db/pliant": f"pliant_owner_container{database}",
        "pliant_app@db/pliant": f"pliant_app_container{database}",
        "redis://valkey:6379/0": broker,
        "8000": str(free_port()),
    }
    prepared = {
        name: containers.prepare(images[target], SERVICES[name], secrets=secrets, replace=addresses)
        for name, target in OURS.items()
    }
    for name in ONCE:
        finished = prepared[name].run()
        assert finished.returncode == 0, finished.stdout
    return prepared


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("name", [name for name in OURS if name not in ONCE])
def test_a_service_starts_becomes_healthy_and_stops_on_request(
    name: str, services: Mapping[str, Service], tmp_path: Path
) -> None:
    log = tmp_path / f"{name}.log"
    process = services[name].start(log)
    try:
        await_healthy(services[name], process, log)
        process.send_signal(signal.SIGTERM)
        code = process.wait(STOPPED_WITHIN_SECONDS)
        # Uvicorn stops in order, then ends by the signal it was sent.
        assert code in {0, -signal.SIGTERM}, log.read_text()
        assert "Traceback" not in log.read_text()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def await_healthy(service: Service, process: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + HEALTHY_WITHIN_SECONDS
    while not service.is_healthy():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < limit, log.read_text()
        time.sleep(0.5)


@pytest.mark.parametrize("target", ["web", "worker", "trainer"])
def test_only_the_trainer_has_tensorflow(target: str, images: Mapping[str, Image]) -> None:
    packages = images[target].folder.glob("venv/lib/python3.*/site-packages/tensorflow")
    assert bool(list(packages)) == (target == "trainer")


@pytest.mark.parametrize("target", ["web", "worker", "trainer"])
def test_an_image_runs_its_programs_by_its_own_python(
    target: str, images: Mapping[str, Image]
) -> None:
    own = images[target].folder
    first_lines = [path.read_text().splitlines()[0] for path in containers.programs(own)]
    assert first_lines
    assert all(str(own / "venv" / "bin" / "python") in line for line in first_lines)


@pytest.mark.parametrize("target", ["web", "worker", "trainer"])
def test_an_image_runs_unprivileged_and_holds_no_secret(
    target: str, images: Mapping[str, Image]
) -> None:
    users = [step.rest for step in STAGES[target].steps if step.word == "USER"]
    assert users == ["10001"]
    files = {path.name for path in (images[target].folder / "work").iterdir()}
    assert files <= {
        *("app", "models", "worker", "migrations", "frontend", "requirements"),
        *("pyproject.toml", "pliant.egg-info"),
    }


def test_every_image_starts_what_its_service_starts() -> None:
    """A plain `docker run` of an image must not differ from Compose."""
    web, training = (
        containers.image(STAGES[target].steps, Path()).command for target in ("web", "trainer")
    )
    assert SERVICES["web"]["command"] == web
    assert SERVICES["worker-training"]["command"] == training
