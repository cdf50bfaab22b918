"""Every page with drawn data and the strict content policy, without a database."""

import datetime as dt
from collections.abc import Awaitable, Callable
from dataclasses import replace

from markupsafe import Markup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from app import charts
from app.charts import Estimate
from app.dashboard.contexts import accounts, images, references, sample, samples
from app.dashboard.contexts.shell import ErrorPage, Notice, Shell, TryItPage
from app.dashboard.contexts.wording import (
    CONTAINERS,
    SAMPLE_STATES,
    VERDICTS,
    FindingText,
    FormValues,
    din_text,
    moment_text,
)
from app.dashboard.rendering import FRONTEND, render
from app.domain.outlets import CONSTRICTION_UM, IMAGED_OUTLETS, OUTLETS
from tests.end_to_end import (
    preview_administration,
    preview_agreement,
    preview_lims,
    preview_models,
    preview_signing,
    preview_training,
    preview_unit_history,
    preview_webhooks,
)
from tests.end_to_end.drawn_images import (
    cell_part,
    count_of,
    drawn_image_page,
    ident,
    outlines,
    picture,
    query_of,
)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
AT = moment_text(dt.datetime(2026, 11, 20, 9, 41, tzinfo=dt.UTC))
IMAGE, REFERENCE = Estimate(3.08, 2.91, 3.24), Estimate(2.96, 2.63, 3.30)
SHARES = {2: 0.06, 3: 0.38, 4: 0.43, 5: 0.13}
REFERENCE_SHARES = {1: 0.004, 2: 0.09, 3: 0.42, 4: 0.40, 5: 0.08, 6: 0.006}


def shell(title: str, section: str = "samples") -> Shell:
    return Shell(
        title=title,
        section=section,
        account_name="A. Technician",
        role="technician",
        may_read_models=True,
        may_edit_samples=True,
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
        corrected=None, advice=(),
        reference=None, donor_code="D-016",
    )  # fmt: skip


def running_sample_page() -> sample.SamplePage:
    return replace(
        short_sample_page(), unavailable=None, progress=sample.ProgressPart("a1", 18, 50),
        state=SAMPLE_STATES["running"], n_pending=32,
    )  # fmt: skip


def empty_sample_page() -> sample.SamplePage:
    return replace(short_sample_page(), unavailable=None, wells=(), state=SAMPLE_STATES["received"])


def tiles() -> tuple[images.ImageTile, ...]:
    tile = images.ImageTile(
        "/images/1", f"/api/v1/images/{ident(40)}/pixels?width=320", "img_001.bmp",
        VERDICTS["accepted"], "accepted", "118 cells", (),
    )  # fmt: skip
    refused = replace(
        tile, verdict=VERDICTS["rejected"], verdict_code="rejected", filename="img_013.bmp",
        cells="", messages=("The image is out of focus; refocus and take it again.",),
    )  # fmt: skip
    return (tile, refused, *(replace(tile, filename=f"img_{n:03}.bmp") for n in range(2, 9)))


def verdict_filters() -> tuple[images.VerdictFilter, ...]:
    return (
        images.VerdictFilter("All", "25", "/wells/1?show=all", is_current=True),
        images.VerdictFilter("Not used", "1", "/wells/1?show=rejected", is_current=False),
    )


ADVICE = (
    "B2: 6 of 25 images are out of focus on the left third; refocus and take the well again while "
    "the plate is on the stage."
)


def well_page() -> images.WellPage:
    return images.WellPage(
        name="B2", content="Unsorted cells", sample_href="/samples/1",
        images_href="/samples/1/images", donor_code="DEMO-1", summary="25 images, 24 used.",
        advice=ADVICE, filters=verdict_filters(), tiles=tiles(), is_empty=False, is_moving=False,
        is_demonstration=True,
    )  # fmt: skip


def sample_images_page() -> images.SampleImagesPage:
    well = images.WellPart(
        "B2", "/wells/1", "Unsorted cells", "25 images, 24 used.", ADVICE, tiles()
    )
    return images.SampleImagesPage(
        "/samples/1", "DEMO-1", verdict_filters(),
        (well, replace(well, name="B3", advice=None)), is_moving=False, is_demonstration=True,
    )  # fmt: skip


def pages() -> dict[str, tuple[str, Shell, object, int]]:
    """Path to template, frame, context and status."""
    lost = ErrorPage(
        "There is nothing here", "There is no such sample.", "Check the address.", "01JD-7F3A"
    )
    sign_in = accounts.SignInPage("", "/samples", Notice("Name and password do not fit."))
    search = samples.SampleSearch()
    none_yet = samples.SamplesPage((), search, SAMPLE_STATES, None)
    new = samples.NewSamplePage(FormValues(), CONTAINERS, ("SAGM", "AS-1", "AS-3"), None)
    wrong = Notice("The donation number and its check character do not fit; scan the label again.")
    return {
        "/samples": ("samples_list.html", shell("Samples"), samples_page(), 200),
        "/samples-none": ("samples_list.html", shell("Samples"), none_yet, 200),
        "/samples/new": (
            "sample_new.html", shell("New sample"),
            replace(new, values=FormValues(din="A999921123457X"), notice=wrong, wrong_field="din"),
            422,
        ),
        "/samples/1": ("sample.html", shell("Donor DEMO-1"), sample_page(), 200),
        "/samples/short": ("sample.html", shell("Donor D-016"), short_sample_page(), 200),
        "/samples/running": ("sample.html", shell("Donor D-016"), running_sample_page(), 200),
        "/samples/empty": ("sample.html", shell("Donor D-016"), empty_sample_page(), 200),
        "/samples/1/upload": (
            "sample_upload.html", shell("Add images"),
            sample.UploadPage("DEMO-1", upload_part()), 200,
        ),
        "/wells/1": ("well.html", shell("Well B2"), well_page(), 200),
        "/samples/1/images": ("images_list.html", shell("Images"), sample_images_page(), 200),
        "/images/1": ("image.html", shell("img_001.bmp"), drawn_image_page(), 200),
        "/agreement": (
            "agreement.html", shell("Agreement", "agreement"), preview_agreement.page(), 200,
        ),
        "/agreement-refused": (
            "agreement.html", shell("Agreement", "agreement"),
            preview_agreement.refused_page(), 422,
        ),
        "/agreement-none": (
            "agreement.html", shell("Agreement", "agreement"),
            preview_agreement.empty_page(), 200,
        ),
        "/lims": ("lims.html", shell("What a LIMS reads"), preview_lims.ordinary_page(), 200),
        "/lims-wrong": ("lims.html", shell("What a LIMS reads"), preview_lims.wrong_page(), 200),
        "/signing": ("signing.html", shell("Sign"), preview_signing.open_page(), 200),
        "/signing-ready": ("signing.html", shell("Sign"), preview_signing.ready_page(), 403),
        "/signing-released": ("signing.html", shell("Sign"), preview_signing.released_page(), 200),
        "/unit-history": (
            "unit_history.html", shell("Unit over storage"), preview_unit_history.unit_page(), 200,
        ),
        "/unit-history-donor": (
            "unit_history.html", shell("Donor over storage"),
            preview_unit_history.donor_page(), 200,
        ),
        "/unit-history-none": (
            "unit_history.html", shell("Storage history"), preview_unit_history.asking_page(), 200,
        ),
        "/model-versions": (
            "model_versions_list.html", shell("Model versions", "models"),
            preview_models.list_page(), 200,
        ),
        "/model-versions/1": (
            "model_version.html", shell("demonstration", "models"),
            preview_models.shipped_page(), 200,
        ),
        "/model-versions/candidate": (
            "model_version.html", shell("autumn", "models"), preview_models.card_page(), 200,
        ),
        "/model-versions/refused": (
            "model_version.html", shell("autumn", "models"), preview_models.refused_page(), 422,
        ),
        "/model-versions/waiting": (
            "model_version.html", shell("autumn", "models"), preview_models.waiting_page(), 200,
        ),
        "/training-runs": (
            "training_runs_list.html", shell("Training", "models"),
            preview_training.list_page(), 200,
        ),
        "/training-runs-none": (
            "training_runs_list.html", shell("Training", "models"),
            preview_training.empty_page(), 200,
        ),
        "/training-runs/new": (
            "training_run_new.html", shell("New training run", "models"),
            preview_training.form_page(), 200,
        ),
        "/training-runs/running": (
            "training_run.html", shell("spring", "models"),
            preview_training.one_page(preview_training.running()), 200,
        ),
        "/training-runs/done": (
            "training_run.html", shell("spring", "models"),
            preview_training.one_page(preview_training.done()), 200,
        ),
        "/try-it": (
            "try_it.html", shell("Try it", "try-it"),
            TryItPage(is_ready=True, sample_href=None), 200,
        ),
        "/sign-in": ("sign_in.html", Shell("Sign in"), sign_in, 401),
        "/sign-in/x": ("sign_in_link.html", Shell("Welcome"), accounts.LinkPage("x"), 200),
        "/account": (
            "account.html", shell("Account", ""),
            accounts.AccountPage("A. Technician", "technician", has_password=True), 200,
        ),
        "/users": (
            "users.html", preview_administration.shell("Users", "users"),
            preview_administration.users(), 200,
        ),
        "/api-keys": (
            "api_keys.html", preview_administration.shell("API keys", "api-keys"),
            preview_administration.keys(), 200,
        ),
        "/audit": (
            "audit.html", preview_administration.shell("Audit", "audit"),
            preview_administration.trail(), 200,
        ),
        "/health": (
            "health.html", preview_administration.shell("Health", "health"),
            preview_administration.health(), 200,
        ),
        "/webhooks": (
            "webhooks_list.html", preview_administration.shell("Webhooks", "webhooks"),
            preview_webhooks.full_list(), 200,
        ),
        "/webhooks-none": (
            "webhooks_list.html", preview_administration.shell("Webhooks", "webhooks"),
            preview_webhooks.empty_list(), 200,
        ),
        "/webhooks/1": (
            "webhook.html", preview_administration.shell("LIMS, production", "webhooks"),
            preview_webhooks.failing(), 200,
        ),
        "/webhooks/2": (
            "webhook.html", preview_administration.shell("FHIR", "webhooks"),
            preview_webhooks.unused(), 200,
        ),
        "/lost": ("error.html", shell("Not found"), lost, 404),
    }  # fmt: skip


async def _drawn(request: Request) -> Response:
    template, frame, page, status = pages()[request.url.path]
    answer = render(template, frame, page, status=status)
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


async def _image(request: Request) -> Response:
    """Any image, with as many cells as its number says."""
    page = drawn_image_page(count_of(request), query_of(request))
    answer = render("image.html", shell(page.filename), page)
    answer.headers["Content-Security-Policy"] = POLICY
    return answer


def application() -> Starlette:
    door: Callable[[Request], Awaitable[Response]] = _drawn
    routes: list[BaseRoute] = [Route(path, door) for path in pages()]
    routes += [
        Route("/images/{image_id}", _image),
        Route("/images/{image_id}/outlines", outlines),
        Route("/images/{image_id}/cells/{cell_id}", cell_part),
        Route("/api/v1/images/{image_id}/pixels", picture),
    ]
    routes.append(Mount("/static", StaticFiles(directory=FRONTEND / "static")))
    return Starlette(routes=routes)
