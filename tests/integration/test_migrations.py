"""The database's history: from nothing to today's tables and back one step."""

from pathlib import Path

import psycopg

from app.embedded import postgres
from tests.conftest import migrate

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
REVISION = "SELECT version_num FROM alembic_version"


def test_migrations_go_up_without_drift_one_step_down_and_up_again(
    postgres_dir: Path, empty_database: str
) -> None:
    url = postgres.owner_url(postgres_dir, empty_database)

    migrate(url)
    migrate(url, "check")  # fails where the tables in code differ from those in the database
    newest, tables = rows(url, REVISION), rows(url, TABLES)
    assert ("jobs",) in tables

    migrate(url, "downgrade", "-1")
    assert rows(url, REVISION) != newest

    migrate(url)
    assert (rows(url, REVISION), rows(url, TABLES)) == (newest, tables)


def test_the_app_role_may_write_rows_but_shape_no_table(
    postgres_dir: Path, fresh_database: str
) -> None:
    with psycopg.connect(postgres.app_url(postgres_dir, fresh_database)) as connection:
        query = (
            "SELECT has_table_privilege('jobs', 'INSERT'), has_schema_privilege('public', 'CREATE')"
        )
        assert connection.execute(query).fetchone() == (True, False)


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()
