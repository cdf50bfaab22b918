"""Alembic's door to the database: one connection, an advisory lock, short lock waits."""

import os

from alembic import context
from sqlalchemy import text

import app.db.tables  # noqa: F401  registers every table on the metadata
from app.db.base import Base
from app.db.session import make_engine

MIGRATION_LOCK = 5_045_000_001
"""Advisory lock, so that two processes never migrate at once; the number is arbitrary."""


def migrate() -> None:
    url = context.config.attributes.get("database_url") or os.environ["PLIANT_DATABASE_URL"]
    engine = make_engine(url)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.commit()
        context.configure(
            connection=connection, target_metadata=Base.metadata, compare_server_default=True
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    engine.dispose()


migrate()
