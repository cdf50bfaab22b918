from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, Id


class Donor(Base):
    """A person who gave blood, known by a pseudonymous code only."""

    __tablename__ = "donors"

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[CreatedAt]
