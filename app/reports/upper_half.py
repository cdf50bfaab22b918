"""The upper half of a report's page: whose sample, the score, the curve."""

from collections.abc import Sequence
from typing import Final

from app.charts import Estimate, cumulated, cumulative_curves, score_scale
from app.domain.outlets import CONSTRICTION_UM
from app.reports.charts import draw_chart
from app.reports.content import (
    Amendment,
    Identity,
    ReferenceResult,
    ReportContent,
    ReportStatus,
    Result,
)
from app.reports.drawing import INK, LEADING, MUTED, Paint, Sheet
from app.reports.typography import REGULAR, wrapped
from app.reports.wording import (
    CONTAINERS,
    STATUS,
    counted_text,
    crossing_text,
    day_text,
    interval_basis,
    interval_text,
    moment_text,
    numbers_text,
    percent_text,
    population_text,
    replicates_text,
    score_text,
    signed_text,
    storage_text,
)

LEFT: Final = 40.0
WIDTH: Final = 515.0
RIGHT: Final = LEFT + WIDTH
GUTTER: Final = 18.0
IMAGE_COLOUR: Final = "#0b4f9c"
REFERENCE_COLOUR: Final = "#a34a00"
WARNING: Final = "#8a1c1c"
NORMAL, SMALL, FINE = 7.6, 6.6, 5.8
IN_FORCE: Final = (ReportStatus.FINAL, ReportStatus.AMENDED, ReportStatus.CORRECTED)
MOST_LINES: Final = 3
"""Of one entry in a list; a longer one ends in an ellipsis."""


def draw_head(sheet: Sheet, content: ReportContent) -> None:
    sheet.text("Red cell deformability by image", LEFT, 42, size=15, bold=True)
    sheet.text(content.label, LEFT, 55, size=8.6, bold=True, colour=WARNING)
    colour = INK if content.status in IN_FORCE else WARNING
    sheet.text(STATUS[content.status], RIGHT, 40, size=11, bold=True, anchor="end", colour=colour)
    version = f"Version {content.version}" if content.version else "No version yet"
    issued = f"{version}, {moment_text(content.issued_at)}"
    sheet.text(issued, RIGHT, 50, size=SMALL, anchor="end", colour=MUTED)
    sheet.text(f"Report {content.report_id}", RIGHT, 58.5, size=FINE, anchor="end", colour=MUTED)
    sheet.line(LEFT, 64, RIGHT, 64)


def draw_identity(sheet: Sheet, identity: Identity) -> None:
    _draw_din(sheet, identity)
    numbers = numbers_text(identity)
    facts = (
        ("Donor", identity.donor_code, LEFT, 97.0, 250.0),
        ("Accession", identity.accession_number or "none", LEFT + 257, 97.0, 250.0),
        ("Container", CONTAINERS.get(identity.container, identity.container), LEFT, 108.0, 98.0),
        ("Additive", identity.additive or "not recorded", LEFT + 101, 108.0, 88.0),
        ("Collected", day_text(identity.collected_on), LEFT + 192, 108.0, 88.0),
        ("Sampled", moment_text(identity.sampled_at), LEFT + 284, 108.0, 133.0),
        ("Storage day", storage_text(identity), LEFT + 420, 108.0, 95.0),
        ("Notes", identity.notes or "none", LEFT, 119.0, 250.0 if numbers else WIDTH),
        *([("Numbers", numbers, LEFT + 257, 119.0, 258.0)] if numbers else ()),
    )
    for name, value, left, row, width in facts:
        reach = sheet.text(name, left, row, size=NORMAL, colour=MUTED) + 4
        sheet.text(value, left + reach, row, size=NORMAL, bold=True, width=width - reach)
    sheet.line(LEFT, 126, RIGHT, 126)


def _draw_din(sheet: Sheet, identity: Identity) -> None:
    if identity.din_display is None:
        sheet.text("No donation number", LEFT, 82, size=12, bold=True)
        return
    reach = LEFT + sheet.text("DIN", LEFT, 82, size=NORMAL, colour=MUTED) + 6
    reach += sheet.text(identity.din_display, reach, 82, size=14, bold=True) + 7
    if identity.din_check_character:
        sheet.box(reach, 69.5, 15, 16.5, Paint(stroke=INK, width=0.8))
        character = identity.din_check_character
        sheet.text(character, reach + 7.5, 82, size=13, bold=True, anchor="middle")
        reach += 20
    if not identity.din_is_checked:
        sheet.text("check character not verified", reach, 82, size=NORMAL, colour=WARNING)


def draw_score(sheet: Sheet, result: Result, reference: ReferenceResult | None) -> None:
    sheet.text("Image rigidity score", LEFT, 142, size=9.5, bold=True)
    sheet.text(
        score_text(result.rigidity_score), LEFT, 176, size=36, bold=True, colour=IMAGE_COLOUR
    )
    interval = f"95 % interval {interval_text(result.rigidity_interval)}"
    sheet.text(interval, LEFT, 192, size=11, bold=True)
    row = sheet.paragraph(interval_basis(result), LEFT, 202, 190, size=SMALL, most=2, colour=MUTED)
    sheet.text("→ higher = more rigid", LEFT, row + 3, size=8.6)
    sheet.text(crossing_text(result.rigidity_score), LEFT, row + 13, size=SMALL, colour=MUTED)
    image = Estimate(result.rigidity_score, *result.rigidity_interval)
    other = None
    if reference is not None:
        other = Estimate(reference.rigidity_score, *reference.interval)
    draw_chart(sheet, score_scale(image, other, ident="scale", width=480), 245, 132, 310)
    _draw_beside(sheet, result, reference)
    sheet.line(LEFT, 296, RIGHT, 296)


def _draw_beside(sheet: Sheet, result: Result, reference: ReferenceResult | None) -> None:
    """Deformability, reference and basis, side by side under the score."""
    lefts = (LEFT, LEFT + 150, LEFT + 318)
    for left, name in zip(
        lefts, ("Deformability", "Reference, by the sorting device", "Based on"), strict=True
    ):
        sheet.text(name, left, 245, size=NORMAL, colour=MUTED)
    low, high = result.deformability_interval
    share = f"{result.deformability_score:.0f}\u00a0%"
    sheet.text(share, lefts[0], 261, size=15, bold=True)
    interval = f"95 % interval {low:.0f} to {high:.0f}\u00a0%"
    sheet.text(interval, lefts[0], 272, size=NORMAL)
    sheet.text("← higher = more deformable", lefts[0], 282, size=NORMAL)
    counted = f"counted {percent_text(result.counted_share)}, "
    counted += f"corrected {percent_text(result.corrected_share)}"
    sheet.text(counted, lefts[0], 291, size=SMALL, colour=MUTED)
    _draw_reference(sheet, reference, lefts[1])
    basis = [
        f"{counted_text(result.n_cells, 'cell')}, {counted_text(result.n_images, 'image')}, "
        f"{counted_text(result.n_wells, 'well')}",
        replicates_text(result),
        population_text(result.population),
    ]
    room = RIGHT - lefts[2]
    draw_list(sheet, basis, lefts[2], 254.5, room, bottom=293, size=SMALL)


def _draw_reference(sheet: Sheet, reference: ReferenceResult | None, left: float) -> None:
    if reference is None:
        sheet.text("none", left, 261, size=12, bold=True)
        return
    value = score_text(reference.rigidity_score)
    sheet.text(value, left, 261, size=15, bold=True, colour=REFERENCE_COLOUR)
    runs = counted_text(reference.n_runs, "run")
    interval = f"95 % interval {interval_text(reference.interval)}, {runs}"
    sheet.text(interval, left, 272, size=NORMAL)
    delta = f"Image − reference {signed_text(reference.delta)}, "
    delta += f"deviation {reference.percent_deviation:.0f}\u00a0%"
    sheet.text(delta, left, 282, size=NORMAL)


def draw_withdrawal(sheet: Sheet, amendment: Amendment | None) -> None:
    """In place of a value; what was measured stays in the versions before."""
    sheet.text("No value", LEFT, 176, size=30, bold=True, colour=WARNING)
    words = "This result was withdrawn. Earlier versions of the report are void."
    sheet.text(words, LEFT, 196, size=11)
    if amendment is not None:
        sheet.paragraph(f"Reason: {amendment.reason}", LEFT, 214, WIDTH, size=11, most=4)
    sheet.line(LEFT, 296, RIGHT, 296)


def draw_curve(sheet: Sheet, result: Result, reference: ReferenceResult | None) -> None:
    shares = {int(outlet): share for outlet, share in result.outlet_fractions.items()}
    sorted_shares = None if reference is None else reference.outlet_fractions
    beside = {int(outlet): share for outlet, share in (sorted_shares or {}).items()}
    sheet.text("Where the cells lie on the outlets", LEFT, 310, size=8.6, bold=True)
    curve = cumulative_curves(shares, beside or None, ident="curve", width=430)
    draw_chart(sheet, curve, LEFT, 312, 206)
    left = LEFT + 224
    table = [("Outlet", "Constriction", "Share", "Up to")]
    table += [
        (str(outlet), f"{CONSTRICTION_UM[outlet]:.2f} µm", percent_text(share), percent_text(total))
        for (outlet, total), share in (
            ((outlet, total), shares.get(outlet, 0.0))
            for outlet, total in cumulated(shares, max([5, *shares]))
            if outlet in shares
        )
    ]
    draw_table(sheet, table, left, 322, (30, 48, 36, 32), bottom=446)
    wells = [("Well", "Score", "Cells", "Images")]
    wells += [
        (well.name, score_text(well.rigidity_score), str(well.n_cells), str(well.n_images))
        for well in result.wells
    ]
    row = draw_table(sheet, wells, left + 158, 322, (48, 26, 30, 29), bottom=402)
    draw_list(sheet, _other_scores(result), left + 158, row + 6, 133, bottom=446, size=SMALL)


def _other_scores(result: Result) -> list[str]:
    looks = result.look_corrected
    others = [f"Published two-class score {score_text(result.published_rigidity_score)}"]
    if looks is not None:
        others.append(
            f"Corrected for looks ({looks.method}) {score_text(looks.rigidity_score)}, 95 % "
            f"interval {interval_text(looks.rigidity_interval)}"
        )
    return others


def draw_table(
    sheet: Sheet, rows: Sequence[Sequence[str]], left: float, row: float,
    widths: Sequence[float], *, bottom: float,
) -> float:  # fmt: skip
    """First column to the left, others to the right; rows that do not fit are counted."""
    most = int((bottom - row) / 10)
    shown = rows if len(rows) <= most else rows[: most - 1]
    for number, cells in enumerate(shown):
        column = left
        for cell, width in zip(cells, widths, strict=True):
            is_first = column == left
            sheet.text(
                cell, column if is_first else column + width, row, size=SMALL,
                bold=number > 0 and is_first, colour=INK if number else MUTED,
                anchor="start" if is_first else "end", width=width - 3,
            )  # fmt: skip
            column += width
        row += 10
    if len(shown) < len(rows):
        left_out = f"and {len(rows) - len(shown)} more"
        sheet.text(left_out, left, row, size=SMALL, colour=MUTED)
        row += 10
    return row


def fitting_size(
    entries: Sequence[str], width: float, height: float, sizes: Sequence[float], *, gap: float
) -> float:
    """The first size at which all entries fit, else the last."""
    for size in sizes:
        lines = sum(len(wrapped(one, REGULAR, size, width, most=MOST_LINES)) for one in entries)
        if lines * LEADING * size + (len(entries) - 1) * gap <= height:
            return size
    return sizes[-1]


def draw_list(
    sheet: Sheet, entries: Sequence[str], left: float, row: float, width: float, *,
    bottom: float, size: float, gap: float = 0.0,
) -> float:  # fmt: skip
    """Entries of a few lines each; those that do not fit are counted in a last line."""
    step = LEADING * size
    for number, entry in enumerate(entries):
        lines = wrapped(entry, REGULAR, size, width, most=MOST_LINES)
        is_last = number == len(entries) - 1
        if row + step * (len(lines) - 1 + (not is_last)) > bottom:
            left_out = f"and {len(entries) - number} more"
            sheet.text(left_out, left, row, size=size, colour=MUTED)
            return row + step
        for line in lines:
            sheet.text(line, left, row, size=size)
            row += step
        row += gap
    return row
