import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Row, func, or_, select
from sqlalchemy.orm import Session

from app.db.tables import Activation, ImpactPreview, ModelVersion

OPEN: Final = ("queued", "running")


def lock_promotions(session: Session) -> None:
    """One promotion at a time: two that overlap would each end the same activation."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("promotions", 0))))


def newest_preview(session: Session, version_id: uuid.UUID) -> ImpactPreview | None:
    return session.scalar(
        select(ImpactPreview)
        .where(ImpactPreview.model_version_id == version_id)
        .order_by(ImpactPreview.created_at.desc())
        .limit(1)
    )


def lock_preview(session: Session, preview_id: uuid.UUID) -> ImpactPreview | None:
    return session.get(ImpactPreview, preview_id, with_for_update=True, populate_existing=True)


def count_tried(session: Session, locked_set_sha256: str) -> int:
    """Versions tried on this locked set; trying one again does not count."""
    tried = select(func.count(ImpactPreview.model_version_id.distinct())).where(
        ImpactPreview.locked_set_sha256 == locked_set_sha256, ImpactPreview.state == "done"
    )
    return session.scalar(tried) or 0


def current_activation(session: Session) -> Activation | None:
    return session.scalar(select(Activation).where(Activation.ended_at.is_(None)))


def was_live(session: Session, version_id: uuid.UUID) -> bool:
    wanted = select(Activation.id).where(Activation.model_version_id == version_id)
    return session.scalar(wanted.limit(1)) is not None


def activation_at(session: Session, at: dt.datetime) -> Row[Activation, ModelVersion] | None:
    return session.execute(
        select(Activation, ModelVersion)
        .join(ModelVersion, ModelVersion.id == Activation.model_version_id)
        .where(
            Activation.began_at <= at, or_(Activation.ended_at.is_(None), Activation.ended_at > at)
        )
    ).one_or_none()


def activations(
    session: Session, version_id: uuid.UUID | None
) -> Sequence[Row[Activation, ModelVersion]]:
    """Newest first, of one version or of all; a laboratory promotes a few times a year."""
    wanted = select(Activation, ModelVersion).join(
        ModelVersion, ModelVersion.id == Activation.model_version_id
    )
    if version_id is not None:
        wanted = wanted.where(Activation.model_version_id == version_id)
    return session.execute(wanted.order_by(Activation.began_at.desc())).all()


def database_clock(session: Session) -> dt.datetime:
    moment = session.scalar(select(func.clock_timestamp()))
    assert isinstance(moment, dt.datetime)
    return moment
