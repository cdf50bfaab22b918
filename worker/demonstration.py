"""Make one part of the demonstration; a second attempt finds what the first one made."""

from app.services import demo
from app.services.analyses import requirements_of
from worker.context import Work


def make_demonstration(work: Work) -> None:
    settings = work.context.settings
    workshop = demo.Workshop(
        sessions=work.context.sessions,
        store=work.context.store,
        requirements=requirements_of(settings),
        run_sd=settings.reference_run_sd,
        checkpoint=work.checkpoint,
    )
    demo.make_part(workshop, work.subject_id)
    with work.finish():
        pass
