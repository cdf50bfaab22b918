import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from app.db.tables import Heartbeat, ModelVersion


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
