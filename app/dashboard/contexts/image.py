"""One image: what was found in it, its picture with the outlines, its cells, its corrections."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.dashboard.contexts.cells import CellList, CellPanel, CellQuery, cell_list, cell_panel
from app.dashboard.contexts.corrections import (
    EXCLUDE_CELL,
    RESTORE_CELL,
    CorrectionForm,
    CorrectionRow,
    image_form,
    word_text,
)
from app.dashboard.contexts.findings import MeasuredFinding, measured_findings
from app.dashboard.contexts.sample import Fact
from app.dashboard.contexts.wording import (
    VERDICTS,
    Chip,
    MomentText,
    count_text,
    counted_text,
    interval_text,
    moment_text,
    percent_text,
    score_text,
)
from app.domain.errors import Conflict
from app.services.analyses import AnalysisView
from app.services.image_places import ImagePlace, PlacedCell
from app.services.images import CellView, ImageView
from app.services.model_versions import ModelVersionView
from app.services.samples import SampleView
from app.services.scores import ScoreView

PICTURE_PX: Final = 1212
BY_HAND: Final = {
    "accepted": Chip("Restored by hand", "good"),
    "rejected": Chip("Excluded by hand", "bad"),
}


@dataclass(frozen=True)
class ScoreStrip:
    """The sample's score while its images are corrected; `analysis_id` while one is under way."""

    value: str | None
    exact: str | None
    interval: str | None
    reason: str | None
    analysis_id: str | None


@dataclass(frozen=True)
class Neighbour:
    href: str
    picture: str


@dataclass(frozen=True)
class ImageJudgement:
    """The verdict that counts, in one sentence, and what it rests on."""

    chip: Chip
    sentence: str
    findings: tuple[MeasuredFinding, ...]
    measures: tuple[Fact, ...]
    form: CorrectionForm | None


@dataclass(frozen=True)
class ImagePage:
    id: str
    href: str
    filename: str
    is_pending: bool
    well_name: str
    well_href: str
    sample_href: str
    donor_code: str
    judgement: ImageJudgement
    score: ScoreStrip
    picture: str
    full_picture: str
    overlay: str
    outlines: str
    width_px: int
    height_px: int
    has_mask: bool
    place: str
    previous: Neighbour | None
    next: Neighbour | None
    summary: str
    cells: CellList
    cell: CellPanel | None
    corrections: tuple[CorrectionRow, ...]
    may_correct: bool
    exclude_reason: str
    restore_reason: str
    show: str
    stored: MomentText
    sha256: str
    size: str
    model_name: str | None
    is_demonstration_model: bool
    is_demonstration: bool


def image_page(
    *,
    sample: SampleView,
    image: ImageView,
    place: ImagePlace,
    cells: Sequence[CellView],
    query: CellQuery,
    score: ScoreView | Conflict,
    analysis: AnalysisView | None,
    version: ModelVersionView | None,
    corrections: Sequence[CorrectionRow],
    may_correct: bool,
) -> ImagePage:
    is_classified = any(cell.p_deformable is not None for cell in cells)
    return ImagePage(
        id=str(image.id),
        href=f"/images/{image.id}",
        filename=image.filename,
        is_pending=image.verdict == "pending",
        well_name=image.well_name,
        well_href=f"/wells/{image.well_id}",
        sample_href=f"/samples/{sample.id}",
        donor_code=sample.donor_code,
        judgement=_judgement(image, cells, may_correct=may_correct),
        score=score_strip(score, analysis),
        picture=picture_href(image.id, PICTURE_PX),
        full_picture=picture_href(image.id, image.width),
        overlay=f"/api/v1/images/{image.id}/overlay?width={PICTURE_PX}",
        outlines=f"/images/{image.id}/outlines",
        width_px=image.width,
        height_px=image.height,
        has_mask=image.usable_mask is not None,
        place=f"{place.number} of {place.count}",
        previous=_neighbour(place.previous_id),
        next=_neighbour(place.next_id),
        summary=_summary(cells),
        cells=cell_list(image, cells, query),
        cell=_chosen(image, cells, query.cell, may_correct=may_correct),
        corrections=tuple(corrections),
        may_correct=may_correct,
        exclude_reason=EXCLUDE_CELL[0],
        restore_reason=RESTORE_CELL[0],
        show=query.show,
        stored=moment_text(image.created_at),
        sha256=image.sha256,
        size=f"{image.width} × {image.height} px, {image.um_per_px:g} µm/px",
        model_name=version.name if version and is_classified else None,
        is_demonstration_model=version is not None and version.demonstration,
        is_demonstration=sample.is_demonstration,
    )


def picture_href(image_id: uuid.UUID, width_px: int) -> str:
    return f"/api/v1/images/{image_id}/pixels?width={width_px}"


def _neighbour(image_id: uuid.UUID | None) -> Neighbour | None:
    if image_id is None:
        return None
    return Neighbour(f"/images/{image_id}", picture_href(image_id, PICTURE_PX))


def _chosen(
    image: ImageView, cells: Sequence[CellView], cell_id: str | None, *, may_correct: bool
) -> CellPanel | None:
    """What is shown of one cell; None if there is no such cell in the image."""
    for number, cell in enumerate(cells, 1):
        if str(cell.id) == cell_id:
            placed = PlacedCell(number, len(cells), cell)
            return cell_panel(image, placed, may_correct=may_correct)
    return None


def image_chip(image: ImageView) -> Chip:
    """The verdict that counts: a technician's, else the one found."""
    return BY_HAND[image.verdict] if image.correction else VERDICTS[image.verdict]


def _judgement(image: ImageView, cells: Sequence[CellView], *, may_correct: bool) -> ImageJudgement:
    # Nothing can be restored where nothing was outlined.
    has_say = image.verdict not in ("pending", "rejected") or bool(cells)
    return ImageJudgement(
        chip=image_chip(image),
        sentence=_sentence(image, cells),
        findings=measured_findings(image.findings),
        measures=tuple(_measures(image)),
        form=image_form(str(image.id), image.verdict) if may_correct and has_say else None,
    )


def _sentence(image: ImageView, cells: Sequence[CellView]) -> str:
    if image.verdict == "pending":
        return "This image is still being judged."
    counted = _counted(image, cells)
    if image.correction:
        word = word_text(image.verdict, image.correction)
        reason = word.reason.rstrip(".")
        return f"{word.change} by {word.who}: {reason}. {_found(image)} {counted}"
    if image.verdict == "rejected":
        return f"Not used. {counted}"
    share = "" if image.usable_share is None else f" ({percent_text(image.usable_share)} of it)"
    return f"Used in part{share}. {counted}" if image.verdict == "partly" else f"Used. {counted}"


def _counted(image: ImageView, cells: Sequence[CellView]) -> str:
    if not cells:
        return "No cells were outlined."
    n_counted = sum(cell.verdict == "accepted" for cell in cells)
    if image.verdict == "rejected" or not n_counted:
        return "None of its cells counts in the score."
    of = counted_text(len(cells), "outlined cell")
    return f"{count_text(n_counted)} of {of} count in the score."


def _found(image: ImageView) -> str:
    words = {"accepted": "good", "partly": "good in part", "rejected": "unusable"}
    return f"The program had found it {words[image.found_verdict]}."


def _measures(image: ImageView) -> list[Fact]:
    """Figures of the whole image, whatever its verdict."""
    known = {
        "Used": None if image.usable_share is None else percent_text(image.usable_share),
        "Mean grey": None if image.mean_grey is None else f"{image.mean_grey:.0f} of 255",
        "Spread of grey": None if image.sd_grey is None else f"{image.sd_grey:.1f} levels",
    }
    return [Fact(name, value) for name, value in known.items() if value is not None]


def _summary(cells: Sequence[CellView]) -> str:
    """How many count, and the share called deformable among them."""
    called = [cell.p_deformable for cell in cells if cell.verdict == "accepted"]
    known = [p for p in called if p is not None]
    counted = (
        f"{count_text(len(called))} accepted, {count_text(len(cells) - len(called))} rejected."
    )
    if not known:
        return counted
    share = percent_text(sum(p >= 0.5 for p in known) / len(known))
    return f"{counted} {share} of the accepted ones are called deformable."


def score_strip(score: ScoreView | Conflict, analysis: AnalysisView | None) -> ScoreStrip:
    is_open = analysis is not None and analysis.state in ("queued", "running")
    analysis_id = str(analysis.id) if analysis and is_open else None
    if isinstance(score, Conflict):
        return ScoreStrip(None, None, None, score.message, analysis_id)
    return ScoreStrip(
        value=score_text(score.rigidity_score),
        exact=f"{score.rigidity_score:.4f}",
        interval=interval_text(score.rigidity_interval),
        reason=None,
        analysis_id=analysis_id,
    )
