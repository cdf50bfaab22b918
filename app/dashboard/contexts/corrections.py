"""What technicians said of images and cells, and the forms by which they say it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.dashboard.contexts.wording import MomentText, counted_text, moment_text
from app.services.correction_log import CorrectedCounts, LoggedCorrection
from app.services.corrections import MOST_REASON_CHARACTERS
from app.services.images import CellView, CorrectionView

EXCLUDE_CELL: Final = (
    "Several cells, not one",
    "Cut off or covered",
    "Out of focus",
    "Debris, not a cell",
    "Another kind of cell",
    "The outline is wrong",
)
RESTORE_CELL: Final = ("A whole single cell, in focus", "The outline fits well enough")
EXCLUDE_IMAGE: Final = (
    "Out of focus",
    "Outside the well",
    "Dirt, bubbles or scratches",
    "Uneven light",
    "Wrong well or sample",
)
RESTORE_IMAGE: Final = ("Sharp and even enough to be used", "The rest of the well looks the same")


@dataclass(frozen=True)
class CorrectionForm:
    """One word about one image or cell. `kind` is what the browser remembers the reason under."""

    action: str
    api_path: str
    ident: str
    kind: str
    verdict: str
    verdict_before: str
    heading: str
    button: str
    reasons: tuple[str, ...]
    subject: str

    @property
    def longest_words(self) -> int:
        return MOST_REASON_CHARACTERS


@dataclass(frozen=True)
class WordText:
    """A correction that holds, in words."""

    change: str
    reason: str
    who: str
    when: MomentText


@dataclass(frozen=True)
class CorrectionRow:
    """Who changed what, when and why."""

    href: str
    subject: str
    change: str
    reason: str
    who: str
    when: MomentText


def cell_form(image_id: str, cell_id: str, number: int, verdict: str) -> CorrectionForm:
    """The form that turns a cell's verdict round."""
    is_in = verdict == "accepted"
    return CorrectionForm(
        action=f"/images/{image_id}/cells/{cell_id}/corrections",
        api_path=f"/cells/{cell_id}",
        ident="cell",
        kind="exclude-cell" if is_in else "restore-cell",
        verdict="rejected" if is_in else "accepted",
        verdict_before=verdict,
        heading="Exclude this cell" if is_in else "Restore this cell",
        button="Exclude (x)" if is_in else "Restore (r)",
        reasons=EXCLUDE_CELL if is_in else RESTORE_CELL,
        subject=f"Cell {number}",
    )


def image_form(image_id: str, verdict: str) -> CorrectionForm:
    """The form that turns an image's verdict round; a part that counts is excluded with it."""
    is_in = verdict != "rejected"
    return CorrectionForm(
        action=f"/images/{image_id}/corrections",
        api_path=f"/images/{image_id}",
        ident="image",
        kind="exclude-image" if is_in else "restore-image",
        verdict="rejected" if is_in else "accepted",
        verdict_before="accepted" if is_in else "rejected",
        heading="Exclude this image" if is_in else "Restore this image",
        button="Exclude the image" if is_in else "Restore the image",
        reasons=EXCLUDE_IMAGE if is_in else RESTORE_IMAGE,
        subject="The image",
    )


def word_text(verdict: str, word: CorrectionView) -> WordText:
    return WordText(
        change="Restored" if verdict != "rejected" else "Excluded",
        reason=word.reason,
        who=word.corrected_by,
        when=moment_text(word.corrected_at),
    )


def correction_rows(
    image_id: str, cells: Sequence[CellView], log: Sequence[LoggedCorrection]
) -> tuple[CorrectionRow, ...]:
    numbers = {cell.id: number for number, cell in enumerate(cells, 1)}
    return tuple(
        CorrectionRow(
            href=f"/images/{image_id}"
            + ("" if one.cell_id is None else f"?cell={one.cell_id}#cell"),
            subject="Image" if one.cell_id is None else f"Cell {numbers.get(one.cell_id, '?')}",
            change=_change(one),
            reason=one.reason,
            who=one.corrected_by,
            when=moment_text(one.corrected_at),
        )
        for one in log
    )


def _change(one: LoggedCorrection) -> str:
    if one.verdict_before == one.verdict_after:
        return "Another reason"
    return "Excluded" if one.verdict_after == "rejected" else "Restored"


def corrected_text(counts: CorrectedCounts) -> str | None:
    """Everything a technician changed in a sample, in one sentence; None if nothing."""
    parts = [
        f"{_cells_and_images(n_cells, n_images)} {done}"
        for n_cells, n_images, done in (
            (counts.cells_excluded, counts.images_excluded, "excluded"),
            (counts.cells_restored, counts.images_restored, "restored"),
        )
        if n_cells or n_images
    ]
    by = f" by {', '.join(counts.corrected_by)}" if counts.corrected_by else ""
    return f"{', '.join(parts)} by hand{by}" if parts else None


def _cells_and_images(n_cells: int, n_images: int) -> str:
    counts = ((n_cells, "cell"), (n_images, "image"))
    return " and ".join(counted_text(count, name) for count, name in counts if count)
