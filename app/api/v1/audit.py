"""The audit trail: what was changed, by whom, and whether the record is whole."""

from typing import Any, Final

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from app.api.v1.schemas.audit import AuditEntryOut, ChainCheckOut
from app.db.session import transaction
from app.security.permissions import Permission
from app.services import audit
from app.web.audit_tables import CSV, FilterDep, audit_table
from app.web.dependencies import SessionDep, SessionsDep, require
from app.web.errors import refusals
from app.web.negotiation import ANYTHING, AcceptParam, choose
from app.web.paging import CursorParam, LimitParam, Page

router = APIRouter(tags=["audit"])
JSON: Final = "application/json"
TABLE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {CSV: {"schema": {"type": "string"}}}, "description": "The entries."}
}


@router.get(
    "/audit",
    response_model=Page[AuditEntryOut],
    responses=TABLE | refusals(406),
    dependencies=[require(Permission.READ_AUDIT)],
)
def list_audit(
    *,
    sessions: SessionsDep,
    wanted: FilterDep,
    accept: AcceptParam = ANYTHING,
    cursor: CursorParam = None,
    limit: LimitParam = 50,
) -> Page[AuditEntryOut] | StreamingResponse:
    """List entries, newest first; `Accept: text/csv` gives all of them in one table."""
    if choose(accept, (JSON, CSV)) == CSV:
        return audit_table(sessions, wanted)
    with transaction(sessions) as session:
        listing = wanted.list(session, cursor=cursor, limit=limit)
    items = [AuditEntryOut.model_validate(entry) for entry in listing.items]
    return Page(items=items, next_cursor=listing.next_cursor)


@router.get("/audit/verify", dependencies=[require(Permission.READ_AUDIT)])
def verify_audit(session: SessionDep) -> ChainCheckOut:
    """Walk the whole chain and say where it breaks, if it does."""
    return ChainCheckOut.model_validate(audit.verify(session))
