"""What an operator sees of a running process: logs, request ids, metrics."""

import logging
import os
import sys
from contextvars import ContextVar
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

SHARED_COUNTS: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The library's own variable, read when it is imported: a folder that is empty at the start."""

_request_id: Final[ContextVar[str | None]] = ContextVar("request_id", default=None)


def current_request_id() -> str | None:
    """The id of the request that this thread or task works for; None outside requests."""
    return _request_id.get()


def set_request_id(request_id: str) -> None:
    _request_id.set(request_id)
    structlog.contextvars.bind_contextvars(request_id=request_id)


def configure_logs(log_format: str) -> None:
    """Lines for people (`console`) or one JSON object each (`json`), on standard error."""
    # uvicorn would log whole addresses, and those of one-time links are secrets.
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


class WebMetrics:
    """What the web processes count; made once per app, so that tests do not share it.

    Labels are route patterns and codes, never ids. Where the environment names a folder, every
    process counts in files there, and each of them can tell the sum.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "pliant_requests", "Requests answered.", ["method", "route", "status"],
            registry=self._registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "pliant_request_seconds", "Time to answer.", ["route"], registry=self._registry
        )
        self.refusals = Counter(
            "pliant_refusals", "Requests refused, by code.", ["code"], registry=self._registry
        )
        self.uncounted = Counter(
            "pliant_uncounted_requests", "Requests of keys that passed while the broker was away.",
            registry=self._registry,
        )  # fmt: skip

    def of_all_processes(self) -> CollectorRegistry:
        if SHARED_COUNTS not in os.environ:
            return self._registry
        summed = CollectorRegistry()
        MultiProcessCollector(summed)  # type: ignore[no-untyped-call]  # the library has no types here
        return summed
