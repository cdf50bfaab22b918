"""From what the services tell of a sample to what its page shows."""

from collections.abc import Callable, Sequence
from typing import Final

from app.charts import Estimate, cumulated, cumulative_curves, score_scale, well_strip
from app.dashboard.contexts.corrections import corrected_text
from app.dashboard.contexts.references import (
    mean_of_references,
    mean_shares,
    reference_form,
    reference_row,
    reference_summary,
)
from app.dashboard.contexts.sample import (
    CurvesPart,
    Fact,
    OutletRow,
    ProgressPart,
    RefusedImage,
    SamplePage,
    ScorePart,
    TwoWidths,
    UnaskedPart,
    UnavailablePart,
    UploadPage,
    UploadPart,
    WellRow,
)
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.unit_history import history_part
from app.dashboard.contexts.wording import (
    CONTAINERS,
    SAMPLE_STATES,
    TONES,
    FindingText,
    FormValues,
    chart_markup,
    count_text,
    counted_text,
    din_text,
    interval_text,
    moment_text,
    percent_text,
    score_text,
)
from app.domain.errors import Conflict
from app.domain.outlets import CONSTRICTION_UM
from app.domain.quality import Finding
from app.services.analyses import AnalysisView
from app.services.correction_log import CorrectedCounts
from app.services.images import ImageView
from app.services.retakes import advise_retakes
from app.services.samples import SampleView, WellView
from app.services.scores import ScoreView
from app.services.unit_history import UnitLine
from app.services.visibility import CLOSED_STATES

NARROW_PX: Final = 340
"""Width of a chart on a phone, so that its text keeps its size."""
POPULATIONS: Final = {
    "inside": "The donor lies among the donors the model was trained on",
    "edge": "The donor lies at the edge of the donors the model was trained on",
    "outside": "Unseen donor: unlike those the model was trained on",
    "uncalibrated": "How near this donor lies to the training donors cannot be judged",
}


def sample_page(
    sample: SampleView,
    *,
    score: ScoreView | Conflict,
    analysis: AnalysisView | None,
    images: Sequence[ImageView],
    corrected: CorrectedCounts,
    may_edit: bool,
    may_read_models: bool,
    max_file_bytes: int,
    form: FormValues,
    form_notice: Notice | None,
    history: UnitLine | None = None,
) -> SamplePage:
    found = score if isinstance(score, ScoreView) else None
    progress = _progress(analysis)
    # Before the first well there is nothing to explain: the page asks for the images instead.
    is_told = progress is None and bool(sample.wells)
    return SamplePage(
        id=str(sample.id),
        href=f"/samples/{sample.id}",
        donor_code=sample.donor_code,
        din=din_text(sample.din, is_checked=sample.din_is_checked),
        state=SAMPLE_STATES[sample.state],
        facts=tuple(_facts(sample)),
        notes=sample.notes,
        is_demonstration=sample.is_demonstration,
        may_edit=may_edit,
        progress=progress,
        failure=analysis.failure["message"] if analysis and analysis.failure else None,
        score=_score(found, may_read_models=may_read_models) if found else None,
        unavailable=_unavailable(score) if isinstance(score, Conflict) and is_told else None,
        scale=_scale(found, mean_of_references(sample.references)),
        reference=reference_summary(sample.references, found.comparison if found else None),
        curves=_curves(found, mean_shares(sample.references)),
        wells=tuple(_well(well, found, images) for well in sample.wells),
        n_pending=sum(well.images.pending for well in sample.wells),
        findings=tuple(_findings(sample.alarms + (found.findings if found else ()))),
        refused=tuple(_refused(images)),
        corrected=corrected_text(corrected),
        advice=tuple(one.message for one in advise_retakes(images)),
        references=tuple(reference_row(one) for one in sample.references),
        reference_form=reference_form(form, form_notice),
        upload=_upload(sample, max_file_bytes),
        history=history_part(history),
        unasked=_unasked(sample) if sample.wells and analysis is None else None,
    )


def upload_page(sample: SampleView, *, max_file_bytes: int) -> UploadPage:
    is_closed = sample.state in CLOSED_STATES
    return UploadPage(sample.donor_code, _upload(sample, max_file_bytes), is_closed)


def _upload(sample: SampleView, max_file_bytes: int) -> UploadPart:
    limits = f"BMP, PNG or TIFF, each up to {max_file_bytes // 1_000_000} MB."
    return UploadPart(str(sample.id), f"/samples/{sample.id}", max_file_bytes, limits)


def _facts(sample: SampleView) -> list[Fact]:
    """What is known of the sample; unknown facts are left out."""
    day = None if sample.storage_day is None else str(sample.storage_day)
    if day and not sample.storage_day_is_derived:
        day += " (entered)"
    local = sorted(sample.local_identifiers.items())
    known = {
        "Accession": sample.accession_number,
        "Order": sample.placer_order_number,
        "Order here": sample.filler_order_number,
        **{scheme.replace("_", " ").capitalize(): number for scheme, number in local},
        "Container": CONTAINERS[sample.container],
        "Additive": sample.additive,
        "Storage day": day,
        "Sampled": moment_text(sample.sampled_at).text if sample.sampled_at else None,
    }
    return [Fact(name, value) for name, value in known.items() if value]


def _progress(analysis: AnalysisView | None) -> ProgressPart | None:
    if analysis is None or analysis.state not in ("queued", "running"):
        return None
    return ProgressPart(str(analysis.id), analysis.images_done, analysis.images_total)


def _score(score: ScoreView, *, may_read_models: bool) -> ScorePart:
    version = score.model_version
    images, wells = counted_text(score.n_images, "image"), counted_text(score.n_wells, "well")
    low, high = score.deformability_interval
    return ScorePart(
        rigidity=score_text(score.rigidity_score),
        interval=interval_text(score.rigidity_interval),
        crossing=f"Half the cells pass a constriction of {score.crossing_um:.2f} µm",
        deformability=f"{score.deformability_score:.0f} %",
        deformability_interval=f"{low:.0f} to {high:.0f} %",
        counted=percent_text(score.fraction_deformable.counted),
        published=score_text(score.published_rigidity_score),
        replicates=_replicates(score),
        basis=f"{counted_text(score.n_cells, 'cell')}, {images}, {wells}",
        population=_population(score),
        look_corrected=_look_corrected(score),
        computed=moment_text(score.computed_at),
        model_name=version.name,
        model_href=f"/model-versions/{version.id}" if may_read_models else None,
        is_demonstration_model=version.demonstration,
        method=score.method,
        wells=_well_chart(score),
    )


def _replicates(score: ScoreView) -> str | None:
    if score.replicate_difference is None:
        return None
    text = f"Replicate wells differ by {score_text(abs(score.replicate_difference))}"
    if score.replicates is None or score.replicates.expected is None:
        return text
    return f"{text}, usually by less than {score_text(score.replicates.expected)}"


def _population(score: ScoreView) -> str:
    text, basis = POPULATIONS[score.population], score.population_basis
    if basis is None or basis.distance is None:
        return text
    usual = "" if basis.edge_from is None else f", usual below {basis.edge_from:.1f}"
    return f"{text}: distance {basis.distance:.1f}{usual}; nearest {basis.nearest_donors[0]}"


def _look_corrected(score: ScoreView) -> str | None:
    corrected = score.look_corrected
    if corrected is None:
        return None
    interval = interval_text(corrected.rigidity_interval)
    return f"{score_text(corrected.rigidity_score)}, 95 % interval {interval}"


def _well_chart(score: ScoreView) -> TwoWidths | None:
    scores = {well.name: well.rigidity_score for well in score.wells}
    if len(scores) < 2:
        return None
    donor = _estimate(score)
    return _two_widths(
        "wells", 640, lambda ident, px: well_strip(scores, donor, ident=ident, width=px)
    )


def _estimate(score: ScoreView) -> Estimate:
    return Estimate(score.rigidity_score, *score.rigidity_interval)


def _two_widths(name: str, wide_px: int, draw: Callable[[str, int], str]) -> TwoWidths:
    return TwoWidths(
        chart_markup(draw(f"{name}-wide", wide_px)), chart_markup(draw(f"{name}-narrow", NARROW_PX))
    )


def _scale(score: ScoreView | None, reference: Estimate | None) -> TwoWidths | None:
    if score is None:
        return None
    image = _estimate(score)
    return _two_widths(
        "scale", 640, lambda ident, px: score_scale(image, reference, ident=ident, width=px)
    )


def _unavailable(refusal: Conflict) -> UnavailablePart | None:
    """Why there is no number; nothing at all while no analysis was asked for."""
    reasons = refusal.extra.get("reasons", [])
    if [reason["code"] for reason in reasons] == ["not_analysed"]:
        return None
    n_cells = refusal.extra.get("n_cells")
    counted = refusal.extra.get("fraction_deformable", {}).get("counted")
    messages = [str(reason["message"]) for reason in reasons]
    heading = f"Not a donor score: {messages[0].rstrip('.')}" if messages else refusal.message
    return UnavailablePart(
        heading=heading[:1].upper() + heading[1:],
        reasons=tuple(message[:1].upper() + message[1:] for message in messages[1:]),
        cells=None if n_cells is None else count_text(n_cells),
        share=None if counted is None else percent_text(counted),
    )


def _unasked(sample: SampleView) -> UnaskedPart | None:
    """None for a sample of sorted cells alone, which teaches models and has no score."""
    n_images = sum(well.images.total for well in sample.wells)
    if not n_images:
        return UnaskedPart(
            "No images yet.",
            "Add the folder with the wells' images; the score follows by itself.",
            may_score=False,
        )
    if all(well.outlet is not None for well in sample.wells):
        return None
    return UnaskedPart(
        f"{counted_text(n_images, 'image')}, and no score was asked for.",
        "If the upload was cut off, add the same folder again: only what is missing is sent. "
        "If all images are here, score them.",
        may_score=True,
    )


def _curves(score: ScoreView | None, reference: dict[int, float] | None) -> CurvesPart | None:
    image = {int(k): share for k, share in score.outlet_fractions.items()} if score else None
    given = [shares for shares in (image, reference) if shares]
    if not given:
        return None
    last = max([5, *(outlet for shares in given for outlet, share in shares.items() if share > 0)])
    columns = [_percents(image, last), _percents(reference, last)]
    return CurvesPart(
        chart=_two_widths(
            "curves",
            560,
            lambda ident, px: cumulative_curves(image, reference, ident=ident, width=px),
        ),
        rows=tuple(
            OutletRow(outlet, f"{CONSTRICTION_UM[outlet]:.2f} µm", *of_image, *of_reference)
            for outlet, of_image, of_reference in zip(range(1, last + 1), *columns, strict=True)
        ),
        has_image=image is not None,
        has_reference=reference is not None,
    )


def _percents(shares: dict[int, float] | None, last: int) -> list[tuple[str, str]]:
    """Share and cumulative share of each outlet; empty texts where nothing is known."""
    if shares is None:
        return [("", "")] * last
    return [
        (percent_text(shares.get(outlet, 0.0), digits=1), percent_text(total, digits=1))
        for outlet, total in cumulated(shares, last)
    ]


def _well(well: WellView, score: ScoreView | None, images: Sequence[ImageView]) -> WellRow:
    scores = {one.name: one.rigidity_score for one in score.wells} if score else {}
    n_cells = sum(image.n_cells or 0 for image in images if image.well_id == well.id)
    return WellRow(
        id=str(well.id),
        href=f"/wells/{well.id}",
        name=well.name,
        content="Unsorted" if well.outlet is None else f"Outlet {well.outlet}",
        n_images=well.images.total,
        accepted=well.images.accepted,
        partly=well.images.partly,
        rejected=well.images.rejected,
        pending=well.images.pending,
        cells=count_text(n_cells),
        score=score_text(scores[well.name]) if well.name in scores else None,
    )


def _findings(findings: Sequence[Finding]) -> list[FindingText]:
    return [FindingText(TONES[one.level], one.message) for one in findings]


def _refused(images: Sequence[ImageView]) -> list[RefusedImage]:
    return [
        RefusedImage(
            href=f"/images/{image.id}",
            filename=image.filename,
            well=image.well_name,
            message=why_unused(image),
        )
        for image in images
        if image.verdict == "rejected"
    ]


def why_unused(image: ImageView) -> str:
    if image.correction:
        return f"Excluded by {image.correction.corrected_by}: {image.correction.reason}"
    return " ".join(finding.message for finding in image.findings)
