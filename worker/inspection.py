"""Judge an image, find and classify its cells: one job per uploaded image."""

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from app.db.session import transaction
from app.db.tables import Job
from app.domain.errors import PliantError
from app.domain.imaging.analysis import Inspection
from app.domain.quality import Verdict
from app.services import inspections
from app.services.inspections import NetworkFile, Probabilities
from worker import pipeline
from worker.context import Context, Work
from worker.loading import load_network, load_pixels

log = structlog.get_logger()


def inspect_image(work: Work) -> None:
    with transaction(work.context.sessions) as session:
        image = inspections.image_to_read(session, work.subject_id)
        network = inspections.active_network(session)
    if image is None or not image.is_pending:
        with work.finish():
            return
    pixels = load_pixels(work.context, image)
    inspection = pipeline.inspect(pixels, image.parameters, work.context.outliner)
    probabilities = _classify(work.context, pixels, inspection, network)
    with work.finish() as session:
        inspections.record_inspection(
            session,
            image.image_id,
            inspection,
            probabilities,
            pipeline_version=pipeline.PIPELINE_VERSION,
            job_id=work.job_id,
        )


def _classify(
    context: Context,
    pixels: NDArray[np.uint8],
    inspection: Inspection,
    network: NetworkFile | None,
) -> Probabilities | None:
    """Classify at once with the active version, so that a complete sample answers in seconds.

    A broken network is no fault of the image: the analysis that asks for it fails, and says why.
    """
    if network is None or inspection.image.verdict is Verdict.REJECTED:
        return None
    regions = inspection.regions
    try:
        classifier = load_network(context, network)
        cells = pipeline.classify(pixels, regions.row, regions.column, classifier)
    except PliantError as error:
        log.warning("network.failed", sha256=network.sha256, code=error.code, cause=error.message)
        return None
    return Probabilities(network, cells.index, cells.p_outlet, cells.looks)


def on_failure(session: Session, job: Job, error: PliantError) -> None:
    inspections.record_failed_inspection(
        session, job.subject_id, code=error.code, message=error.message
    )
