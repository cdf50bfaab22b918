"""The frame around a page for a principal, and the pages that refusals become."""

import re
from typing import Final, Protocol

from starlette.requests import Request

from app.dashboard.contexts.shell import ErrorPage, MenuLink, Shell
from app.dashboard.rendering import environment
from app.security.permissions import Permission, Principal

TITLES: Final = {
    401: "Not signed in",
    403: "You may not do this",
    404: "There is nothing here",
    409: "This cannot be done now",
    422: "Something in the request is wrong",
    429: "Too often in too short a time",
    500: "Something failed on our side",
    503: "Not ready yet",
    507: "There is no space left",
}
NEXT_STEPS: Final = {
    404: "The list finds a sample by its donor, DIN, accession or order number.",
    500: "Nothing was changed. Try again; if it happens again, tell whoever runs Pliant.",
    503: "Wait a moment, then load the page again.",
}


ADMINISTRATION: Final = (
    (Permission.READ_MODELS, MenuLink("models", "/model-versions", "Models")),
    (Permission.READ_MODELS, MenuLink("training", "/training-runs", "Training")),
    (Permission.MANAGE_ACCOUNTS, MenuLink("users", "/users", "Users")),
    (Permission.MANAGE_KEYS, MenuLink("api-keys", "/api-keys", "API keys")),
    (Permission.MANAGE_WEBHOOKS, MenuLink("webhooks", "/webhooks", "Webhooks")),
    (Permission.READ_CONTROLS, MenuLink("controls", "/controls", "Controls")),
    (
        Permission.READ_PROFILES,
        MenuLink("instruments", "/instrument-profiles", "Instruments"),
    ),
    (Permission.READ_AUDIT, MenuLink("audit", "/audit", "Audit")),
    (Permission.READ_HEALTH, MenuLink("health", "/health", "Health")),
)
"""The pages of the group Administration, in their order, each with the permission it needs."""
RUNS_THE_INSTALLATION: Final = frozenset(
    {Permission.MANAGE_ACCOUNTS, Permission.MANAGE_KEYS, Permission.READ_AUDIT}
)
"""Whoever may none of these has few of the pages, and finds them in the first row."""


class Refusal(Protocol):
    """What the web layer tells of a refusal."""

    @property
    def status(self) -> int: ...
    @property
    def detail(self) -> str: ...
    @property
    def request_id(self) -> str: ...


def shell_for(principal: Principal, title: str, section: str = "samples") -> Shell:
    return Shell(
        title=title,
        section=section,
        account_name=principal.name,
        role=principal.role.value,
        may_read_models=principal.permits(Permission.READ_MODELS),
        may_edit_samples=principal.permits(Permission.EDIT_SAMPLES),
        may_read_controls=principal.permits(Permission.READ_CONTROLS),
        administration=administration_for(principal),
    )


def administration_for(principal: Principal) -> tuple[MenuLink, ...]:
    if not principal.permissions & RUNS_THE_INSTALLATION:
        return ()
    return tuple(link for permission, link in ADMINISTRATION if principal.permits(permission))


def _sample_of(request: Request) -> str | None:
    found = re.match(r"/samples/[0-9a-f-]{36}(?=/)", request.url.path)
    return None if found is None else found[0]


def error_page(request: Request, refusal: Refusal) -> str:
    """The page that a refusal becomes for a person."""
    title = TITLES.get(refusal.status, "This did not work")
    principal: Principal | None = getattr(request.state, "principal", None)
    shell = shell_for(principal, title, "") if principal else Shell(title)
    page = ErrorPage(
        title=title,
        message=refusal.detail,
        next_step=NEXT_STEPS.get(refusal.status, ""),
        request_id=refusal.request_id,
        sample_href=_sample_of(request) if refusal.status not in (403, 404) else None,
    )
    return environment().get_template("error.html").render(shell=shell, page=page)
