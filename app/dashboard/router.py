"""Every page, in one router; none is part of the published interface."""

from fastapi import APIRouter

from app.dashboard.pages import (
    accounts,
    agreement,
    arrivals,
    controls,
    corrections,
    gallery,
    images,
    model_versions,
    references,
    samples,
    signing,
    training_runs,
    try_it,
    unit_history,
)

router = APIRouter(include_in_schema=False)
for pages in (
    accounts,
    arrivals,
    samples,
    signing,
    unit_history,
    references,
    images,
    controls,
    corrections,
    gallery,
    agreement,
    model_versions,
    training_runs,
    try_it,
):
    router.include_router(pages.router)
