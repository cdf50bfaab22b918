"""The private PostgreSQL: durable, closed, with roles that cannot exceed their part."""

import os
import shutil
import stat
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from app.db.session import SessionMaker, transaction
from app.embedded import folders, postgres
from app.embedded.children import running


def test_it_starts_within_seconds_and_keeps_what_was_committed(data_dir: Path) -> None:
    began = time.monotonic()
    with running(postgres.postgres_child(data_dir), log=data_dir / "log"):
        assert time.monotonic() - began < 30
        with psycopg.connect(postgres.owner_url(data_dir)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    assert not postgres.is_running(data_dir)
    with (
        running(postgres.postgres_child(data_dir), log=data_dir / "log"),
        psycopg.connect(postgres.app_url(data_dir)) as connection,
    ):
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_it_is_durable_and_listens_on_no_network(postgres_dir: Path) -> None:
    with psycopg.connect(postgres.superuser_url(postgres_dir)) as connection:
        postgres.assert_durable(connection)
        row = connection.execute("SELECT current_setting('listen_addresses')").fetchone()
    assert row == ("",)


def test_a_server_that_could_lose_data_is_refused(data_dir: Path) -> None:
    child = postgres.postgres_child(data_dir)
    with (child.cwd / "cluster" / "postgresql.auto.conf").open("a") as settings:
        settings.write("full_page_writes = off\n")
    with (
        pytest.raises(folders.CannotStart, match="full_page_writes = off and must run with"),
        running(child, log=data_dir / "log"),
    ):
        pass


def test_folders_and_secrets_are_closed_to_others(postgres_dir: Path) -> None:
    home = (postgres_dir / "postgres").resolve()
    for folder in (home, home / "cluster", home / "run", postgres_dir / "secrets"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    for file in (postgres_dir / "secrets").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_wrong_password_does_not_get_in(postgres_dir: Path) -> None:
    url = postgres.app_url(postgres_dir).replace("pliant_app:", "pliant_app:wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url)


def test_no_server_process_runs_as_root(postgres_dir: Path) -> None:
    cluster = (postgres_dir / "postgres" / "cluster").resolve()
    postmaster = (cluster / "postmaster.pid").read_text().splitlines()[0]
    assert Path(f"/proc/{postmaster}").stat().st_uid != 0


def test_the_app_role_reads_and_writes_rows_but_shapes_nothing(session: Session) -> None:
    role = session.execute(
        text(
            "SELECT rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication, "
            "(SELECT count(*) FROM pg_class WHERE relowner = pg_roles.oid) "
            "FROM pg_roles WHERE rolname = current_user"
        )
    ).one()
    assert tuple(role) == (False, 0)
    rights = session.execute(
        text(
            "SELECT has_table_privilege('donors', 'SELECT, INSERT, UPDATE, DELETE'), "
            "has_schema_privilege('public', 'CREATE')"
        )
    ).one()
    assert tuple(rights) == (True, False)


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE mine (id int)", "ALTER TABLE donors ADD mine int", "DROP TABLE donors CASCADE"],
)
def test_the_app_role_cannot_change_tables(sessions: SessionMaker, statement: str) -> None:
    with (
        pytest.raises(ProgrammingError, match=r"must be owner|permission denied"),
        transaction(sessions) as session,
    ):
        session.execute(text(statement))


def test_closed_parent_folders_do_not_stop_it_and_stay_closed(data_dir: Path) -> None:
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700)
    with running(postgres.postgres_child(closed / "var"), log=data_dir / "log"):
        assert postgres.is_running(closed / "var")
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    shutil.rmtree((closed / "var" / "postgres").resolve())


def test_a_long_data_path_gets_a_short_socket_that_others_cannot_enter(data_dir: Path) -> None:
    deep = data_dir / ("long" * 20) / ("path" * 20)
    with running(postgres.postgres_child(deep), log=data_dir / "log"):
        run = (deep / "postgres" / "run").resolve()
        assert len(os.fsencode(run / postgres.SOCKET)) <= folders.MAX_SOCKET_PATH_BYTES
        assert stat.S_IMODE(run.stat().st_mode) == 0o700
        assert postgres.is_running(deep)
    run.rmdir()


def test_a_left_over_process_number_file_does_not_stop_a_start(data_dir: Path) -> None:
    child = postgres.postgres_child(data_dir)
    (child.cwd / "cluster" / "postmaster.pid").write_text("999999999\n")
    with running(child, log=data_dir / "log"):
        assert postgres.is_running(data_dir)


def test_a_cluster_of_another_version_is_left_alone(data_dir: Path) -> None:
    child = postgres.postgres_child(data_dir)
    (child.cwd / "cluster" / "PG_VERSION").write_text("16\n")
    with pytest.raises(folders.CannotStart, match="made by PostgreSQL 16 and this is 18"):
        postgres.postgres_child(data_dir)
