import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Row, case, func, select, text
from sqlalchemy.orm import Session

from app.db.tables import Heartbeat, Job, ModelVersion


def has_active_model(session: Session) -> bool:
    wanted = select(ModelVersion.id).where(ModelVersion.state == "active")
    return session.scalars(wanted).first() is not None


def last_report(session: Session, name: str) -> tuple[dict[str, object], dt.timedelta] | None:
    """A process's last report and its age by the database's clock."""
    wanted = select(Heartbeat.report, func.clock_timestamp() - Heartbeat.at)
    row = session.execute(wanted.where(Heartbeat.name == name)).one_or_none()
    return (row[0], row[1]) if row else None


def reports(
    session: Session, prefix: str, *, within: dt.timedelta
) -> Sequence[Row[str, dict[str, object]]]:
    """Last reports, not older than this, of the processes whose names begin so."""
    return session.execute(
        select(Heartbeat.name, Heartbeat.report)
        .where(
            Heartbeat.name.startswith(prefix, autoescape=True),
            Heartbeat.at > func.clock_timestamp() - within,
        )
        .order_by(Heartbeat.name)
    ).all()


def database_facts(session: Session) -> tuple[str, int]:
    """Its version, and the bytes that it takes."""
    row = session.execute(
        text("SELECT current_setting('server_version'), pg_database_size(current_database())")
    ).one()
    return row[0], row[1]


def last_words(session: Session, prefix: str) -> Sequence[Row[str, dict[str, object], float]]:
    """Every process whose name begins so: what it last reported, and how many seconds ago."""
    age = func.extract("epoch", func.clock_timestamp() - Heartbeat.at)
    mine = Heartbeat.name.startswith(prefix, autoescape=True)
    return session.execute(
        select(Heartbeat.name, Heartbeat.report, age).where(mine).order_by(Heartbeat.name)
    ).all()


def queue_figures(session: Session) -> Sequence[Row[str, int, int, int, float | None]]:
    """Of each queue: due, running and quarantined jobs, and the longest wait in seconds."""
    now = func.clock_timestamp()
    is_due = (Job.state == "queued") & (Job.not_before <= now)
    since = func.min(case((is_due, func.greatest(Job.created_at, Job.not_before))))
    return session.execute(
        select(
            Job.queue,
            func.count().filter(is_due),
            func.count().filter(Job.state == "running"),
            func.count().filter(Job.state == "quarantined"),
            func.extract("epoch", now - since),
        )
        .where(Job.state.in_(("queued", "running", "quarantined")))
        .group_by(Job.queue)
        .order_by(Job.queue)
    ).all()
