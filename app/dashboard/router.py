"""Every page, in one router; none is part of the published interface."""

from fastapi import APIRouter

from app.dashboard.pages import (
    accounts,
    agreement,
    api_keys,
    arrivals,
    audit,
    controls,
    corrections,
    gallery,
    health,
    images,
    instrument_profiles,
    lims,
    model_versions,
    references,
    samples,
    signing,
    training_runs,
    try_it,
    unit_history,
    users,
    webhooks,
)

router = APIRouter(include_in_schema=False)
for pages in (
    accounts,
    arrivals,
    samples,
    signing,
    lims,
    unit_history,
    references,
    images,
    controls,
    corrections,
    gallery,
    agreement,
    model_versions,
    training_runs,
    webhooks,
    try_it,
    users,
    api_keys,
    instrument_profiles,
    audit,
    health,
):
    router.include_router(pages.router)
