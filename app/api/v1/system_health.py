"""How the installation is, for programs that watch it; `/readyz` and `/metrics` need no key."""

from fastapi import APIRouter

from app.security.permissions import Permission
from app.services import health_report
from app.services.health_report import HealthReport
from app.web.dependencies import SessionDep, SettingsDep, StoreDep, require

router = APIRouter(tags=["service"])


@router.get("/health", response_model=HealthReport, dependencies=[require(Permission.READ_HEALTH)])
def get_health(session: SessionDep, store: StoreDep, settings: SettingsDep) -> HealthReport:
    """Tell every part's state in words with the next step, and the numbers behind them."""
    return health_report.report_health(session, store, settings)
