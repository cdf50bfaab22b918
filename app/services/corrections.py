"""A technician's word on an image or a cell: it holds instead of what was found, beside it.

Nothing found is overwritten, so that taking a correction back gives the earlier score exactly.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from sqlalchemy.orm import Session

from app.db.notifications import PROGRESS_CHANNEL, notify
from app.db.queries import corrections as queries
from app.db.queries.samples import locked_for_change
from app.db.queries.verdicts import USABLE
from app.db.tables import Cell, Correction, InstrumentProfile, Sample, ScanImage
from app.domain.errors import Conflict, InvalidInput, NotFound
from app.domain.imaging.crops import has_crop
from app.domain.life_cycle import Act, SampleState
from app.domain.quality import Verdict
from app.security.permissions import Principal
from app.services import analyses, audit, images
from app.services.images import CellView, ImageView
from app.services.life_cycle import advance
from app.services.visibility import may_see, refuse_if_out_of_hand, visible_image

MOST_REASON_CHARACTERS: Final = 500
MOST_CELLS: Final = 500
"""In one call: each gets its row and its audit entry while the trail's end is locked."""


class CorrectedVerdict(StrEnum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, kw_only=True)
class _Change:
    """What became of an image, or of one cell in it."""

    image_id: uuid.UUID
    cell_id: uuid.UUID | None
    before: str
    after: str
    reason_before: str | None = None


def hold_image(session: Session, principal: Principal, image_id: uuid.UUID) -> None:
    """Let nobody else correct the image until the transaction is over; what was read is stale."""
    locked_for_change(session, visible_image(session, principal, image_id)[2].id)
    session.expire_all()


def hold_cell(session: Session, principal: Principal, cell_id: uuid.UUID) -> None:
    """The same for a cell."""
    hold_cells(session, principal, [cell_id])


def hold_cells(session: Session, principal: Principal, cell_ids: Sequence[uuid.UUID]) -> None:
    """The same for cells of one sample."""
    locked_for_change(session, _sample_of(session, principal, cell_ids).id)
    session.expire_all()


def get_cell(session: Session, principal: Principal, cell_id: uuid.UUID) -> CellView:
    sample = _sample_of(session, principal, [cell_id])
    return images.views_of_cells(session, sample.id, [cell_id])[0]


def correct_cell(
    session: Session,
    principal: Principal,
    cell_id: uuid.UUID,
    *,
    verdict: CorrectedVerdict,
    reason: str,
) -> CellView:
    """Accept or reject one cell; see `correct_cells`."""
    (view,) = correct_cells(session, principal, [cell_id], verdict=verdict, reason=reason)
    return view


def correct_cells(
    session: Session,
    principal: Principal,
    cell_ids: Sequence[uuid.UUID],
    *,
    verdict: CorrectedVerdict,
    reason: str,
) -> list[CellView]:
    """The same word on many cells of one sample, all or none; views in the order asked.

    Nothing happens where that verdict holds already, unless somebody gave another reason for it:
    then the new reason is kept after the old one.
    """
    reason = _checked(reason)
    sample = _locked(session, _sample_of(session, principal, cell_ids))
    reasons = reasons_of_cells(session, cell_ids)
    changes = []
    for cell, profile, before, default in queries.cells_with_verdicts(session, cell_ids):
        if before == verdict:
            if reasons.get(cell.id, reason) == reason:
                continue
        else:
            if verdict is CorrectedVerdict.ACCEPTED:
                _refuse_without_crop(cell, profile)
            # What would hold anyway needs no word: taking one back leaves no trace on the cell.
            cell.corrected_verdict = None if default == verdict else verdict.value
        changes.append(
            _Change(
                image_id=cell.image_id, cell_id=cell.id, before=before, after=verdict.value,
                reason_before=reasons.get(cell.id),
            )
        )  # fmt: skip
    _record(session, principal, sample, changes, reason)
    return images.views_of_cells(session, sample.id, cell_ids)


def reasons_of_cells(session: Session, cell_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Why those of the cells that were corrected by hand, and still are, were."""
    corrected = queries.corrected_among(session, cell_ids)
    words = queries.latest_of_cells(session, corrected) if corrected else {}
    return {cell_id: word.reason for cell_id, word in words.items()}


def correct_image(
    session: Session,
    principal: Principal,
    image_id: uuid.UUID,
    *,
    verdict: CorrectedVerdict,
    reason: str,
) -> ImageView:
    """Exclude an image, or use it again as it was found; a rejected one is used with its cells."""
    reason = _checked(reason)
    _, _, sample, _ = visible_image(session, principal, image_id)
    sample = _locked(session, sample)
    image = session.get_one(
        ScanImage, image_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if image.verdict == Verdict.PENDING:
        raise Conflict("image_pending", "The image is not judged yet; wait for its verdict.")
    before, is_wanted = image.corrected_verdict or image.verdict, verdict == "accepted"
    if (before in USABLE) != is_wanted:
        _refuse_without_cells(session, image)
        is_as_found = (image.verdict in USABLE) == is_wanted
        image.corrected_verdict = None if is_as_found else verdict.value
        after = image.corrected_verdict or image.verdict
        change = _Change(image_id=image.id, cell_id=None, before=before, after=after)
        _record(session, principal, sample, [change], reason)
    return images.get_image(session, principal, image_id)


def _record(
    session: Session,
    principal: Principal,
    sample: Sample,
    changes: Sequence[_Change],
    reason: str,
) -> None:
    """Keep what was said, let the score follow, and write the trail, whose end stays locked."""
    if not changes:
        return
    session.add_all(
        Correction(
            sample_id=sample.id, image_id=change.image_id, cell_id=change.cell_id,
            verdict_before=change.before, verdict_after=change.after, reason=reason,
            created_by=principal.id,
        )
        for change in changes
    )  # fmt: skip
    session.flush()
    was_submitted = sample.state == SampleState.SUBMITTED
    analyses.follow_corrections(session, sample)
    notify(session, PROGRESS_CHANNEL, str(sample.id))
    for change in changes:
        entity = "image" if change.cell_id is None else "cell"
        audit.record(
            session, actor=principal.id, action=f"{entity}.corrected", entity=entity,
            entity_id=str(change.cell_id or change.image_id), before=_said_before(change),
            after={"verdict": change.after, "reason": reason, "sample_id": str(sample.id)},
        )  # fmt: skip
    if was_submitted:
        if sample.state == SampleState.SUBMITTED:  # a sorted well's: no score follows it
            advance(session, sample, Act.SEND_BACK)
        audit.record(
            session, actor=principal.id, action="sample.taken_back", entity="sample",
            entity_id=str(sample.id), before={"state": "submitted"},
            after={"state": sample.state, "reason": reason},
        )  # fmt: skip


def _said_before(change: _Change) -> dict[str, str]:
    reason = {} if change.reason_before is None else {"reason": change.reason_before}
    return {"verdict": change.before} | reason


def _checked(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise InvalidInput("reason_missing", "Say in a few words why; it is kept with the verdict.")
    if len(reason) > MOST_REASON_CHARACTERS:
        raise InvalidInput(
            "reason_too_long",
            f"The reason has {len(reason)} characters; keep it to {MOST_REASON_CHARACTERS}.",
        )
    return reason


def _sample_of(session: Session, principal: Principal, cell_ids: Sequence[uuid.UUID]) -> Sample:
    if not 0 < len(cell_ids) <= MOST_CELLS:
        raise InvalidInput("too_many_cells", f"Name 1 to {MOST_CELLS} cells at a time.")
    found = {row[0]: row[1] for row in queries.samples_of_cells(session, cell_ids)}
    if any(cell_id not in found or not may_see(principal, found[cell_id]) for cell_id in cell_ids):
        raise NotFound("cell_unknown", "There is no such cell; check the address.")
    if len({sample.id for sample in found.values()}) > 1:
        raise InvalidInput(
            "cells_of_several_samples", "The cells belong to several samples; send them apart."
        )
    return found[cell_ids[0]]


def _locked(session: Session, sample: Sample) -> Sample:
    locked = locked_for_change(session, sample.id)
    refuse_if_out_of_hand(locked)
    return locked


def _refuse_without_crop(cell: Cell, profile: InstrumentProfile) -> None:
    row, column = np.array([cell.row], np.float32), np.array([cell.column], np.float32)
    if not has_crop(row, column, (profile.height, profile.width)).all():
        raise Conflict(
            "cell_has_no_crop",
            "The cell lies too near the image's edge to be classified, so it stays rejected.",
        )


def _refuse_without_cells(session: Session, image: ScanImage) -> None:
    if image.verdict == Verdict.REJECTED and not queries.has_cells(session, image.id):
        raise Conflict(
            "image_has_no_cells",
            "No cell was found in this image, so there is nothing to restore; take it again.",
        )
