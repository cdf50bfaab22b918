import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import ModelVersion


def active_version(session: Session) -> ModelVersion | None:
    return session.scalar(select(ModelVersion).where(ModelVersion.state == "active"))


def version_by_sha256(session: Session, sha256: str) -> ModelVersion | None:
    return session.scalar(select(ModelVersion).where(ModelVersion.sha256 == sha256))


def version_by_id(session: Session, version_id: uuid.UUID) -> ModelVersion | None:
    return session.get(ModelVersion, version_id)


def all_versions(session: Session) -> Sequence[ModelVersion]:
    """Newest first; a laboratory has tens of versions, not thousands."""
    return session.scalars(select(ModelVersion).order_by(ModelVersion.created_at.desc())).all()
