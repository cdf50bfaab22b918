"""A report as one A4 page; the same content and pictures give the same bytes."""

from io import BytesIO
from typing import Final

from reportlab.pdfgen.canvas import Canvas

from app.domain.evidence import sha256_of
from app.reports.content import ReportContent, ReportStatus
from app.reports.drawing import Sheet
from app.reports.lower_half import (
    draw_cells,
    draw_foot,
    draw_signatures,
    draw_words,
)
from app.reports.upper_half import (
    draw_curve,
    draw_head,
    draw_identity,
    draw_score,
    draw_withdrawal,
)

A4: Final = (595.2756, 841.8898)
"""Points."""
PALE: Final = "#eee3f4"
PALE_WARNING: Final = "#f8e0e0"
ACROSS_ROWS: Final = (380.0, 600.0)


def render_pdf(content: ReportContent, strip: bytes | None = None) -> bytes:
    """Draw everything the content says.

    Parameters
    ----------
    strip
        Sample cells side by side as one JPEG or PNG; None where they cannot be read.
    """
    sha256 = sha256_of(content.to_text())
    buffer = BytesIO()
    # Without invariant the moment of drawing would be in the file, and no two were alike.
    canvas = Canvas(buffer, pagesize=A4, invariant=1, lang="en")
    canvas.setTitle(f"Red cell deformability, report {content.report_id}")
    canvas.setAuthor("Pliant")
    canvas.setSubject(f"{content.label} Report SHA-256 {sha256}")
    sheet = Sheet(canvas, *A4)
    for words, row, colour in zip(*_across(content), strict=False):
        sheet.across(words, row=row, colour=colour)
    _draw_page(sheet, content, strip, sha256)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _across(content: ReportContent) -> tuple[list[str], tuple[float, ...], list[str]]:
    """What must be seen from afar: words, rows and colours."""
    words = []
    if content.is_demonstration or content.versions.model_is_demonstration:
        words.append(("DEMONSTRATION", PALE))
    if content.status is ReportStatus.PRELIMINARY:
        words.append(("PRELIMINARY – NOT RELEASED", PALE_WARNING))
    if content.status is ReportStatus.ENTERED_IN_ERROR:
        words.append(("WITHDRAWN", PALE_WARNING))
    return [one for one, _ in words], ACROSS_ROWS, [colour for _, colour in words]


def _draw_page(sheet: Sheet, content: ReportContent, strip: bytes | None, sha256: str) -> None:
    draw_head(sheet, content)
    draw_identity(sheet, content.identity)
    if content.result is None:
        draw_withdrawal(sheet, content.amendment)
    else:
        draw_score(sheet, content.result, content.reference)
        draw_curve(sheet, content.result, content.reference)
        draw_cells(sheet, strip)
    draw_words(sheet, content)
    draw_signatures(sheet, content)
    draw_foot(sheet, content, sha256)
