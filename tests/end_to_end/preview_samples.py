"""A sample's page in its states, and the list of samples."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

from markupsafe import Markup

from app import charts
from app.charts import Estimate
from app.dashboard.contexts import references, sample, samples
from app.dashboard.contexts.shell import Notice
from app.dashboard.contexts.wording import (
    CONTAINERS,
    SAMPLE_STATES,
    FindingText,
    FormValues,
    din_text,
    moment_text,
)
from app.domain.outlets import CONSTRICTION_UM, IMAGED_OUTLETS, OUTLETS
from tests.end_to_end import preview_signing, preview_unit_history

AT = moment_text(dt.datetime(2026, 11, 20, 9, 41, tzinfo=dt.UTC))
IMAGE, REFERENCE = Estimate(3.08, 2.91, 3.24), Estimate(2.96, 2.63, 3.30)
SHARES = {2: 0.06, 3: 0.38, 4: 0.43, 5: 0.13}
REFERENCE_SHARES = {1: 0.004, 2: 0.09, 3: 0.42, 4: 0.40, 5: 0.08, 6: 0.006}
ADVICE = (
    "B2: 6 of 25 images are out of focus on the left third; refocus and take the well again while "
    "the plate is on the stage."
)


def samples_page() -> samples.SamplesPage:
    scored = samples.ScoreCell(
        "3.08",
        "2.91 to 3.24",
        Markup(charts.tiny_scale(IMAGE, REFERENCE)),
        is_demonstration_model=True,
    )
    row = samples.SampleRow(
        href="/samples/1",
        donor_code="DEMO-1",
        din=din_text("A999921123456", is_checked=True),
        accession_number="ACC-2026-001187",
        state=SAMPLE_STATES["computed"],
        score=scored,
        images="50 in 2 wells",
        created=AT,
        is_demonstration=True,
    )
    bare = replace(row, is_demonstration=False, accession_number=None, score=None)
    rows = (
        row,
        replace(bare, donor_code="D-017", state=SAMPLE_STATES["running"], images="41 in 2 wells"),
        replace(bare, donor_code="D-016", state=SAMPLE_STATES["unavailable"], din=None),
        replace(bare, donor_code="D-015", state=SAMPLE_STATES["received"], images="none yet"),
    )
    return samples.SamplesPage(rows, samples.SampleSearch(), SAMPLE_STATES, "/samples?cursor=x")


def empty_list() -> samples.SamplesPage:
    return samples.SamplesPage((), samples.SampleSearch(), SAMPLE_STATES, None)


def refused_form() -> samples.NewSamplePage:
    """Return the form after a mistyped donation number."""
    wrong = Notice("The donation number and its check character do not fit; scan the label again.")
    return samples.NewSamplePage(
        FormValues(din="A999921123457X"), CONTAINERS, ("SAGM", "AS-1", "AS-3"), wrong, "din"
    )


def two_widths(draw: Callable[[str, int], str], name: str, wide: int = 640) -> sample.TwoWidths:
    return sample.TwoWidths(Markup(draw(f"{name}-wide", wide)), Markup(draw(f"{name}-narrow", 340)))


def curves() -> sample.CurvesPart:
    cumulated = dict(charts.cumulated(SHARES, 6))
    reference = dict(charts.cumulated(REFERENCE_SHARES, 6))
    rows = tuple(
        sample.OutletRow(
            outlet=outlet,
            constriction=f"{CONSTRICTION_UM[outlet]:.2f} µm",
            image=f"{100 * SHARES.get(outlet, 0):.1f} %",
            image_cumulated=f"{100 * cumulated[outlet]:.1f} %",
            reference=f"{100 * REFERENCE_SHARES.get(outlet, 0):.1f} %",
            reference_cumulated=f"{100 * reference[outlet]:.1f} %",
        )
        for outlet in range(1, 7)
    )
    chart = two_widths(
        lambda ident, width: charts.cumulative_curves(
            SHARES, REFERENCE_SHARES, ident=ident, width=width
        ),
        "curves",
        560,
    )
    return sample.CurvesPart(chart, rows, has_image=True, has_reference=True)


def score_part() -> sample.ScorePart:
    wells = two_widths(
        lambda ident, width: charts.well_strip(
            {"B2": 3.02, "B3": 3.15}, IMAGE, ident=ident, width=width
        ),
        "wells",
    )
    return sample.ScorePart(
        rigidity="3.08",
        interval="2.91 to 3.24",
        crossing="Half the cells pass outlet 3.08 (2.02 µm)",
        deformability="44 %",
        deformability_interval="38 to 51 %",
        counted="46 %",
        published="3.07",
        replicates="Replicate wells differ by 0.13, usually by less than 0.18",
        basis="5 812 cells, 48 images, 2 wells",
        population="The donor lies among the donors the model was trained on: distance 3.4, "
        "usual below 5.6; nearest FIT014",
        look_corrected="3.02, 95 % interval 2.84 to 3.20",
        computed=AT,
        model_name="demonstration-1",
        model_href="/model-versions/1",
        is_demonstration_model=True,
        method="rs-image-outlets/1",
        wells=wells,
    )


def sample_page() -> sample.SamplePage:
    well = sample.WellRow(
        id="w1", href="/wells/1", name="B2", content="Unsorted", n_images=25, accepted=23,
        partly=1, rejected=1, pending=0, cells="2 871", score="3.02",
    )  # fmt: skip
    outlets = tuple((o, f"{CONSTRICTION_UM[o]:.2f} µm") for o in OUTLETS)
    form = references.ReferenceForm(
        values=FormValues(),
        first_outlets=tuple(pair for pair in outlets if pair[0] in IMAGED_OUTLETS),
        other_outlets=tuple(pair for pair in outlets if pair[0] not in IMAGED_OUTLETS),
    )
    return sample.SamplePage(
        id="1",
        href="/samples/1",
        donor_code="DEMO-1",
        din=din_text("A999921123456", is_checked=True),
        state=SAMPLE_STATES["computed"],
        facts=(
            sample.Fact("Accession", "ACC-2026-001187"),
            sample.Fact("Container", "Blood bag"),
            sample.Fact("Storage day", "12"),
        ),
        notes=None,
        is_demonstration=True,
        may_edit=True,
        progress=None,
        failure=None,
        score=score_part(),
        unavailable=None,
        scale=two_widths(
            lambda ident, width: charts.score_scale(IMAGE, REFERENCE, ident=ident, width=width),
            "scale",
        ),
        reference=references.ReferenceSummary("2.96", "2.63 to 3.30", "1 run", "+0.12", "12 %"),
        curves=curves(),
        wells=(well, replace(well, name="B3", score="3.15", rejected=0, accepted=25)),
        n_pending=0,
        findings=(
            FindingText(
                "warning",
                "Read the interval as a lower bound: the model's error over donors was not "
                "measured.",
            ),
        ),
        refused=(
            sample.RefusedImage(
                "/images/2", "img_013.bmp", "B2",
                "The image is out of focus; refocus and take it again.",
            ),
        ),
        references=(
            references.ReferenceRow(
                "2.96", "2.63 to 3.30", "Counts", "31 204", "Ratchet 2", "Sort of 20 Nov", AT
            ),
        ),
        corrected="3 cells and 1 image excluded by hand",
        advice=(ADVICE,),
        reference_form=form,
        upload=upload_part(),
        history=preview_unit_history.part(),
        sign_off=preview_signing.part(),
    )  # fmt: skip


def upload_part() -> sample.UploadPart:
    return sample.UploadPart("1", "/samples/1", 20_000_000, "BMP, PNG or TIFF, up to 20 MB each.")


def short_sample_page() -> sample.SamplePage:
    reasons = ("Needs 17 more images in B2.", "A donor score needs 2 unsorted wells; add 1 more.")
    unavailable = sample.UnavailablePart(
        "Not a donor score: needs 17 more images in B2", reasons, "412", "54 %"
    )
    return replace(
        sample_page(), score=None, unavailable=unavailable, state=SAMPLE_STATES["unavailable"],
        is_demonstration=False, scale=None, curves=None, findings=(), references=(), refused=(),
        corrected=None, advice=(), sign_off=None,
        reference=None, donor_code="D-016",
    )  # fmt: skip


def running_sample_page() -> sample.SamplePage:
    return replace(
        short_sample_page(), unavailable=None, progress=sample.ProgressPart("a1", 18, 50),
        state=SAMPLE_STATES["running"], n_pending=32,
    )  # fmt: skip


def empty_sample_page() -> sample.SamplePage:
    return replace(short_sample_page(), unavailable=None, wells=(), state=SAMPLE_STATES["received"])


def upload_page() -> sample.UploadPage:
    return sample.UploadPage("DEMO-1", upload_part())
