"""Correcting what a sample is known by, before its result goes out under the wrong number."""

import uuid
from collections.abc import Mapping

from sqlalchemy.orm import Session

from app.db.queries import samples as queries
from app.domain.identifiers import SiteIdentifiers
from app.security.permissions import Principal
from app.services import audit
from app.services.visibility import refuse_if_closed, visible_sample


def hold_sample(session: Session, principal: Principal, sample_id: uuid.UUID) -> None:
    """Let nobody else change the sample until the transaction is over; what was read is stale."""
    visible_sample(session, principal, sample_id)
    queries.locked_for_change(session, sample_id)
    session.expire_all()


def change_sample(
    session: Session,
    principal: Principal,
    sample_id: uuid.UUID,
    changes: Mapping[str, str | None],
    site: SiteIdentifiers,
) -> None:
    """Replace the columns named; a result that was handed in keeps what it rests on."""
    visible_sample(session, principal, sample_id)
    sample = queries.locked_for_change(session, sample_id)
    refuse_if_closed(sample)
    for name, value in changes.items():
        site.check(name, value)
    before = {name: getattr(sample, name) for name in changes}
    if before == dict(changes):
        return
    for name, value in changes.items():
        setattr(sample, name, value)
    audit.record(
        session, actor=principal.id, action="sample.changed", entity="sample",
        entity_id=str(sample_id), before=before, after=changes,
    )  # fmt: skip
