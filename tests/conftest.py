"""Parts every test may use: a real PostgreSQL, a real Valkey, the shared images."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy.orm import Session, sessionmaker

from app.db.session import SessionMaker, make_engine, make_sessions
from app.embedded import postgres, valkey
from app.embedded.children import running
from tests.object_store import running_object_store

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
TEMPLATE = "template_migrated"
_clone_numbers = count(1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, not skip, the tests of shared images where that folder is missing."""
    if SHARED.is_dir():
        return
    left_out = [item for item in items if item.get_closest_marker("shared")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    return SHARED


@pytest.fixture(scope="session")
def servers_dir() -> Iterator[Path]:
    """Yield the data folder of the servers that all tests of this process share.

    Not under pytest's temporary folder: as root that is closed to the server's account.
    """
    folder = Path(tempfile.mkdtemp(prefix="pliant-tests-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree((folder / "postgres").resolve(), ignore_errors=True)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_dir(servers_dir: Path) -> Iterator[Path]:
    """Yield the same folder with a private PostgreSQL running in it."""
    with running(postgres.postgres_child(servers_dir), log=servers_dir / "postgres.log"):
        yield servers_dir


@pytest.fixture(scope="session")
def migrated_template(postgres_dir: Path) -> str:
    """Return the name of a database that Alembic made; clones of it cost milliseconds."""
    postgres.create_database(postgres_dir, TEMPLATE)
    migrate(postgres.owner_url(postgres_dir, TEMPLATE))
    return TEMPLATE


@pytest.fixture(scope="session")
def drop_beside(postgres_dir: Path) -> Iterator[Callable[[str], None]]:
    """Yield what drops a database while the next test runs: that takes long and only waits.

    What is left when the last test ends goes with the servers' folder.
    """
    drops: list[Future[None]] = []
    with ThreadPoolExecutor(max_workers=1) as beside:
        yield lambda name: drops.append(beside.submit(postgres.drop_database, postgres_dir, name))
        for drop in drops:
            if not drop.cancel():
                drop.result()


def migrate(owner_url: str, *arguments: str) -> None:
    """Run Alembic as the owner of the tables, as `pliant up` does."""
    subprocess.run(
        [sys.executable, "-m", "alembic", *(arguments or ("upgrade", "head"))],
        env={**os.environ, "PLIANT_DATABASE_URL": owner_url},
        cwd=ROOT,
        check=True,
    )


@pytest.fixture
def empty_database(postgres_dir: Path, drop_beside: Callable[[str], None]) -> Iterator[str]:
    """Yield the name of a database without tables, for tests of migrations."""
    name = f"empty_{next(_clone_numbers)}"
    postgres.create_database(postgres_dir, name)
    yield name
    drop_beside(name)


@pytest.fixture
def fresh_database(
    postgres_dir: Path, migrated_template: str, drop_beside: Callable[[str], None]
) -> Iterator[str]:
    """Yield the name of a migrated database of the test's own: for commits, leases, NOTIFY."""
    name = f"clone_{next(_clone_numbers)}"
    postgres.create_database(postgres_dir, name, template=migrated_template)
    yield name
    drop_beside(name)


@pytest.fixture
def database_url(postgres_dir: Path, fresh_database: str) -> str:
    """Return the app role's URL of a fresh migrated database."""
    return postgres.app_url(postgres_dir, fresh_database)


@pytest.fixture
def owner_database_url(postgres_dir: Path, fresh_database: str) -> str:
    """Return the owner role's URL of the same fresh database as `database_url`."""
    return postgres.owner_url(postgres_dir, fresh_database)


@pytest.fixture
def sessions(database_url: str) -> Iterator[SessionMaker]:
    """Yield a session maker on a fresh database, for tests that commit."""
    engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def common_database_url(postgres_dir: Path, migrated_template: str) -> str:
    """Return the URL of one migrated database that tests share and leave as they found it."""
    postgres.create_database(postgres_dir, "common", template=migrated_template)
    return postgres.app_url(postgres_dir, "common")


@pytest.fixture
def session(common_database_url: str) -> Iterator[Session]:
    """Yield a session whose work is rolled back when the test ends, even what it committed."""
    engine = make_engine(common_database_url)
    with engine.connect() as connection, connection.begin() as outer:
        maker = sessionmaker(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        )
        with maker() as opened:
            yield opened
        outer.rollback()
    engine.dispose()


@pytest.fixture(scope="session")
def valkey_url(servers_dir: Path) -> Iterator[str]:
    """Yield the URL of a private Valkey that all tests share."""
    with running(valkey.valkey_child(servers_dir), log=servers_dir / "valkey.log"):
        yield valkey.broker_url(servers_dir)


@pytest.fixture
def broker_url(valkey_url: str) -> str:
    """Return the shared Valkey's URL after emptying it."""
    empty_broker(valkey_url)
    return valkey_url


def empty_broker(url: str) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(urlsplit(url).path)
        connection.sendall(b"FLUSHALL\r\n")
        assert connection.recv(64).startswith(b"+OK")


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Yield an empty data folder that a server's account can reach, for servers of its own."""
    folder = Path(tempfile.mkdtemp(prefix="pliant-data-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def s3_address(servers_dir: Path) -> Iterator[str]:
    """Yield the address of an S3 server that all tests share."""
    with running_object_store(servers_dir / "s3.log") as address:
        yield address
