"""Every page with drawn data and the strict content policy, without a database."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from app.dashboard.contexts import accounts
from app.dashboard.contexts.shell import ErrorPage, Notice, Shell, TryItPage
from app.dashboard.rendering import FRONTEND, render
from tests.end_to_end import (
    preview_administration,
    preview_agreement,
    preview_lims,
    preview_models,
    preview_samples,
    preview_signing,
    preview_training,
    preview_unit_history,
    preview_webhooks,
    preview_wells,
)
from tests.end_to_end.drawn_images import (
    cell_part,
    count_of,
    drawn_image_page,
    outlines,
    picture,
    query_of,
)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def shell(title: str, section: str = "samples") -> Shell:
    return Shell(
        title=title,
        section=section,
        account_name="A. Technician",
        role="technician",
        may_read_models=True,
        may_edit_samples=True,
        may_read_controls=True,
    )


def pages() -> dict[str, tuple[str, Shell, object, int]]:
    """Path to template, frame, context and status."""
    lost = ErrorPage(
        "There is nothing here", "There is no such sample.", "Check the address.", "01JD-7F3A"
    )
    sign_in = accounts.SignInPage("", "/samples", Notice("Name and password do not fit."))
    return {
        "/samples": ("samples_list.html", shell("Samples"), preview_samples.samples_page(), 200),
        "/samples-none": ("samples_list.html", shell("Samples"), preview_samples.empty_list(), 200),
        "/samples/new": (
            "sample_new.html", shell("New sample"),
            preview_samples.refused_form(), 422,
        ),
        "/samples/1": ("sample.html", shell("Donor DEMO-1"), preview_samples.sample_page(), 200),
        "/samples/short": (
            "sample.html", shell("Donor D-016"), preview_samples.short_sample_page(), 200,
        ),
        "/samples/running": (
            "sample.html", shell("Donor D-016"), preview_samples.running_sample_page(), 200,
        ),
        "/samples/empty": (
            "sample.html", shell("Donor D-016"), preview_samples.empty_sample_page(), 200,
        ),
        "/samples/1/upload": (
            "sample_upload.html", shell("Add images"),
            preview_samples.upload_page(), 200,
        ),
        "/wells/1": ("well.html", shell("Well B2"), preview_wells.well_page(), 200),
        "/samples/1/images": (
            "images_list.html", shell("Images"), preview_wells.sample_images_page(), 200,
        ),
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
