"""The audit trail: what was changed, by whom, and whether the record is whole."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.v1.schemas.audit import AuditEntryOut, ChainCheckOut
from app.security.permissions import Permission
from app.services import audit
from app.web.dependencies import SessionDep, require
from app.web.paging import CursorParam, LimitParam, Page

router = APIRouter(tags=["audit"])

Filter = Annotated[str | None, Query(max_length=100)]


@router.get("/audit", dependencies=[require(Permission.READ_AUDIT)])
def list_audit(
    *,
    session: SessionDep,
    entity: Filter = None,
    entity_id: Filter = None,
    actor: Filter = None,
    action: Filter = None,
    cursor: CursorParam = None,
    limit: LimitParam = 50,
) -> Page[AuditEntryOut]:
    """List entries, newest first."""
    listing = audit.list_entries(
        session,
        entity=entity,
        entity_id=entity_id,
        actor=actor,
        action=action,
        cursor=cursor,
        limit=limit,
    )
    items = [AuditEntryOut.model_validate(entry) for entry in listing.items]
    return Page(items=items, next_cursor=listing.next_cursor)


@router.get("/audit/verify", dependencies=[require(Permission.READ_AUDIT)])
def verify_audit(session: SessionDep) -> ChainCheckOut:
    """Walk the whole chain and say where it breaks, if it does."""
    return ChainCheckOut.model_validate(audit.verify(session))
