"""Whether this installation can do its work."""

import datetime as dt
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.db.queries import health as queries
from app.db.queries import jobs as job_queries
from app.db.session import SessionMaker, transaction
from app.services import worker_reports
from app.storage import Store

SWEEPER: Final = "sweeper"
SWEEPER_SILENT_AFTER: Final = dt.timedelta(seconds=15)


@dataclass(frozen=True)
class Health:
    """`is_ready`: uploads are accepted. `is_degraded`: they wait for broker or workers."""

    is_ready: bool
    is_degraded: bool
    checks: dict[str, str]


@dataclass(frozen=True)
class JobFigures:
    """Jobs by kind and state, and the age of the due one that has waited longest."""

    counts: dict[tuple[str, str], int]
    oldest_waiting_seconds: float


def check(sessions: SessionMaker, store: Store) -> Health:
    checks = _check_database(sessions) | {"storage": "ok" if store.answers() else "failed"}
    needed = ("database", "storage", "model")
    is_ready = all(checks[name] == "ok" for name in needed)
    return Health(
        is_ready=is_ready,
        is_degraded=is_ready and any(checks[name] != "ok" for name in ("broker", "control")),
        checks=checks,
    )


def _check_database(sessions: SessionMaker) -> dict[str, str]:
    try:
        with transaction(sessions) as session:
            has_model = queries.has_active_model(session)
            broker = _broker_state(session)
            control = _control_state(session)
    except SQLAlchemyError:
        return {
            "database": "failed", "model": "unknown", "broker": "unknown", "control": "unknown"
        }  # fmt: skip
    return {
        "database": "ok",
        "model": "ok" if has_model else "no active model version",
        "broker": broker,
        "control": control,
    }


def _broker_state(session: Session) -> str:
    """What the sweeper last said; the web process itself never talks to the broker."""
    found = queries.last_report(session, SWEEPER)
    if found is None or found[1] > SWEEPER_SILENT_AFTER:
        return "sweeper silent"
    return "ok" if found[0].get("broker_ok") else "unreachable"


def _control_state(session: Session) -> str:
    """Which machines' workers take no work, since they do not answer their control as sealed."""
    refusing = worker_reports.refusing(session)
    return "; ".join(f"{one.host} takes no work: {one.code}" for one in refusing) or "ok"


def job_figures(sessions: SessionMaker) -> JobFigures | None:
    """What waits and what went wrong; None without a database, so that other figures still show."""
    try:
        with transaction(sessions) as session:
            return JobFigures(
                counts=job_queries.counts_by_state(session),
                oldest_waiting_seconds=job_queries.oldest_waiting_seconds(session) or 0.0,
            )
    except SQLAlchemyError:
        return None
