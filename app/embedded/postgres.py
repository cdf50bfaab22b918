"""The private PostgreSQL: one cluster in the data folder, one unix socket, three roles."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from app.embedded.children import Child
from app.embedded.cluster import SUPERUSER, make_cluster, programs
from app.embedded.folders import (
    CannotStart,
    data_folder,
    secret,
    server_account,
    socket_folder,
)

DATABASE = "pliant"
OWNER = "pliant_owner"
"""Role that migrates: owns the tables, is no superuser."""
APP = "pliant_app"
"""Role of web, sweeper and workers: reads and writes rows, owns nothing."""
SOCKET = ".s.PGSQL.5432"
PID_FILE_STATUS_LINE = 7
"""Where postmaster.pid says "starting", "ready" or "stopping" (LOCK_FILE_LINE_PM_STATUS)."""
DURABILITY = {"fsync": "on", "full_page_writes": "on", "data_checksums": "on"}


def app_url(data_dir: Path, database: str = DATABASE) -> str:
    """Return the URL by which Pliant's processes reach the private server."""
    return _url(data_dir, APP, secret(data_dir, "postgres-app"), database)


def owner_url(data_dir: Path, database: str = DATABASE) -> str:
    """Return the URL by which migrations reach the private server."""
    return _url(data_dir, OWNER, secret(data_dir, "postgres-owner"), database)


def superuser_url(data_dir: Path, database: str = "postgres") -> str:
    return _url(data_dir, SUPERUSER, secret(data_dir, "postgres-superuser"), database)


def _url(data_dir: Path, role: str, password: str, database: str) -> str:
    folder = quote(str(_run_folder(data_dir)), safe="/")
    return f"postgresql://{role}:{quote(password)}@/{database}?host={folder}"


def _run_folder(data_dir: Path) -> Path:
    return (data_dir / "postgres" / "run").resolve()


def is_running(data_dir: Path) -> bool:
    """Say whether the private server of this data folder takes connections now."""
    if not _says_ready(data_dir):
        return False
    try:
        with psycopg.connect(superuser_url(data_dir), connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def _says_ready(data_dir: Path) -> bool:
    """Read the server's own word, so that probes do not fill its log with refusals."""
    try:
        lines = (data_dir / "postgres" / "cluster" / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > PID_FILE_STATUS_LINE and lines[PID_FILE_STATUS_LINE].strip() == "ready"


def postgres_child(data_dir: Path) -> Child:
    """Describe the server process; its cluster is made before the first start."""
    data_folder(data_dir)
    account = server_account()
    cluster = make_cluster(data_dir, account)
    run = socket_folder(cluster.parent, SOCKET, owner=account)
    options = {"listen_addresses": "", "unix_socket_directories": f'"{run}"'}
    options |= {"unix_socket_permissions": "0700", "logging_collector": "off"}
    assignments = [f"{name}={value}" for name, value in options.items()]
    return Child(
        name="postgres",
        argv=(
            *(str(programs(account) / "postgres"), "-D", str(cluster)),
            *(part for assignment in assignments for part in ("-c", assignment)),
        ),
        env={"PATH": os.defpath, "LC_ALL": "C"},
        cwd=cluster.parent,
        ready=lambda: is_running(data_dir),
        after=lambda: _settle(data_dir),
        stop_signal=signal.SIGINT,  # "fast": ends sessions, then writes everything down
        account=account,
    )


def _settle(data_dir: Path) -> None:
    with _superuser(data_dir) as connection:
        assert_durable(connection)
        ensure_roles(connection, data_dir)
    create_database(data_dir, DATABASE)


@contextmanager
def _superuser(data_dir: Path, database: str = "postgres") -> Iterator[psycopg.Connection]:
    with psycopg.connect(superuser_url(data_dir, database), autocommit=True) as connection:
        yield connection


def assert_durable(connection: psycopg.Connection) -> None:
    """Refuse a server that could lose or silently damage what it acknowledged."""
    for name, wanted in DURABILITY.items():
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
        if row is None or row[0] != wanted:
            raise CannotStart(
                f"PostgreSQL runs with {name} = {row and row[0]} and must run with {wanted}: "
                "remove the setting from postgresql.conf and postgresql.auto.conf"
            )


def ensure_roles(connection: psycopg.Connection, data_dir: Path) -> None:
    """Make the two roles, or give them the passwords on file again."""
    for role, file in ((OWNER, "postgres-owner"), (APP, "postgres-app")):
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
        statement = sql.SQL(
            "{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION "
            "NOBYPASSRLS PASSWORD {password}"
        )
        connection.execute(
            statement.format(
                verb=sql.SQL("ALTER" if known else "CREATE"),
                role=sql.Identifier(role),
                password=sql.Literal(secret(data_dir, file)),
            )
        )


def create_database(data_dir: Path, name: str, *, template: str | None = None) -> None:
    """Make a database owned by the owner role, unless it is there; templates bring their rights."""
    with _superuser(data_dir) as connection:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(query, [name]).fetchone() is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    sql.Identifier(name),
                    sql.Identifier(OWNER),
                    sql.Identifier(template or "template1"),
                )
            )
        _grant_database(connection, name)
    if template is None:
        with _superuser(data_dir, name) as connection:
            _grant_schema(connection)


def drop_database(data_dir: Path, name: str) -> None:
    with _superuser(data_dir) as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def _grant_database(connection: psycopg.Connection, name: str) -> None:
    for statement in (
        "REVOKE ALL ON DATABASE {name} FROM PUBLIC",
        "GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {app}",
    ):
        connection.execute(
            sql.SQL(statement).format(name=sql.Identifier(name), app=sql.Identifier(APP))
        )


def _grant_schema(connection: psycopg.Connection) -> None:
    """Let the app role use, but not shape, whatever the owner role makes later."""
    for statement in (
        "ALTER SCHEMA public OWNER TO {owner}",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "GRANT USAGE ON SCHEMA public TO {app}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public "
        "GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}",
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public "
        "GRANT USAGE, SELECT ON SEQUENCES TO {app}",
    ):
        connection.execute(
            sql.SQL(statement).format(owner=sql.Identifier(OWNER), app=sql.Identifier(APP))
        )
