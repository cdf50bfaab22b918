from sqlalchemy import BigInteger, CheckConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Moment


class AuditEntry(Base):
    """One change, chained by hash to the one before; inserted only, never changed."""

    __tablename__ = "audit"
    __table_args__ = (
        Index(None, "entity", "entity_id"),
        Index(None, "actor", "seq"),
        Index(None, "action", "seq"),
        Index(None, "at"),
    )

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[Moment]
    actor: Mapped[str]
    action: Mapped[str]
    entity: Mapped[str]
    entity_id: Mapped[str]
    request_id: Mapped[str | None]
    content: Mapped[str] = mapped_column(Text)
    """Canonical JSON text of the whole entry; text, since JSONB would rewrite what was hashed."""
    prev_hash: Mapped[str]
    hash: Mapped[str]


class AuditHead(Base):
    """The chain's end: one row, locked last in a transaction, gives `seq` without gaps."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str]
