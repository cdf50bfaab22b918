"""Samples whose cells were never in a picture: thousands of rows in seconds, by the worker's code.

What is measured or tested on them reads rows and scores them; it does not look at pixels.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from app.db.queries.samples import newest_scan
from app.db.tables import ScanImage
from app.domain.imaging.analysis import ImageInspection, Inspection
from app.domain.imaging.judgement import CellJudgement
from app.domain.imaging.outliner import KINDS
from app.domain.imaging.regions import N_ANGLES, CellRegions
from app.domain.quality import Finding, Level, Verdict
from app.security.permissions import SYSTEM
from app.services import inspections
from app.services.inspections import Probabilities

REJECTED_SHARE: Final = 0.15
CODES: Final = (("debris",), ("outside_usable",), ("several", "outside_usable"), ("blurred",))
SPREAD: Final = 0.7
"""How far a cell's look lies from its outlet's, in outlets; about the bundled network's skill."""


@dataclass(frozen=True)
class FabricatedImage:
    """What a worker could have found in an image of `side_px`."""

    inspection: Inspection
    p_outlet: NDArray[np.float32]


def fabricate(
    rng: np.random.Generator,
    *,
    n_cells: int,
    outlets: Sequence[int],
    side_px: int = 2424,
    verdict: Verdict = Verdict.ACCEPTED,
) -> FabricatedImage:
    """Cells anywhere, some of them rejected for reasons of all kinds; all have whole crops."""
    measures: dict[str, Any] = {
        field.name: rng.uniform(0.1, 1.0, n_cells).astype(np.float32)
        for field in fields(CellRegions)
    }
    centres = rng.uniform(32, side_px - 32, (2, n_cells)).astype(np.float32)
    radii = rng.integers(70, 100, (n_cells, N_ANGLES)).astype(np.uint8)
    kinds = np.full((n_cells, len(KINDS)), 1 / len(KINDS), np.float32)
    measures |= {"row": centres[0], "column": centres[1], "radii": radii, "p_kinds": kinds}
    image = ImageInspection(verdict, _findings(verdict), _mask(verdict), 128.0, 9.0, 1.0)
    judged = tuple(_judged(rng, verdict) for _ in range(n_cells))
    inspection = Inspection(image, CellRegions(**measures), judged)
    return FabricatedImage(inspection, posteriors(rng, n_cells, outlets))


def _findings(verdict: Verdict) -> tuple[Finding, ...]:
    if verdict is Verdict.ACCEPTED:
        return ()
    return (Finding("out_of_focus", Level.REJECT, 2.0, 1.0, "Blurred; focus and take it again."),)


def _mask(verdict: Verdict) -> NDArray[np.bool_] | None:
    if verdict is not Verdict.PARTLY:
        return None
    return np.arange(12).reshape(3, 4) % 4 > 0


def _judged(rng: np.random.Generator, verdict: Verdict) -> CellJudgement:
    codes: tuple[str, ...] = ()
    if rng.random() < REJECTED_SHARE:
        codes = CODES[rng.integers(len(CODES))]
    if verdict is Verdict.REJECTED and "outside_usable" not in codes:
        codes = (*codes, "outside_usable")
    verdict_found = Verdict.REJECTED if codes else Verdict.ACCEPTED
    return CellJudgement(verdict_found, codes, float(rng.uniform(0.5, 1.0)))


def posteriors(
    rng: np.random.Generator, n_cells: int, outlets: Sequence[int]
) -> NDArray[np.float32]:
    """Probabilities over outlets that mostly agree with a neighbouring outlet, shape (n, k)."""
    names = np.asarray(outlets, np.float64)
    look = rng.choice(names, n_cells) + rng.normal(0, SPREAD, n_cells)
    log_density = -((look[:, np.newaxis] - names) ** 2) / (2 * SPREAD**2)
    density = np.exp(log_density + rng.normal(0, 0.1, log_density.shape))
    return np.asarray(density / density.sum(axis=1, keepdims=True), np.float32)


def add_image(session: Session, well_id: uuid.UUID) -> uuid.UUID:
    """A pending image without bytes, and without a job that would look for them."""
    image = ScanImage(
        scan_id=newest_scan(session, well_id).id, well_id=well_id, sha256=uuid.uuid4().hex * 2,
        filename="fabricated.bmp", format="bmp", n_bytes=1, findings=[], created_by=SYSTEM.id,
    )  # fmt: skip
    session.add(image)
    session.flush()
    return image.id


def record(session: Session, image_id: uuid.UUID, image: FabricatedImage) -> None:
    """Write it as a worker would: a rejected image keeps its cells without probabilities."""
    network = inspections.active_network(session)
    assert network is not None
    inspections.record_inspection(
        session,
        image_id,
        image.inspection,
        Probabilities(network, np.arange(len(image.p_outlet)), image.p_outlet),
        pipeline_version="fabricated",
        job_id=uuid.uuid4(),
    )
