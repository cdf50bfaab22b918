"""Score an analysis whose images are all closed."""

from sqlalchemy.orm import Session

from app.db.session import snapshot
from app.db.tables import Job
from app.domain.errors import PliantError
from app.services import analyses, score_runs
from worker.context import Work


def score_analysis(work: Work) -> None:
    with snapshot(work.context.sessions) as session:
        material = score_runs.read_material(session, work.subject_id)
    computed = None if material is None else score_runs.compute(material)
    with work.finish() as session:
        if computed is not None:
            score_runs.record(session, computed, job_id=work.job_id)


def on_failure(session: Session, job: Job, error: PliantError) -> None:
    analyses.fail_analysis(session, job.subject_id, code=error.code, message=error.message)
