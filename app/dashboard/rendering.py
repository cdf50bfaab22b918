"""Templates to answers. Autoescape is always on; a chart's text is the only markup passed in."""

from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from app.dashboard.contexts.shell import Shell

FRONTEND: Final = Path(__file__).resolve().parents[2] / "frontend"


@lru_cache(maxsize=1)
def environment() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(FRONTEND / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals["version"] = version("pliant")
    return templates


def render(template: str, shell: Shell, page: object = None, *, status: int = 200) -> HTMLResponse:
    text = environment().get_template(template).render(shell=shell, page=page)
    return HTMLResponse(text, status_code=status, headers={"Cache-Control": "no-store"})
