"""What every page shows around its own content."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MenuLink:
    """One page of the group Administration; `section` says when it is the current one."""

    section: str
    href: str
    label: str


@dataclass(frozen=True)
class Shell:
    """The frame: who is signed in, and which part of the navigation is the current one."""

    title: str
    section: str = ""
    account_name: str | None = None
    role: str | None = None
    may_read_models: bool = False
    may_edit_samples: bool = False
    may_read_controls: bool = False
    administration: tuple[MenuLink, ...] = ()
    """For whoever runs the installation; then models and controls are in it, not beside it."""


@dataclass(frozen=True)
class Notice:
    """One message at the top of a page: what happened, and what to do next."""

    text: str
    tone: str = "bad"


@dataclass(frozen=True)
class ErrorPage:
    title: str
    message: str
    next_step: str
    request_id: str | None
    sample_href: str | None = None
    """The sample that it was about, to go on from."""


@dataclass(frozen=True)
class TryItPage:
    """Whether the folder is drawn already, and the sample it was dropped on before, if any."""

    is_ready: bool
    sample_href: str | None
