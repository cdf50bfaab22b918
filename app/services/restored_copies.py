"""What a database that was restored from a backup, or copied, must not do by itself."""

from typing import Final

from sqlalchemy.orm import Session

from app.db.queries import deliveries as queries
from app.security.permissions import Principal
from app.services import audit

HELD_REASON: Final = "Held: this is a restored copy. Switch it on when its messages may go out."


def hold_webhooks(session: Session, principal: Principal) -> int:
    """Switch every webhook off that is on, and say how many were; their messages wait.

    A copy holds as waiting what the original has long sent, and cannot know of it.
    """
    endpoints = queries.lock_open_endpoints(session)
    at = queries.clock(session)
    for endpoint in endpoints:
        endpoint.disabled_at, endpoint.disabled_reason = at, HELD_REASON
    session.flush()
    for endpoint in endpoints:
        audit.record(
            session, actor=principal.id, action="webhook.held", entity="webhook",
            entity_id=str(endpoint.id), before={"enabled": True}, after={"enabled": False},
        )  # fmt: skip
    return len(endpoints)
