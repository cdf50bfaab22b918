import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.db.tables import Acknowledgement, Report, Signature


def newest_report(session: Session, sample_id: uuid.UUID) -> Report | None:
    wanted = select(Report).where(Report.sample_id == sample_id)
    return session.scalars(wanted.order_by(Report.version.desc()).limit(1)).first()


def report_of_version(session: Session, sample_id: uuid.UUID, version: int) -> Report | None:
    wanted = select(Report).where(Report.sample_id == sample_id, Report.version == version)
    return session.scalars(wanted).one_or_none()


def reports_of_sample(session: Session, sample_id: uuid.UUID) -> Sequence[Report]:
    """Newest first."""
    wanted = select(Report).where(Report.sample_id == sample_id)
    return session.scalars(wanted.order_by(Report.version.desc())).all()


def is_reported(session: Session, sample_id: uuid.UUID) -> bool:
    wanted = select(Report.id).where(Report.sample_id == sample_id)
    return session.scalar(wanted.limit(1)) is not None


def signature_of_report(session: Session, report_id: uuid.UUID) -> Signature:
    return session.scalars(select(Signature).where(Signature.report_id == report_id)).one()


def signatures_of_sample(session: Session, sample_id: uuid.UUID) -> Sequence[Signature]:
    """Oldest first."""
    wanted = select(Signature).where(Signature.sample_id == sample_id)
    return session.scalars(wanted.order_by(Signature.created_at, Signature.id)).all()


def latest_signature(session: Session, sample_id: uuid.UUID) -> Signature | None:
    wanted = select(Signature).where(Signature.sample_id == sample_id)
    newest = wanted.order_by(Signature.created_at.desc(), Signature.id.desc())
    return session.scalars(newest.limit(1)).first()


def acknowledgements_of_analysis(
    session: Session, analysis_id: uuid.UUID
) -> dict[str, Acknowledgement]:
    """The newest of each code."""
    wanted = select(Acknowledgement).where(Acknowledgement.analysis_id == analysis_id)
    rows = session.scalars(wanted.order_by(Acknowledgement.created_at, Acknowledgement.id))
    return {row.code: row for row in rows}
