"""Which machines' workers take no work, and why: what they last said of themselves."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.db.queries import health as queries
from app.db.tables import Heartbeat
from app.domain.errors import PliantError

PREFIX: Final = "worker:"
FORGOTTEN_AFTER: Final = dt.timedelta(days=1)
"""A machine that was taken away never says that it is well again."""


@dataclass(frozen=True)
class Refusing:
    """A machine whose workers take no work."""

    host: str
    code: str
    message: str


def report(session: Session, *, host: str, environment: str, refusal: PliantError | None) -> None:
    told = {
        "is_fit": refusal is None,
        "environment": environment,
        "code": None if refusal is None else refusal.code,
        "message": None if refusal is None else refusal.message,
    }
    now = func.clock_timestamp()
    session.execute(
        insert(Heartbeat)
        .values(name=PREFIX + host, at=now, report=told)
        .on_conflict_do_update(index_elements=[Heartbeat.name], set_={"at": now, "report": told})
    )


def refusing(session: Session) -> Sequence[Refusing]:
    """Machines whose last word, not longer ago than a day, was that they refuse."""
    return [
        Refusing(
            host=name.removeprefix(PREFIX),
            code=str(told.get("code")),
            message=str(told.get("message")),
        )
        for name, told in queries.reports(session, PREFIX, within=FORGOTTEN_AFTER)
        if not told.get("is_fit")
    ]
