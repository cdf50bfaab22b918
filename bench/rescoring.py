"""`python -m bench.rescoring`: how long a score takes to follow one correction, on 70,000 cells.

Fabricated rows on a private PostgreSQL: two wells of 35 images of 1,000 cells. Each pass excludes
a cell of another image and runs the job that follows, in one thread, as a worker does. CPU time of
the worker's side and of its PostgreSQL connection, and wall-clock time, each the median of PASSES;
a busy machine raises both, the latter more.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final, TypeVar

import numpy as np
import psutil
from sqlalchemy import select, text, update
from threadpoolctl import threadpool_limits

from app.db.queries.analyses import latest_analysis
from app.db.session import snapshot, transaction
from app.db.tables import Cell, Classification, Job, ScanImage
from app.security.permissions import SYSTEM
from app.services import analyses, corrections, samples, score_runs
from app.services.corrections import CorrectedVerdict
from app.services.samples import Container, NewSample, NewWell
from app.services.score_runs import ScoreMaterial
from bench.fabricated_samples import add_image, fabricate, record
from bench.image_to_rows import cpu_seconds, worker
from worker import runner
from worker.context import Context
from worker.tasks import HANDLERS

PASSES: Final = 9
WELLS: Final = 2
IMAGES_PER_WELL: Final = 35
CELLS_PER_IMAGE: Final = 1000
NEEDS: Final = {"min_wells": 2, "min_images_per_well": 20, "min_cells": 1000}
Result = TypeVar("Result")


@dataclass(frozen=True)
class Spent:
    cpu_ms: float
    wall_ms: float


def main() -> None:
    with threadpool_limits(limits=1), worker() as context:
        sample_id = fabricate_sample(context)
        run_queue(context)
        packed = measure_passes(context, sample_id)
        with transaction(context.sessions) as session:
            session.execute(update(Classification).values(p_accepted=None))
        by_cell = measure_passes(context, sample_id)
    print(f"Median of {PASSES}, ms: CPU (wall-clock)\n")
    print("| after one correction | as kept by image | read cell by cell |\n|---|--:|--:|")
    for step, spent in packed.items():
        both = (f"{one.cpu_ms:.0f} ({one.wall_ms:.0f})" for one in (spent, by_cell[step]))
        print(f"| {step} | {' | '.join(both)} |")


def fabricate_sample(context: Context) -> uuid.UUID:
    """A sample with an analysis that waits to be scored."""
    rng = np.random.default_rng(1)
    with transaction(context.sessions) as session:
        new = NewSample(donor_code="BENCH", container=Container.BLOOD_BAG)
        sample_id = samples.create_sample(session, SYSTEM, new).id
        for number in range(1, WELLS + 1):
            well = NewWell(outlet=None, number=number)
            well_id = samples.add_well(session, SYSTEM, sample_id, well).id
            for _ in range(IMAGES_PER_WELL):
                image = fabricate(rng, n_cells=CELLS_PER_IMAGE, outlets=(2, 3, 4, 5))
                record(session, add_image(session, well_id), image)
        analyses.request_analysis(session, SYSTEM, sample_id, parameters=NEEDS)
    with transaction(context.sessions) as session:
        session.execute(text("ANALYZE"))
    return sample_id


def run_queue(context: Context) -> None:
    with transaction(context.sessions) as session:
        waiting = session.scalars(select(Job.id).where(Job.state == "queued")).all()
    for job_id in waiting:
        runner.run(job_id, context, HANDLERS)


def measure_passes(context: Context, sample_id: uuid.UUID) -> dict[str, Spent]:
    with transaction(context.sessions) as session:
        backend = psutil.Process(session.scalar(text("SELECT pg_backend_pid()")))
    passes = [measure(context, backend, sample_id, number) for number in range(PASSES + 1)]
    return {
        step: Spent(
            median(one[step].cpu_ms for one in passes[1:]),
            median(one[step].wall_ms for one in passes[1:]),
        )
        for step in passes[0]
    }


def measure(
    context: Context, backend: psutil.Process, sample_id: uuid.UUID, number: int
) -> dict[str, Spent]:
    """Exclude one more cell; then read and compute alone, then the whole job with both again."""
    spent: dict[str, Spent] = {}

    def timed(step: str, work: Callable[[], Result]) -> Result:
        begun, cpu_before = time.perf_counter(), time.process_time() + cpu_seconds(backend)
        result = work()
        cpu = time.process_time() + cpu_seconds(backend) - cpu_before
        spent[step] = Spent(1000 * cpu, 1000 * (time.perf_counter() - begun))
        return result

    cell_id = cell_of(context, number)
    timed("the correction itself", lambda: exclude(context, cell_id))
    with transaction(context.sessions) as session:
        running = latest_analysis(session, sample_id)
    assert running is not None
    material = timed("read the cells", lambda: read(context, running.id))
    timed("compute score and interval", lambda: score_runs.compute(material))
    timed("the whole job, committed", lambda: run_queue(context))
    return spent


def read(context: Context, analysis_id: uuid.UUID) -> ScoreMaterial:
    with snapshot(context.sessions) as session:
        material = score_runs.read_material(session, analysis_id)
    assert material is not None
    return material


def cell_of(context: Context, number: int) -> uuid.UUID:
    """An accepted cell of the numbered image that is still as it was found."""
    with transaction(context.sessions) as session:
        image_id = session.scalars(
            select(ScanImage.id).order_by(ScanImage.id).offset(number).limit(1)
        ).one()
        return session.scalars(
            select(Cell.id)
            .where(Cell.image_id == image_id, Cell.verdict == "accepted")
            .where(Cell.corrected_verdict.is_(None))
            .limit(1)
        ).one()


def exclude(context: Context, cell_id: uuid.UUID) -> None:
    with transaction(context.sessions) as session:
        corrections.correct_cell(
            session, SYSTEM, cell_id, verdict=CorrectedVerdict.REJECTED, reason="measured"
        )


if __name__ == "__main__":
    main()
