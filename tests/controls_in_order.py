"""The digital control of a test's laboratory, run as a worker runs it."""

from app.db.queries.model_versions import active_version
from app.db.session import transaction
from app.jobs import ledger
from app.jobs.kinds import JobKind
from app.services.first_start import install_shipped_control
from tests.laboratory import Laboratory


def bring_controls_in_order(laboratory: Laboratory) -> None:
    """Install the shipped control and run it under the active version, so that it bars nothing."""
    with transaction(laboratory.sessions) as session:
        install_shipped_control(session)
        version = active_version(session)
        assert version is not None
        ledger.enqueue(session, JobKind.CHECK_CONTROL, version.id)
    laboratory.run_queue()
