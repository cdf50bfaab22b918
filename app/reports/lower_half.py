"""The lower half of a report's page: cells, findings, signatures, and what computed the value."""

from collections.abc import Sequence
from typing import Final

from app.reports.content import ReportContent, ReportSignature, ReportStatus
from app.reports.drawing import MUTED, Sheet
from app.reports.upper_half import (
    FINE,
    GUTTER,
    LEFT,
    NORMAL,
    RIGHT,
    SMALL,
    WARNING,
    WIDTH,
    draw_list,
    fitting_size,
)
from app.reports.wording import (
    ACTS,
    HOLDOUTS,
    acknowledgement_text,
    conditions_text,
    counted_text,
    exclusion_text,
    moment_text,
    open_conditions,
)

CELLS_CAPTION: Final = (
    "Some of the cells that count, from those most probably deformable to those most probably rigid"
)
STRIP_ROWS: Final = (466.0, 491.75)
WORD_ROWS: Final = (525.0, 624.0)
WORD_GAP: Final = 2.0
MOST_SIGNATURES: Final = 5
NO_FINDINGS: Final = "No findings."


def draw_cells(sheet: Sheet, strip: bytes | None) -> None:
    top, bottom = STRIP_ROWS
    if strip is None:
        words = "No picture of its cells can be read from the store."
        sheet.text(words, LEFT, top + 8, size=NORMAL, colour=MUTED)
        return
    sheet.text(CELLS_CAPTION, LEFT, top - 5, size=NORMAL, colour=MUTED)
    sheet.picture(strip, LEFT, top, WIDTH, bottom - top)


def draw_words(sheet: Sheet, content: ReportContent) -> None:
    """Findings to the left, what people did about them to the right."""
    width = (WIDTH - GUTTER) / 2
    right = LEFT + width + GUTTER
    sheet.line(LEFT, 500, RIGHT, 500)
    sheet.text("Findings", LEFT, 514, size=8.6, bold=True)
    findings = [finding.message for finding in content.findings]
    if content.status is ReportStatus.PRELIMINARY:
        findings = [*open_conditions(content), *findings]
    _draw_column(sheet, findings or [NO_FINDINGS], LEFT, width)
    sheet.text("Acknowledged, excluded, controlled", right, 514, size=8.6, bold=True)
    _draw_column(sheet, _deeds(content), right, width)


def _draw_column(sheet: Sheet, entries: Sequence[str], left: float, width: float) -> None:
    """Written smaller before anything is left out."""
    top, bottom = WORD_ROWS
    size = fitting_size(entries, width, bottom - top, (NORMAL, SMALL, FINE), gap=WORD_GAP)
    draw_list(sheet, entries, left, top, width, bottom=bottom, size=size, gap=WORD_GAP)


def _deeds(content: ReportContent) -> list[str]:
    amendment = content.amendment
    deeds = []
    if amendment is not None:
        told = f" Told: {amendment.told}." if amendment.told else " Nobody was noted as told."
        deeds.append(
            f"Follows version {amendment.previous_version} ({amendment.previous_report_id}): "
            f"{amendment.reason.rstrip('.')}.{told}"
        )
    deeds += [acknowledgement_text(one) for one in content.acknowledgements]
    deeds.append(f"{_excluded(content)}.")
    deeds.append(content.control_state)
    if content.conditions:
        deeds.append(conditions_text(content))
    return deeds


def _excluded(content: ReportContent) -> str:
    if not content.exclusions:
        return "Nothing was excluded or restored by hand"
    told = "; ".join(exclusion_text(one) for one in content.exclusions)
    result = content.result
    if result is None:
        return f"Corrected by hand: {told}"
    return (
        f"Corrected by hand: {told}. Cells in unsorted wells that do not count because of it: "
        f"{result.n_excluded}; that do: {result.n_restored}"
    )


def draw_signatures(sheet: Sheet, content: ReportContent) -> None:
    sheet.line(LEFT, 632, RIGHT, 632)
    sheet.text("Signatures", LEFT, 645, size=8.6, bold=True)
    if content.is_signed_by_one_person:
        words = "One person handed in and released this result, as this site allows."
        sheet.text(words, LEFT + 60, 645, size=NORMAL, colour=WARNING)
    if not content.signatures:
        sheet.text("Not signed.", LEFT, 657, size=NORMAL)
    row, shown = 657.0, _newest(content.signatures)
    for signature in shown:
        _draw_signature(sheet, signature, row)
        row += 11
    if len(shown) < len(content.signatures):
        left_out = f"and {len(content.signatures) - len(shown)} more before these"
        sheet.text(left_out, LEFT, row, size=SMALL, colour=MUTED)


def _newest(signatures: Sequence[ReportSignature]) -> Sequence[ReportSignature]:
    return signatures[-MOST_SIGNATURES:]


def _draw_signature(sheet: Sheet, signature: ReportSignature, row: float) -> None:
    said = f"{ACTS.get(signature.act, signature.act)}, meaning: {signature.meaning}"
    way = "password asked" if signature.with_password else "no password asked"
    cells = (
        (signature.printed_name, 122.0, True),
        (signature.role, 56.0, False),
        (said, 118.0, False),
        (moment_text(signature.signed_at, seconds=True), 102.0, False),
        (way, 68.0, False),
        (signature.reason or "", RIGHT - LEFT - 466, False),
    )
    column = LEFT
    for text, width, bold in cells:
        sheet.text(text, column, row, size=SMALL + 0.4, bold=bold, width=width - 4)
        column += width


def draw_foot(sheet: Sheet, content: ReportContent, content_sha256: str) -> None:
    sheet.line(LEFT, 722, RIGHT, 722)
    draw_list(sheet, _origins(content), LEFT, 732, WIDTH, bottom=790, size=FINE)
    row = 802
    sheet.text(f"Evidence SHA-256 {content.evidence_sha256}", LEFT, row, size=FINE)
    sheet.text(f"Report SHA-256 {content_sha256}", LEFT, row + 8, size=FINE)
    sheet.text(content.label, RIGHT, row + 8, size=NORMAL, bold=True, anchor="end", colour=WARNING)


def _origins(content: ReportContent) -> list[str]:
    """Everything that computed the value, by version and content."""
    versions, imaging, result = content.versions, content.imaging, content.result
    outlets = ", ".join(str(outlet) for outlet in versions.model_outlets)
    held_out = HOLDOUTS.get(versions.holdout or "", "in a way that is not recorded")
    demonstration = (
        " A demonstration model, trained on simulated cells." if versions.model_is_demonstration
        else ""
    )  # fmt: skip
    lines = [
        f"Model {versions.model_name} ({versions.model_version_id}), SHA-256 "
        f"{versions.model_sha256}; trained on outlets {outlets}; its error was measured "
        f"{held_out}.{demonstration}",
        f"{counted_text(imaging.n_images, 'image')}, {imaging.n_rejected} of them rejected, taken "
        f"in {moment_text(imaging.first_at)} to {moment_text(imaging.last_at)}; instrument "
        f"{', '.join(imaging.instrument_profiles) or 'not recorded'}; cells found by "
        f"{', '.join(versions.pipelines) or 'no pipeline'}; Pliant {versions.program}; sample "
        f"{content.identity.sample_id}; form {content.schema}.",
    ]
    if result is not None:
        lines.insert(
            0,
            f"Score by {result.method}, computed {moment_text(result.computed_at)}, analysis "
            f"{result.analysis_id}.",
        )
    return lines
