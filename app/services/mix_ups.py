"""The same bytes in two wells, one number on two samples: a person must see what was mixed up."""

import uuid
from typing import Any, Final

from sqlalchemy.orm import Session

from app.db.queries import samples as queries
from app.db.queries.samples import SampleRow
from app.db.tables import Sample, ScanImage, Well
from app.domain.life_cycle import SampleState
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


def alarms_of_sample(session: Session, principal: Principal, row: SampleRow) -> tuple[Finding, ...]:
    return _in_two_wells(session, row.id) + shared_accession(session, principal, row)


def shared_accession(session: Session, principal: Principal, row: SampleRow) -> tuple[Finding, ...]:
    """One finding where other samples that `principal` may see have the same accession number.

    Nothing forbids it, since a label is also used again on purpose (another tube, another day), but
    whoever files results by that number would take one sample's for the other's.
    """
    if not row.accession_number or row.state == SampleState.WITHDRAWN:
        return ()
    n_others = queries.count_others_with_accession(session, row, owner=principal.owner)
    if n_others == 0:
        return ()
    others = "Another sample has" if n_others == 1 else f"{n_others} other samples have"
    return (
        Finding(
            "accession_shared",
            Level.WARNING,
            float(n_others),
            0.0,
            f"{others} the accession number {row.accession_number}, by which results are filed, so "
            "one may be taken for another; find them by it, and correct a wrong one before its "
            "result is handed in.",
        ),
    )


def _in_two_wells(session: Session, sample_id: uuid.UUID) -> tuple[Finding, ...]:
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
