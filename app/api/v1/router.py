"""Everything under /api/v1."""

from fastapi import APIRouter

from app.api.v1 import audit, instrument_profiles, samples, uploads, version, wells
from app.web.errors import refusals

router = APIRouter(prefix="/api/v1", responses=refusals(400, 401, 403, 422))
for _noun in (version, samples, wells, uploads, instrument_profiles, audit):
    router.include_router(_noun.router)
