from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, CreatedAt, Id, Moment, Ref

ROLES = "role IN ('technician','verifier','lims','administrator')"


class Account(Base):
    """A person who signs in; no password until the one-time link was used to set one."""

    __tablename__ = "accounts"
    __table_args__ = (CheckConstraint(ROLES, name="role"),)

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    password_hash: Mapped[str | None]
    disabled_at: Mapped[Moment | None]
    created_at: Mapped[CreatedAt]


class SignInLink(Base):
    """A one-time sign-in; only the hash of its token is kept."""

    __tablename__ = "sign_in_links"

    id: Mapped[Id]
    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id"))
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[Moment]
    used_at: Mapped[Moment | None]


class BrowserSession(Base):
    """A signed-in browser; ends on idle, age, sign-out or a change of the account."""

    __tablename__ = "browser_sessions"

    id: Mapped[Id]
    account_id: Mapped[Ref] = mapped_column(ForeignKey("accounts.id"), index=True)
    token_sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[CreatedAt]
    last_seen_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    reauthenticated_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]


class ApiKey(Base):
    """A program's key; shown once, kept as a hash, found by its public prefix."""

    __tablename__ = "api_keys"
    __table_args__ = (CheckConstraint(ROLES, name="role"),)

    id: Mapped[Id]
    name: Mapped[str]
    role: Mapped[str]
    prefix: Mapped[str] = mapped_column(unique=True)
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str] | None] = mapped_column(JSONB(none_as_null=True))
    """The permissions it is limited to; None: all of its role."""
    identity_id: Mapped[Ref] = mapped_column(ForeignKey("api_keys.id"))
    """The first key of its line: whoever holds a later one owns the same rows."""
    replaces_id: Mapped[Ref | None] = mapped_column(ForeignKey("api_keys.id"), unique=True)
    created_at: Mapped[CreatedAt]
    created_by: Mapped[str]
    expires_at: Mapped[Moment]
    revoked_at: Mapped[Moment | None]
    last_used_at: Mapped[Moment | None]


class PasswordTry(Base):
    """A password typed and not, or not yet, found right; forgotten after a while."""

    __tablename__ = "password_tries"
    __table_args__ = (Index(None, "name_sha256", "at"), Index(None, "address", "at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[CreatedAt]
    name_sha256: Mapped[bytes] = mapped_column(LargeBinary)
    """Of the name as typed: people type passwords into the wrong field."""
    address: Mapped[str]
