"""Classify the cells of an image for an analysis whose model version has not seen them."""

from sqlalchemy.orm import Session

from app.db.session import transaction
from app.db.tables import AnalysisImage, Job
from app.domain.errors import PliantError
from app.services import analyses, inspections
from app.services.inspections import Probabilities
from worker import pipeline
from worker.context import Work
from worker.loading import load_network, load_pixels


def classify_image(work: Work) -> None:
    with transaction(work.context.sessions) as session:
        wanted = inspections.cells_to_classify(session, work.subject_id)
    probabilities = None
    if wanted is not None:
        pixels = load_pixels(work.context, wanted.image)
        classifier = load_network(work.context, wanted.network)
        cells = pipeline.classify(pixels, wanted.cells.rows, wanted.cells.columns, classifier)
        probabilities = Probabilities(wanted.network, cells.index, cells.p_outlet, cells.looks)
    with work.finish() as session:
        inspections.record_classification(
            session, work.subject_id, wanted, probabilities, job_id=work.job_id
        )


def on_failure(session: Session, job: Job, error: PliantError) -> None:
    waiting = session.get(AnalysisImage, job.subject_id)
    if waiting is not None:
        analyses.fail_analysis(session, waiting.analysis_id, code=error.code, message=error.message)
