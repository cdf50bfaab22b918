"""Everything under /api/v1."""

from fastapi import APIRouter

from app.api.v1 import (
    accounts,
    agreement,
    analyses,
    analysis_cells,
    api_keys,
    audit,
    cells,
    controls,
    corrections,
    gallery,
    instrument_profiles,
    locked_samples,
    messages,
    model_versions,
    references,
    report_files,
    reports,
    samples,
    scores,
    sign_offs,
    system_health,
    training_runs,
    units,
    uploads,
    version,
    webhooks,
    wells,
)
from app.web.errors import refusals

_NOUNS = (
    version,
    samples,
    wells,
    uploads,
    cells,
    gallery,
    corrections,
    analyses,
    analysis_cells,
    scores,
    references,
    sign_offs,
    reports,
    report_files,
    messages,
    units,
    agreement,
    model_versions,
    locked_samples,
    training_runs,
    instrument_profiles,
    controls,
    accounts,
    api_keys,
    system_health,
    webhooks,
    audit,
)

router = APIRouter(prefix="/api/v1", responses=refusals(400, 401, 403, 422, 429))
for _noun in _NOUNS:
    router.include_router(_noun.router)
