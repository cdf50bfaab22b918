from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, Id, Json, Moment


class ModelVersion(Base):
    """One immutable trained network: its file's SHA-256 and its manifest."""

    __tablename__ = "model_versions"
    __table_args__ = (
        CheckConstraint("state IN ('candidate','active','retired')", name="state"),
        Index("uq_model_versions_active", "state", unique=True,
              postgresql_where=text("state = 'active'")),
    )  # fmt: skip

    id: Mapped[Id]
    name: Mapped[str]
    sha256: Mapped[str] = mapped_column(unique=True)
    manifest: Mapped[Json]
    is_demonstration: Mapped[bool]
    state: Mapped[str] = mapped_column(server_default="candidate")
    created_at: Mapped[CreatedAt]
    activated_at: Mapped[Moment | None]
    retired_at: Mapped[Moment | None]
    retired_by: Mapped[str | None]
    """Who withdrew it; None where another version merely took its place."""
    retired_reason: Mapped[str | None]
    trained_by: Mapped[str | None]
    """Who asked for its training run; None where it came with the program."""
    verified_at: Mapped[Moment | None]
    """When a worker last loaded its file: hash, operators and golden crops were as recorded."""
