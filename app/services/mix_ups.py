"""The same bytes sent to two wells: one of the two was mixed up, and a person must see it."""

import uuid
from typing import Any, Final

from sqlalchemy.orm import Session

from app.db.tables import Sample, ScanImage, Well
from app.domain.quality import Finding, Level
from app.security.permissions import Principal
from app.services import audit

ACTION: Final = "sample.possible_mix_up"
MOST_TOLD: Final = 1000


def raise_alarm(
    session: Session, principal: Principal, *, image: ScanImage, sample: Sample, sent_to: Well
) -> None:
    """Record a refused upload on the image, and once on each of the two samples."""
    facts = {
        "lies_in": str(image.well_id),
        "sent_to": str(sent_to.id),
        "sha256": image.sha256,
    }
    audit.record(
        session, actor=principal.id, action="image.duplicate_refused", entity="image",
        entity_id=str(image.id), after=facts,
    )  # fmt: skip
    for sample_id in dict.fromkeys((sample.id, sent_to.sample_id)):
        if facts not in _facts(session, sample_id):
            audit.record(
                session, actor=principal.id, action=ACTION, entity="sample",
                entity_id=str(sample_id), after=facts,
            )  # fmt: skip


def alarms_of_sample(session: Session, sample_id: uuid.UUID) -> tuple[Finding, ...]:
    """One finding for all the images of a sample that were also sent to another well."""
    n_images = len({facts["sha256"] for facts in _facts(session, sample_id) if facts})
    if n_images == 0:
        return ()
    images = "An image" if n_images == 1 else f"{n_images} images"
    return (
        Finding(
            "possible_mix_up",
            Level.WARNING,
            float(n_images),
            0.0,
            f"{images} of this sample came for two wells, so wells may have been mixed up; compare "
            "the folders with the plate before the result is signed.",
        ),
    )


def _facts(session: Session, sample_id: uuid.UUID) -> list[dict[str, Any] | None]:
    entries = audit.list_entries(
        session, entity="sample", entity_id=str(sample_id), action=ACTION, limit=MOST_TOLD
    )
    return [entry.after for entry in entries.items]
