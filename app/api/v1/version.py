"""Which program answers."""

from importlib.metadata import version

from fastapi import APIRouter
from pydantic import BaseModel

from app.web.dependencies import public

router = APIRouter(tags=["service"])


class VersionOut(BaseModel):
    name: str
    version: str


@router.get("/version", dependencies=[public])
def get_version() -> VersionOut:
    """Name and version of the program."""
    return VersionOut(name="Pliant", version=version("pliant"))
