"""Refusals on the wire: one shape (RFC 9457) for programs, a page for people."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Scope

from app.domain.errors import (
    Conflict,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    OutOfSpace,
    PliantError,
    ProcessingFailed,
    TooLarge,
    TooMany,
    Unavailable,
    UnsupportedMedia,
)

log = structlog.get_logger()


class BadRequest(InvalidInput): ...


class NotAcceptable(InvalidInput): ...


class LengthRequired(InvalidInput): ...


class RequestTimeout(InvalidInput): ...


class PreconditionFailed(InvalidInput): ...


STATUS: Final[Mapping[type[PliantError], HTTPStatus]] = {
    BadRequest: HTTPStatus.BAD_REQUEST,
    NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    LengthRequired: HTTPStatus.LENGTH_REQUIRED,
    RequestTimeout: HTTPStatus.REQUEST_TIMEOUT,
    PreconditionFailed: HTTPStatus.PRECONDITION_FAILED,
    UnsupportedMedia: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotAuthenticated: HTTPStatus.UNAUTHORIZED,
    NotPermitted: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    OutOfSpace: HTTPStatus.INSUFFICIENT_STORAGE,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    ProcessingFailed: HTTPStatus.INTERNAL_SERVER_ERROR,
}

_RETRY_AFTER: Final = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
}
NO_OBJECT: Final = frozenset({"missing", "model_attributes_type", "dict_type"})
NO_JSON: Final = (
    "it is not the JSON object that is wanted, or came without Content-Type: application/json"
)
_HTTP_CODES: Final = {
    404: ("no_such_route", "There is nothing at this address; check it."),
    413: ("body_too_large", "The request holds more than anything here needs; shorten it."),
    405: ("method_not_allowed", "This address does not answer that method; see Allow."),
}


@dataclass(frozen=True)
class Problem:
    """A refusal as it is told, whatever the door."""

    status: int
    code: str
    detail: str
    request_id: str
    extra: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def title(self) -> str:
        return HTTPStatus(self.status).phrase

    def to_json(self) -> dict[str, Any]:
        return {
            **self.extra,
            "type": f"urn:pliant:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": self.request_id,
        }


class ProblemDocument(BaseModel):
    """RFC 9457; `code` is stable, `detail` is for people, some codes bring further members."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str


ErrorPage = Callable[[Request, Problem], str]
"""Set by the composition root: pages belong to the dashboard, a layer above."""


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may refuse with these statuses."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        | ({"headers": _RETRY_AFTER} if status == HTTPStatus.TOO_MANY_REQUESTS else {})
        for status in statuses
    }


def add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(PliantError, _answer_refusal)
    app.add_exception_handler(RequestValidationError, _answer_invalid_request)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(DataError, _answer_unstorable)
    app.add_exception_handler(OperationalError, _answer_without_database)
    app.add_exception_handler(PoolTimeout, _answer_without_database)


def status_of(error: PliantError) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def answer(request: Request, problem: Problem) -> Response:
    """Problem JSON under /api and for probes; else a page, or the way to the sign-in."""
    request.app.state.metrics.refusals.labels(problem.code).inc()
    if _wants_json(request):
        return JSONResponse(
            jsonable_encoder(problem.to_json()),
            status_code=problem.status,
            headers=dict(problem.headers),
            media_type="application/problem+json",
        )
    if problem.status == HTTPStatus.UNAUTHORIZED and not request.url.path.startswith("/sign-in"):
        return RedirectResponse(f"/sign-in?next={quote(_page_of(request))}", status_code=303)
    page: ErrorPage = request.app.state.error_page
    return HTMLResponse(
        page(request, problem), status_code=problem.status, headers=dict(problem.headers)
    )


def internal_error(request: Request) -> Response:
    """The answer to our own mistakes: nothing of the cause but the id that finds it in the log."""
    return answer(
        request,
        Problem(
            status=500,
            code="internal_error",
            detail="Something failed here; give the request id to whoever runs this installation.",
            request_id=request.state.request_id,
            extra={},
            headers={},
        ),
    )


def problem_of(request: Request, error: PliantError) -> Problem:
    status = status_of(error)
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    if "retry_after_seconds" in error.extra:
        headers["Retry-After"] = str(error.extra["retry_after_seconds"])
    if status in (411, 413, 507):
        headers["Connection"] = "close"  # what the client still sends is not read
    return Problem(
        status=status,
        code=error.code,
        detail=error.message,
        request_id=request.state.request_id,
        extra=error.extra,
        headers=headers,
    )


def _answer_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, PliantError)
    log.info("refused", code=error.code, route=route_of(request.scope))
    return answer(request, problem_of(request, error))


def _answer_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [_told(one) for one in error.errors()]
    first = errors[0]
    place = ".".join(str(part) for part in first["where"][1:]) or first["where"][0]
    if first["where"][0] == "path" and not _wants_json(request):
        # A person followed a wrong address; what is wrong with an id in it helps nobody.
        return answer(request, problem_of(request, NotFound(*_HTTP_CODES[HTTPStatus.NOT_FOUND])))
    problem = InvalidInput(
        "invalid_request", f"{place}: {first['message']}; correct it.", errors=errors
    )
    return answer(request, problem_of(request, problem))


def _told(error: Mapping[str, Any]) -> dict[str, Any]:
    """One mistake; of a body that could not be read at all, what is most often wrong with it."""
    where, kind = list(error["loc"]), error["type"]
    if where[0] == "body" and (kind == "json_invalid" or (len(where) == 1 and kind in NO_OBJECT)):
        return {"where": ["body"], "message": NO_JSON, "kind": kind}
    return {"where": where, "message": error["msg"], "kind": kind}


def _answer_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, detail = _HTTP_CODES.get(error.status_code, ("bad_request", str(error.detail)))
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_methods_of_path(request)))
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        headers["Connection"] = "close"
    problem = Problem(
        status=error.status_code,
        code=code,
        detail=detail,
        request_id=request.state.request_id,
        extra={},
        headers=headers,
    )
    return answer(request, problem)


def _answer_unstorable(request: Request, error: Exception) -> Response:
    """What passed every check and still fits no column, such as a NUL or the year 0."""
    log.info("refused by the database", error=str(error.__cause__))
    refusal = InvalidInput(
        "value_unstorable", "A value cannot be stored, such as a control character; correct it."
    )
    return answer(request, problem_of(request, refusal))


def _answer_without_database(request: Request, error: Exception) -> Response:
    log.error("the database failed", error=str(error.__cause__ or error))
    refusal = Unavailable(
        "database_unavailable", "The database cannot be reached now; try again in a moment."
    )
    return answer(request, problem_of(request, refusal))


def _methods_of_path(request: Request) -> set[str]:
    """Every method the address answers; the framework names those of one route only."""
    return {
        method
        for context in iter_route_contexts(request.app.routes)
        if context.methods and context.path_regex.match(request.url.path)
        for method in context.methods
    }


def _wants_json(request: Request) -> bool:
    path = request.url.path
    return path.startswith("/api/") or path in ("/livez", "/readyz", "/metrics")


def _path_of(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _page_of(request: Request) -> str:
    """Where a person goes on after signing in: a form's address is no page, the one above it is."""
    if request.method == "GET":
        return _path_of(request)
    path = request.url.path
    while path and not _is_page(request, path):
        path = path.rpartition("/")[0]
    return path or "/"


def _is_page(request: Request, path: str) -> bool:
    return any(
        "GET" in (context.methods or ()) and context.path_regex.match(path)
        for context in iter_route_contexts(request.app.routes)
    )


def route_of(scope: Scope) -> str:
    """The pattern of the address, without anybody's ids: for logs and metrics."""
    if "route" not in scope:
        return "none"
    names = {str(value): f"{{{name}}}" for name, value in scope.get("path_params", {}).items()}
    return "/".join(names.get(part, part) for part in scope["path"].split("/"))
