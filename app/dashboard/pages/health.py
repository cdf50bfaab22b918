"""How the installation is, for whoever runs it."""

from fastapi import APIRouter
from starlette.responses import Response

from app.dashboard.contexts.health import health_page
from app.dashboard.frames import shell_for
from app.dashboard.rendering import render
from app.security.permissions import Permission
from app.services import health_report
from app.web.dependencies import PrincipalDep, SessionDep, SettingsDep, StoreDep, require

router = APIRouter()


@router.get("/health", dependencies=[require(Permission.READ_HEALTH)])
def get_health(
    session: SessionDep, principal: PrincipalDep, store: StoreDep, settings: SettingsDep
) -> Response:
    page = health_page(health_report.report_health(session, store, settings))
    return render("health.html", shell_for(principal, "Health", "health"), page)
