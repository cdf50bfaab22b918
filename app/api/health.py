"""Probes and metrics, at the root."""

from collections.abc import Iterable

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from pydantic import BaseModel

from app.services import health
from app.services.health import JobFigures
from app.web.dependencies import MetricsDep, SessionsDep, StoreDep, public

router = APIRouter(tags=["service"])


class LiveOut(BaseModel):
    status: str


class ReadyOut(BaseModel):
    status: str
    checks: dict[str, str]


@router.get("/livez", dependencies=[public])
def get_livez() -> LiveOut:
    """Answer as long as the process lives; depends on nothing."""
    return LiveOut(status="ok")


@router.get(
    "/readyz",
    dependencies=[public],
    responses={503: {"model": ReadyOut, "description": "Database, storage or model is missing."}},
)
def get_readyz(response: Response, sessions: SessionsDep, store: StoreDep) -> ReadyOut:
    """Say whether uploads are accepted; without the broker they are, and wait: `degraded`."""
    found = health.check(sessions, store)
    if not found.is_ready:
        response.status_code = 503
    status = "degraded" if found.is_degraded else "ready" if found.is_ready else "not_ready"
    return ReadyOut(status=status, checks=found.checks)


@router.get("/metrics", dependencies=[public], response_class=Response)
def get_metrics(sessions: SessionsDep, metrics: MetricsDep) -> Response:
    """Figures for Prometheus, the same from every web process; no ids in labels."""
    of_jobs = CollectorRegistry()
    if figures := health.job_figures(sessions):
        of_jobs.register(_JobCollector(figures))
    text = generate_latest(metrics.of_all_processes()) + generate_latest(of_jobs)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


class _JobCollector(Collector):
    """Read anew each time: what waits is in the database, whichever process is asked."""

    def __init__(self, figures: JobFigures) -> None:
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        jobs = GaugeMetricFamily("pliant_jobs", "Jobs by kind and state.", labels=["kind", "state"])
        for labels, count in self._figures.counts.items():
            jobs.add_metric(labels, count)
        yield jobs
        yield GaugeMetricFamily(
            "pliant_oldest_waiting_job_seconds", "Age of the oldest queued job.",
            value=self._figures.oldest_waiting_seconds,
        )  # fmt: skip
