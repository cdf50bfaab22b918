"""Sign-in, the one-time link, and the account's own page."""

from dataclasses import dataclass

from app.dashboard.contexts.shell import Notice


@dataclass(frozen=True)
class SignInPage:
    name: str
    next_path: str
    notice: Notice | None = None


@dataclass(frozen=True)
class LinkPage:
    """Where a one-time link lands: choose a password, or look around first."""

    token: str
    notice: Notice | None = None


@dataclass(frozen=True)
class AccountPage:
    name: str
    role: str
    has_password: bool
    notice: Notice | None = None
