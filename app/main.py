"""The web process: `uvicorn app.main:create_app --factory`."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.responses import JSONResponse

from app.api import health
from app.api.v1 import event_messages
from app.api.v1.router import router as api_router
from app.dashboard.frames import error_page
from app.dashboard.router import router as dashboard_router
from app.db.session import make_engine, make_sessions
from app.observability import WebMetrics, configure_logs
from app.settings import Settings
from app.storage import open_store, storage_url
from app.web import contract
from app.web.body import MOST_BUFFERED_BYTES, BufferSpace
from app.web.conditional import TagAnswers
from app.web.dependencies import is_https, public, refuse_key_in_url, refuse_repeated
from app.web.errors import ProblemDocument, add_error_handlers, refusals
from app.web.events import ProgressHub
from app.web.middleware import Doorkeeper
from app.web.rate_limits import KeyLimiter

STATIC: Final = Path(__file__).resolve().parents[1] / "frontend" / "static"
OPENAPI_PATH: Final = "/api/v1/openapi.json"
OBJECTS_BETWEEN_COLLECTIONS: Final = 50_000
"""A list makes thousands of objects and lets go of all: with Python's 700 the collector looks at
them again and again while they are in use, a fourth of the work under many clients."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """Plug the real parts together; nothing is opened before the process starts to serve."""
    settings = settings or Settings()
    app = FastAPI(
        title="Pliant",
        summary="Donor red cell deformability from ordinary microscope images.",
        version=version("pliant"),
        lifespan=_lifespan,
        openapi_url=None,  # served below, marked public like every other open route
        docs_url=None,  # its page loads scripts from elsewhere, which our policy forbids
        redoc_url=None,
        dependencies=[Depends(refuse_key_in_url), Depends(refuse_repeated)],
        generate_unique_id_function=_operation_id,
        separate_input_output_schemas=False,
        webhooks=event_messages.router,
    )
    app.state.settings = settings
    app.state.metrics = WebMetrics()
    app.state.key_limiter = KeyLimiter(settings, app.state.metrics)
    share_bytes = MOST_BUFFERED_BYTES // settings.web_processes
    app.state.buffer_space = BufferSpace(max(share_bytes, settings.max_body_bytes))
    app.state.error_page = error_page
    app.add_middleware(TagAnswers)
    app.add_middleware(Doorkeeper, is_https=is_https(settings), own_origin=_own_origin(settings))
    add_error_handlers(app)
    _add_routes(app)
    return app


def openapi_document() -> dict[str, Any]:
    """The published contract; docs/openapi.json is its tested copy."""
    return _document(create_app(Settings()))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    configure_logs(settings.log_format)
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    if settings.database_url is None:
        raise RuntimeError("PLIANT_DATABASE_URL is not set; `pliant up` sets it, see its log")
    engine = make_engine(settings.database_url, pool_size=20)
    app.state.sessions = make_sessions(engine)
    app.state.store = open_store(storage_url(settings))
    # Kept by name: where the application lives twice at once, each life stops its own listener.
    app.state.progress = progress = ProgressHub(settings.database_url)
    progress.start()
    try:
        yield
    finally:
        await progress.stop()
        engine.dispose()


def _add_routes(app: FastAPI) -> None:
    app.include_router(health.router, responses=refusals(400))
    app.include_router(api_router)
    app.include_router(dashboard_router)

    @app.get(OPENAPI_PATH, dependencies=[public], include_in_schema=False)
    def get_openapi() -> JSONResponse:
        return JSONResponse(_document(app))

    app.mount("/static", StaticFiles(directory=STATIC, check_dir=False), name="static")


def _document(app: FastAPI) -> dict[str, Any]:
    document = app.openapi()
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = ProblemDocument.model_json_schema()
    contract.complete(document)
    return document


def _operation_id(route: APIRoute) -> str:
    return route.name


def _own_origin(settings: Settings) -> str | None:
    """The origin that browsers must come from, if an address is configured."""
    url = settings.public_url
    if url is None:
        return None
    usual_port = {"http": 80, "https": 443}[url.scheme]
    port = "" if url.port in (None, usual_port) else f":{url.port}"
    return f"{url.scheme}://{url.host}{port}"
