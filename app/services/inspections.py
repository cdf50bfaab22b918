"""What a worker found in an image, written in one transaction with COPY."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func
from sqlalchemy.orm import Session

from app.db.bulk import copy_rows
from app.db.queries.analyses import classification_target, classified_images
from app.db.queries.images import cells_in_image, image_with_profile
from app.db.queries.model_versions import active_version
from app.db.tables import Cell, Classification, ModelVersion, Prediction, ScanImage
from app.domain.cell_looks import LookSums
from app.domain.imaging.analysis import Inspection
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.scan_image import ImageFormat
from app.domain.outlets import LAST_DEFORMABLE_OUTLET
from app.domain.quality import Finding, Level, Verdict
from app.services import events
from app.services.analyses import OVER, close_image

CELL_COLUMNS = (
    Cell.id, Cell.image_id, Cell.row, Cell.column, Cell.area_um2, Cell.diameter_um,
    Cell.circularity, Cell.elongation, Cell.rim_contrast, Cell.rim_width_um, Cell.shading_angle,
    Cell.contrast, Cell.crenation, Cell.outline, Cell.verdict, Cell.p_verdict, Cell.findings,
)  # fmt: skip
PREDICTION_COLUMNS = (
    Prediction.cell_id, Prediction.model_version_id, Prediction.p_deformable, Prediction.p_outlet,
)  # fmt: skip
LOCK: Final = {"key_share": True}
"""Against other writers of the image's row, but not against an analysis that begins to cover it:
that one may hold the analysis which closing the image waits for."""


@dataclass(frozen=True)
class NetworkFile:
    """Which network to load: the row's id, its file's hash, its manifest."""

    version_id: uuid.UUID
    sha256: str
    manifest: dict[str, Any]


@dataclass(frozen=True)
class ImageToRead:
    """Where an image lies and how its pixels are to be read."""

    image_id: uuid.UUID
    sha256: str
    format: ImageFormat
    parameters: ImagingParameters
    is_pending: bool


@dataclass(frozen=True)
class FoundCells:
    """The n cells of an image: centres in px, and which were accepted as found."""

    ids: tuple[uuid.UUID, ...]
    rows: NDArray[np.float32]
    columns: NDArray[np.float32]
    accepted: NDArray[np.bool_]


@dataclass(frozen=True)
class CellsToClassify:
    """The cells of a judged image that a model version has not seen."""

    image: ImageToRead
    network: NetworkFile
    cells: FoundCells


@dataclass(frozen=True)
class Probabilities:
    """A version's probabilities for some cells of one image, and how these look.

    Shapes (m,), (m, k) and (m, f); without looks the sample cannot be placed among donors.
    """

    network: NetworkFile
    index: NDArray[np.intp]
    p_outlet: NDArray[np.float32]
    looks: NDArray[np.float32] | None = None


def image_to_read(session: Session, image_id: uuid.UUID) -> ImageToRead | None:
    row = image_with_profile(session, image_id)
    if row is None:
        return None
    image, profile = row.ScanImage, row.InstrumentProfile
    return ImageToRead(
        image_id=image.id,
        sha256=image.sha256,
        format=ImageFormat(image.format),
        parameters=ImagingParameters.from_json(profile.parameters),
        is_pending=image.verdict == Verdict.PENDING,
    )


def active_network(session: Session) -> NetworkFile | None:
    version = active_version(session)
    return None if version is None else network_file(version)


def network_file(version: ModelVersion) -> NetworkFile:
    return NetworkFile(version.id, version.sha256, version.manifest)


def record_inspection(
    session: Session,
    image_id: uuid.UUID,
    inspection: Inspection,
    probabilities: Probabilities | None,
    *,
    pipeline_version: str,
    job_id: uuid.UUID,
) -> None:
    """Write verdict, cells and predictions, then wake the analyses that wait for the image."""
    image = session.get_one(ScanImage, image_id, with_for_update=LOCK)
    found = inspection.image
    image.verdict = found.verdict
    image.findings = [finding.to_json() for finding in found.findings]
    image.mean_grey, image.sd_grey, image.focus = found.mean_grey, found.sd_grey, found.focus
    _write_mask(image, found.usable)
    image.pipeline_version = pipeline_version
    image.inspected_at = func.clock_timestamp()
    session.flush()
    cell_ids = [uuid.uuid4() for _ in range(len(inspection.regions))]
    copy_rows(session, Cell, CELL_COLUMNS, _cell_rows(image_id, cell_ids, inspection))
    if probabilities is not None and found.verdict is not Verdict.REJECTED:
        cells = _found_cells(cell_ids, inspection)
        write_predictions(session, image_id, cells, probabilities, job_id=job_id)
    close_image(session, image)
    if found.verdict is Verdict.REJECTED:
        events.image_rejected(session, image)


def _write_mask(image: ScanImage, usable: NDArray[np.bool_] | None) -> None:
    if usable is None:
        return
    image.usable_share = float(usable.mean())
    image.usable_mask = np.packbits(usable).tobytes()
    image.usable_rows, image.usable_columns = usable.shape


def _found_cells(cell_ids: Sequence[uuid.UUID], inspection: Inspection) -> FoundCells:
    regions = inspection.regions
    return FoundCells(tuple(cell_ids), regions.row, regions.column, inspection.accepted)


def _cell_rows(
    image_id: uuid.UUID, cell_ids: Sequence[uuid.UUID], inspection: Inspection
) -> list[tuple[object, ...]]:
    regions = inspection.regions
    measures = zip(
        regions.row.tolist(), regions.column.tolist(), regions.area_um2.tolist(),
        regions.diameter_um.tolist(), regions.circularity.tolist(), regions.elongation.tolist(),
        regions.rim_contrast.tolist(), regions.rim_width_um.tolist(),
        regions.shading_angle.tolist(), regions.contrast.tolist(),
        regions.crenation.tolist(), strict=True,
    )  # fmt: skip
    return [
        (cell_id, image_id, *measure, radii.tobytes(), str(judged.verdict),
         judged.probability, list(judged.findings))
        for cell_id, measure, radii, judged in zip(
            cell_ids, measures, regions.radii, inspection.judgements, strict=True
        )
    ]  # fmt: skip


def write_predictions(
    session: Session,
    image_id: uuid.UUID,
    cells: FoundCells,
    probabilities: Probabilities,
    *,
    job_id: uuid.UUID,
) -> None:
    """COPY one row per classified cell, and the row that says the image is done."""
    network = probabilities.network
    is_deformable = np.asarray(network.manifest["outlets"]) <= LAST_DEFORMABLE_OUTLET
    p_deformable = probabilities.p_outlet[:, is_deformable].sum(axis=1).clip(0, 1)
    rows = [
        (cells.ids[i], network.version_id, p, p_outlet)
        for i, p, p_outlet in zip(
            probabilities.index.tolist(),
            p_deformable.tolist(),
            probabilities.p_outlet.tolist(),
            strict=True,
        )
    ]
    copy_rows(session, Prediction, PREDICTION_COLUMNS, rows)
    session.add(
        Classification(
            image_id=image_id,
            model_version_id=network.version_id,
            p_accepted=_packed(cells, probabilities),
            looks=_summed_looks(cells, probabilities),
            job_id=job_id,
        )
    )
    session.flush()


def _packed(cells: FoundCells, probabilities: Probabilities) -> bytes:
    """The probabilities of the accepted cells, in the order in which the database sorts cells."""
    place = {i: place for place, i in enumerate(probabilities.index.tolist()) if cells.accepted[i]}
    order = sorted(place, key=lambda i: (cells.rows[i], cells.columns[i], cells.ids[i]))
    return probabilities.p_outlet[[place[i] for i in order]].astype(np.float32).tobytes()


def _summed_looks(cells: FoundCells, probabilities: Probabilities) -> bytes | None:
    if probabilities.looks is None:
        return None
    return LookSums.of(probabilities.looks[cells.accepted[probabilities.index]]).to_bytes()


def record_failed_inspection(
    session: Session, image_id: uuid.UUID, *, code: str, message: str
) -> None:
    """An image no worker could read is rejected with the reason; the rest of its well goes on."""
    image = session.get(ScanImage, image_id, with_for_update=LOCK)
    if image is None or image.verdict != Verdict.PENDING:
        return
    image.verdict = Verdict.REJECTED
    image.findings = [Finding(code, Level.REJECT, None, None, message).to_json()]
    image.inspected_at = func.clock_timestamp()
    session.flush()
    close_image(session, image)
    events.image_rejected(session, image)


def cells_to_classify(session: Session, analysis_image_id: uuid.UUID) -> CellsToClassify | None:
    """What an analysis still needs of one image; None if that was done or is wanted no more."""
    target = classification_target(session, analysis_image_id)
    if target is None or target.Analysis.state in OVER:
        return None
    image_id, version = target.AnalysisImage.image_id, target.ModelVersion
    image = image_to_read(session, image_id)
    if image is None or classified_images(session, [image_id], version.id):
        return None
    cells = cells_in_image(session, image_id)
    return CellsToClassify(
        image=image,
        network=network_file(version),
        cells=FoundCells(
            ids=tuple(cell.id for cell in cells),
            rows=np.array([cell.row for cell in cells], np.float32),
            columns=np.array([cell.column for cell in cells], np.float32),
            accepted=np.array([cell.verdict == Verdict.ACCEPTED for cell in cells], bool),
        ),
    )


def record_classification(
    session: Session,
    analysis_image_id: uuid.UUID,
    work: CellsToClassify | None,
    probabilities: Probabilities | None,
    *,
    job_id: uuid.UUID,
) -> None:
    """Write predictions unless another job of the same version was first, then close the image."""
    target = classification_target(session, analysis_image_id)
    if target is None:
        return
    image = session.get_one(ScanImage, target.AnalysisImage.image_id, with_for_update=LOCK)
    if work is not None and probabilities is not None:
        done = classified_images(session, [image.id], probabilities.network.version_id)
        if not done:
            write_predictions(session, image.id, work.cells, probabilities, job_id=job_id)
    close_image(session, image)
