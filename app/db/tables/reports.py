import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, Id, Ref


class Report(Base):
    """One version of a sample's report, as it left the laboratory; inserted only."""

    __tablename__ = "reports"
    __table_args__ = (
        UniqueConstraint("sample_id", "version"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("(version = 1) = (previous_id IS NULL)", name="previous"),
        CheckConstraint(
            "status IN ('final','amended','corrected','entered-in-error')", name="status"
        ),
    )

    id: Mapped[Id]
    sample_id: Mapped[Ref] = mapped_column(ForeignKey("samples.id"))
    version: Mapped[int]
    previous_id: Mapped[uuid.UUID | None] = mapped_column(
        UUID(as_uuid=True), ForeignKey("reports.id")
    )
    analysis_id: Mapped[Ref] = mapped_column(ForeignKey("analyses.id"), index=True)
    """What it is about; of a withdrawn version, what the one before was about."""
    status: Mapped[str]
    content: Mapped[str] = mapped_column(Text)
    """`app.reports.content.ReportContent` as canonical JSON text, as it was hashed."""
    content_sha256: Mapped[str]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]


class Signature(Base):
    """Who put their name to what, and the evidence it covers; inserted only."""

    __tablename__ = "signatures"
    __table_args__ = (
        CheckConstraint(
            "act IN ('submit','send_back','release','reopen','amend','withdraw')", name="act"
        ),
        CheckConstraint("meaning IN ('reviewed','approved','rejected')", name="meaning"),
        CheckConstraint(
            "(act IN ('release','amend','withdraw')) = (report_id IS NOT NULL)", name="report"
        ),
        Index(None, "sample_id", "created_at"),
    )

    id: Mapped[Id]
    sample_id: Mapped[Ref] = mapped_column(ForeignKey("samples.id"))
    analysis_id: Mapped[Ref] = mapped_column(ForeignKey("analyses.id"))
    report_id: Mapped[uuid.UUID | None] = mapped_column(
        UUID(as_uuid=True), ForeignKey("reports.id"), index=True
    )
    act: Mapped[str]
    meaning: Mapped[str]
    printed_name: Mapped[str]
    """As the account was called then."""
    role: Mapped[str]
    with_password: Mapped[bool]
    reason: Mapped[str | None]
    told: Mapped[str | None]
    """Who was told of an amendment."""
    evidence: Mapped[str] = mapped_column(Text)
    """Canonical JSON text, as it was hashed: `app.services.evidence`."""
    evidence_sha256: Mapped[str]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]


class Acknowledgement(Base):
    """A verifier's reason to sign although a condition does not hold; inserted only."""

    __tablename__ = "acknowledgements"
    __table_args__ = (Index(None, "analysis_id", "created_at"),)

    id: Mapped[Id]
    sample_id: Mapped[Ref] = mapped_column(ForeignKey("samples.id"), index=True)
    analysis_id: Mapped[Ref] = mapped_column(ForeignKey("analyses.id"))
    code: Mapped[str]
    message: Mapped[str]
    """How the condition stood when it was acknowledged."""
    reason: Mapped[str]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]
