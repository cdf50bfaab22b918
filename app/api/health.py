"""Probes and metrics, at the root."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from app.services import health
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
    """Figures for Prometheus; no ids in labels."""
    figures = health.job_figures(sessions)
    metrics.jobs.clear()
    if figures:
        metrics.oldest_job_seconds.set(figures.oldest_waiting_seconds)
        for (kind, state), count in figures.counts.items():
            metrics.jobs.labels(kind, state).set(count)
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)
