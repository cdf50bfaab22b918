from sqlalchemy import Index, func
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, Id


class Donor(Base):
    """A person who gave blood, known by a pseudonymous code only."""

    __tablename__ = "donors"

    id: Mapped[Id]
    code: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[CreatedAt]


# An expression can only be named once the columns are there.
Index(
    "ix_donors_code_lower",
    func.lower(Donor.code).label("folded"),
    postgresql_ops={"folded": "text_pattern_ops"},
)
