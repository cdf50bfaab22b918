"""What every request passes: an id, security headers, proof of origin, a last net for mistakes."""

import re
import time
import uuid
from collections.abc import Iterable
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.domain.errors import NotPermitted
from app.observability import WebMetrics, set_request_id
from app.security.csrf import SAFE_METHODS, is_same_origin
from app.web.errors import answer, internal_error, problem_of, route_of

log = structlog.get_logger()

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
MOST_BYTES: Final = 1_000_000
"""Of every body but an uploaded file's, whose door has its own limit."""
HSTS: Final = "max-age=31536000; includeSubDomains"
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Doorkeeper:
    """The outermost layer.

    Starlette's own error layer lies outside every middleware, so its answers would carry no
    security headers; hence unexpected errors are answered here.
    """

    def __init__(self, app: ASGIApp, *, is_https: bool, own_origin: str | None) -> None:
        self._app = app
        self._is_https = is_https
        self._own_origin = own_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = _Visit(scope, send, is_https=self._is_https)
        request = Request(scope, receive)
        try:
            if self._is_foreign(request):
                await self._refuse_foreign(request, receive, visit)
            else:
                await self._app(scope, _limited(request, receive), visit.send)
        except Exception:  # the process's door: whatever went wrong is logged, answered as ours
            log.exception("request failed", route=visit.route)
            if visit.status:
                raise
            await internal_error(request)(scope, receive, visit.send)
        finally:
            visit.count(request.app.state.metrics)

    def _is_foreign(self, request: Request) -> bool:
        """A changing request that a browser sends from somebody else's page; none sends keys."""
        if request.method in SAFE_METHODS or "authorization" in request.headers:
            return False
        if request.url.path.startswith("/api/") and not request.cookies:
            return False  # nobody's session can be abused; it ends as 401
        return not is_same_origin(
            sec_fetch_site=request.headers.get("sec-fetch-site"),
            origin=request.headers.get("origin"),
            own_origins=frozenset({self._own_origin or _origin_of(request.headers)}),
        )

    async def _refuse_foreign(self, request: Request, receive: Receive, visit: "_Visit") -> None:
        refusal = NotPermitted(
            "foreign_origin", "The request did not come from this site's own pages; reload."
        )
        await answer(request, problem_of(request, refusal))(request.scope, receive, visit.send)


class _Visit:
    """One request under way: its id, its answer's headers, its time."""

    def __init__(self, scope: Scope, send: Send, *, is_https: bool) -> None:
        self._scope = scope
        self._send = send
        self._is_https = is_https
        self._began = time.perf_counter()
        self.status = 0
        self.request_id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = self.request_id
        structlog.contextvars.clear_contextvars()
        set_request_id(self.request_id)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            for name, value in self._headers():
                headers.setdefault(name, value)
        await self._send(message)

    def _headers(self) -> Iterable[tuple[str, str]]:
        yield from SECURITY_HEADERS.items()
        yield "X-Request-ID", self.request_id
        is_static = self._scope["path"].startswith("/static/")
        yield "Cache-Control", "no-cache" if is_static else "no-store"
        if self._is_https:
            yield "Strict-Transport-Security", HSTS

    @property
    def route(self) -> str:
        return route_of(self._scope)

    def count(self, metrics: WebMetrics) -> None:
        seconds = time.perf_counter() - self._began
        method = self._scope["method"]
        metrics.requests.labels(method, self.route, self.status).inc()
        metrics.seconds.labels(self.route).observe(seconds)
        log.info(
            "answered",
            method=method,
            route=self.route,
            status=self.status,
            seconds=round(seconds, 4),
        )


def _limited(request: Request, receive: Receive) -> Receive:
    """Refuse a body that grows too large while it is read. Only uploads are PUT."""
    if request.method == "PUT":
        return receive
    n_bytes = 0

    async def receive_limited() -> Message:
        nonlocal n_bytes
        message = await receive()
        n_bytes += len(message.get("body", b""))
        if n_bytes > MOST_BYTES:
            raise HTTPException(413)  # the only exception that the framework lets pass here
        return message

    return receive_limited


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else str(uuid.uuid4())


def _origin_of(headers: Headers) -> str:
    """Without a configured address, the one the browser itself used."""
    return f"http://{headers.get('host', '')}"
