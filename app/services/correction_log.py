"""Who corrected what, when and why, for people: the words on one image, the counts of a sample."""

import datetime as dt
import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.db.queries import correction_log as queries
from app.db.queries.accounts import names_of
from app.security.permissions import Principal
from app.services.visibility import visible_image, visible_sample


@dataclass(frozen=True)
class LoggedCorrection:
    """One word; `cell_id` None where it was said of the whole image."""

    cell_id: uuid.UUID | None
    verdict_before: str
    verdict_after: str
    reason: str
    corrected_by: str
    corrected_at: dt.datetime


@dataclass(frozen=True)
class CorrectedCounts:
    """Cells and images of a sample's newest scans that are as a technician said."""

    cells_excluded: int
    cells_restored: int
    images_excluded: int
    images_restored: int
    corrected_by: tuple[str, ...] = ()


def corrections_of_image(
    session: Session, principal: Principal, image_id: uuid.UUID
) -> list[LoggedCorrection]:
    """Every word ever said of the image and its cells, newest first."""
    visible_image(session, principal, image_id)
    rows = queries.corrections_of_image(session, image_id)
    names = names_of(session, {row.created_by for row in rows}) if rows else {}
    return [
        LoggedCorrection(
            cell_id=row.cell_id,
            verdict_before=row.verdict_before,
            verdict_after=row.verdict_after,
            reason=row.reason,
            corrected_by=names.get(row.created_by, row.created_by),
            corrected_at=row.created_at,
        )
        for row in rows
    ]


def count_corrected(
    session: Session, principal: Principal, sample_id: uuid.UUID
) -> CorrectedCounts:
    visible_sample(session, principal, sample_id)
    cells = queries.corrected_cells(session, sample_id)
    images = queries.corrected_images(session, sample_id)
    people = queries.correctors(session, sample_id) if cells or images else ()
    names = names_of(session, set(people)) if people else {}
    return CorrectedCounts(
        cells_excluded=cells.get("rejected", 0),
        cells_restored=cells.get("accepted", 0),
        images_excluded=images.get("rejected", 0),
        images_restored=images.get("accepted", 0),
        corrected_by=tuple(sorted(names.get(one, one) for one in people)),
    )


def images_with_corrected_cells(
    session: Session, principal: Principal, sample_id: uuid.UUID
) -> dict[uuid.UUID, int]:
    """Images with cells corrected one by one, and how many in each."""
    visible_sample(session, principal, sample_id)
    return queries.images_with_corrected_cells(session, sample_id)
