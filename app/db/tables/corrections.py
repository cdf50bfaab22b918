import uuid

from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, Id, Ref


class Correction(Base):
    """What a technician said of an image, or of one cell in it; inserted only, never changed."""

    __tablename__ = "corrections"

    id: Mapped[Id]
    sample_id: Mapped[Ref] = mapped_column(ForeignKey("samples.id"), index=True)
    image_id: Mapped[Ref] = mapped_column(ForeignKey("images.id"), index=True)
    cell_id: Mapped[uuid.UUID | None] = mapped_column(
        UUID(as_uuid=True), ForeignKey("cells.id"), index=True
    )
    """None where the whole image was corrected."""
    verdict_before: Mapped[str]
    verdict_after: Mapped[str]
    reason: Mapped[str]
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]
