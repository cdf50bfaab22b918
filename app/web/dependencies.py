"""What routes ask for: settings, sessions, the store, the principal, a permission.

What waits for nothing is `async`: the framework gives every other function a thread of its own, and
under load each change of threads costs as much as a query.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Request, params
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from app.db.session import SessionMaker, transaction
from app.domain.errors import NotAuthenticated, NotPermitted
from app.observability import WebMetrics
from app.security.api_keys import KEY_IN_TEXT
from app.security.browser_sessions import cookie_name
from app.security.permissions import PERMISSIONS, Permission, Principal
from app.services import api_keys, audit, browser_sessions
from app.services.files import Store
from app.settings import Settings
from app.web.errors import BadRequest
from app.web.rate_limits import KeyLimiter

PERMISSION_MARK: Final = "pliant_permission"
PUBLIC_MARK: Final = "pliant_public"
LISTED: Final = frozenset({"samples", "donors"})
"""Parameters of an address that stand there once for each of their values."""

F = TypeVar("F", bound=Callable[..., Any])


async def get_settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def get_sessions(request: Request) -> SessionMaker:
    sessions: SessionMaker = request.app.state.sessions
    return sessions


async def get_store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


async def get_metrics(request: Request) -> WebMetrics:
    metrics: WebMetrics = request.app.state.metrics
    return metrics


SettingsDep = Annotated[Settings, Depends(get_settings)]
SessionsDep = Annotated[SessionMaker, Depends(get_sessions)]
StoreDep = Annotated[Store, Depends(get_store)]
MetricsDep = Annotated[WebMetrics, Depends(get_metrics)]


def get_session(sessions: SessionsDep) -> Iterator[Session]:
    with transaction(sessions) as session:
        yield session


# Function scope: the commit comes before the answer, so a failed one cannot follow a 201.
SessionDep = Annotated[Session, Depends(get_session, scope="function")]


def is_https(settings: Settings) -> bool:
    return settings.public_url is not None and settings.public_url.scheme == "https"


async def session_token(request: Request, settings: SettingsDep) -> str | None:
    """The browser's session cookie, if it sent one."""
    return request.cookies.get(cookie_name(is_https=is_https(settings)))


SessionTokenDep = Annotated[str | None, Depends(session_token)]


def find_principal(
    request: Request, sessions: SessionsDep, token: SessionTokenDep
) -> Principal | None:
    """Who asks, or None; an unusable key or cookie is refused. A key's requests ignore cookies.

    In a short transaction of its own: none may be open while a body is read.
    """
    authorization = request.headers.get("authorization")
    if authorization is None and token is None:
        return None
    with transaction(sessions) as session:
        if authorization is not None:
            return api_keys.authenticate(session, _bearer(authorization))
        return browser_sessions.authenticate(session, token or "")


def get_principal(request: Request, sessions: SessionsDep, token: SessionTokenDep) -> Principal:
    principal = find_principal(request, sessions, token)
    if principal is None:
        raise NotAuthenticated(
            "authentication_required", "Sign in, or send an API key as Authorization: Bearer."
        )
    request.state.principal = principal
    limiter: KeyLimiter = request.app.state.key_limiter
    limiter.count(principal)
    return principal


PrincipalDep = Annotated[Principal, Depends(get_principal)]


def require(permission: Permission) -> params.Depends:
    """Make a dependency: only principals with this permission come through.

    For `dependencies=[require(...)]` of a route; every route has one, or is marked `public`.
    """

    async def check(principal: PrincipalDep) -> Principal:
        if not principal.permits(permission):
            raise _refusal(principal, permission)
        return principal

    setattr(check, PERMISSION_MARK, permission)
    dependency: params.Depends = Depends(check)
    return dependency


def _refusal(principal: Principal, permission: Permission) -> NotPermitted:
    if permission in PERMISSIONS[principal.role]:
        return NotPermitted(
            "scope_missing",
            f"This key is limited and lacks the scope {permission}; ask an administrator for "
            "another key.",
        )
    return NotPermitted(
        "not_permitted",
        f"A {principal.role} may not do this; ask an administrator for another role.",
    )


async def _anyone() -> None:
    return None


async def _signed_in(_: PrincipalDep) -> None:
    return None


setattr(_anyone, PUBLIC_MARK, True)
setattr(_signed_in, PERMISSION_MARK, "signed_in")
public: Final[params.Depends] = Depends(_anyone)
signed_in: Final[params.Depends] = Depends(_signed_in)


async def refuse_key_in_url(request: Request, sessions: SessionsDep) -> None:
    """Addresses end up in logs and histories, so a key in one is as good as published."""
    found = KEY_IN_TEXT.search(str(request.url))
    if found is None:
        return
    await run_in_threadpool(_note_key_in_url, sessions, prefix=found[0][7:15])
    raise BadRequest(
        "key_in_url",
        "An API key was sent in the address; revoke it, and send the new one as Authorization: "
        "Bearer.",
    )


async def refuse_repeated(request: Request) -> None:
    """Of two values for one thing, neither is known to be the one that was meant."""
    counted = Counter(name for name, _ in request.query_params.multi_items())
    repeated = [name for name, times in counted.items() if times > 1 and name not in LISTED]
    if repeated:
        raise BadRequest(
            "parameter_repeated",
            f"{repeated[0]!r} stands more than once in the address; send it once.",
        )


def _note_key_in_url(sessions: SessionMaker, *, prefix: str) -> None:
    with transaction(sessions) as session:
        audit.record(
            session, actor="anonymous", action="api_key.in_url", entity="api_key", entity_id=prefix
        )


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotAuthenticated(
            "authentication_required", "Send the API key as Authorization: Bearer."
        )
    return token.strip()
