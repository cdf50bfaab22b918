"""COPY: thousands of rows in one statement, in the session's own transaction."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

import psycopg
from psycopg import sql
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.db.base import Base


def copy_rows(
    session: Session,
    table: type[Base],
    columns: Sequence[InstrumentedAttribute[Any]],
    rows: Iterable[Sequence[Any]],
) -> None:
    """Append rows, each in the order of `columns`; what is not named takes its default."""
    session.flush()  # rows that these refer to must be there first
    raw = cast("psycopg.Connection", session.connection().connection.driver_connection)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.__tablename__),
        sql.SQL(", ").join(sql.Identifier(column.key) for column in columns),
    )
    with raw.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
