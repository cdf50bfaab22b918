"""The audit trail for people: search, check the chain, take a table away."""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from app.dashboard.contexts.audit import audit_page
from app.dashboard.frames import shell_for
from app.dashboard.rendering import render
from app.domain.errors import InvalidInput
from app.security.permissions import Permission
from app.services import audit, people
from app.web.audit_tables import AuditFilter, audit_table
from app.web.dates import date_of
from app.web.dependencies import PrincipalDep, SessionDep, SessionsDep, require

router = APIRouter()
PAGE: Final = 50
FIELDS: Final = ("actor", "entity", "entity_id", "action", "from", "to")


def given(request: Request) -> dict[str, str]:
    """What the form asks for, without its empty fields."""
    found = {name: request.query_params.get(name, "").strip() for name in FIELDS}
    return {name: text for name, text in found.items() if text}


@router.get("/audit", dependencies=[require(Permission.READ_AUDIT)])
def get_audit(
    request: Request,
    session: SessionDep,
    principal: PrincipalDep,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    check: str = "",
) -> Response:
    wanted = given(request)
    listing = filter_of(wanted).list(session, cursor=cursor, limit=PAGE)
    page = audit_page(
        listing,
        people.names(session, {entry.actor for entry in listing.items}),
        actors=people.everybody(session),
        kinds=audit.kinds(session),
        wanted=wanted,
        check=audit.verify(session) if check else None,
    )
    return render("audit.html", shell_for(principal, "Audit", "audit"), page)


@router.get("/audit/entries.csv", dependencies=[require(Permission.READ_AUDIT)])
def get_audit_table(request: Request, sessions: SessionsDep) -> Response:
    return audit_table(sessions, filter_of(given(request)))


def filter_of(wanted: Mapping[str, str]) -> AuditFilter:
    return AuditFilter(
        actor=wanted.get("actor"),
        entity=wanted.get("entity"),
        entity_id=wanted.get("entity_id"),
        action=wanted.get("action"),
        first_on=_day(wanted.get("from")),
        last_on=_day(wanted.get("to")),
    )


def _day(text: str | None) -> dt.date | None:
    try:
        return date_of(text) if text else None
    except ValueError as error:
        raise InvalidInput("audit_day", "Write the day like 2026-11-23.") from error
