"""A folder of bitmaps scored as a sample: the worker's pipeline without rows and store."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.domain.cell_looks import LookSums, mean_looks
from app.domain.donor_score import (
    DonorScore,
    ModelFigures,
    Requirements,
    WellCells,
    counted_share,
)
from app.domain.errors import Conflict, PliantError
from app.domain.imaging.outliner import Outliner
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.scan_image import sniff_format
from app.domain.quality import Verdict
from app.domain.sample_score import score_sample
from app.domain.score_record import to_details
from app.domain.scoring import CORRECTED_METHOD, IMAGE_METHOD
from models.classifier import Classifier
from worker import pipeline
from worker.pipeline import ClassifiedCells

SUFFIXES: Final = frozenset({".bmp", ".png", ".tif", ".tiff"})
SORTED: Final = re.compile(r"outlet[_ -]?\d+", re.IGNORECASE)
NOTICE: Final = "Research use only. Not a release criterion."


@dataclass(frozen=True)
class FolderImage:
    """One file: judged, with its cells as classified, or refused with a code."""

    well: str
    report: dict[str, Any]
    cells: ClassifiedCells | None


def score_folder(
    folder: Path,
    classifier: Classifier,
    outliner: Outliner,
    figures: ModelFigures,
    parameters: ImagingParameters,
    needs: Requirements,
) -> dict[str, Any]:
    """Score every folder below `folder` that holds bitmaps as one unsorted well.

    Folders named after an outlet hold sorted cells: they are judged and never scored. Files of the
    same bytes are one image, and count where the first of them lies.
    """
    seen: dict[str, Path] = {}
    images = [
        _read(path, folder, seen, classifier, outliner, parameters)
        for path in sorted(_bitmaps(folder))
    ]
    wells = tuple(_wells(images, len(figures.outlets)))
    found = score_sample(wells, figures, needs)
    score = found if isinstance(found, DonorScore) else None
    manifest = classifier.manifest
    return {
        "notice": NOTICE,
        "method": CORRECTED_METHOD if figures.is_two_class else IMAGE_METHOD,
        "model_version": {
            "name": manifest.name,
            "sha256": manifest.sha256,
            "demonstration": manifest.demonstration,
        },
        **_result(wells, figures, score),
        "reasons": [asdict(reason) for reason in (() if isinstance(found, DonorScore) else found)],
        "images": [image.report for image in images],
    }


def _result(
    wells: tuple[WellCells, ...], figures: ModelFigures, score: DonorScore | None
) -> dict[str, Any]:
    if score is None:
        return {
            "rigidity_score": None,
            "fraction_deformable": {"counted": counted_share(wells, figures)},
            "n_cells": sum(len(well.p_outlet) for well in wells),
        }
    return {"rigidity_score": score.rigidity_score, **to_details(score)}


def _bitmaps(folder: Path) -> Iterator[Path]:
    return (
        path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in SUFFIXES
    )


def _read(
    path: Path,
    folder: Path,
    seen: dict[str, Path],
    classifier: Classifier,
    outliner: Outliner,
    parameters: ImagingParameters,
) -> FolderImage:
    place = path.relative_to(folder)
    well = place.parent.as_posix()
    report: dict[str, Any] = {"file": place.as_posix(), "well": well}
    try:
        data = path.read_bytes()
        stored = pipeline.StoredImage(
            data, hashlib.sha256(data).hexdigest(), sniff_format(data[:16])
        )
        pixels = pipeline.read_pixels(stored, parameters)
        _refuse_copy(place, first=seen.setdefault(stored.sha256, place))
    except PliantError as error:
        refusal = {"code": error.code, "message": error.message}
        return FolderImage(well, report | {"verdict": "refused", "findings": [refusal]}, None)
    inspection = pipeline.inspect(pixels, parameters, outliner)
    found = inspection.image
    report |= {
        "verdict": str(found.verdict),
        "findings": [finding.to_json() for finding in found.findings],
        "n_cells": int(inspection.accepted.sum()),
    }
    if found.verdict is Verdict.REJECTED:
        return FolderImage(well, report, None)
    kept = inspection.regions.select(inspection.accepted)
    cells = pipeline.classify(pixels, kept.row, kept.column, classifier)
    return FolderImage(well, report, cells)


def _refuse_copy(place: Path, *, first: Path) -> None:
    if first == place:
        return
    if first.parent == place.parent:
        raise Conflict("duplicate", f"The same image as {first}, and counted once.")
    raise Conflict(
        "duplicate_elsewhere",
        f"The same image as {first}, where it counts, so one of the two wells was mixed up; "
        "compare the folders.",
    )


def _wells(images: list[FolderImage], n_outlets: int) -> Iterator[WellCells]:
    names = {image.well: None for image in images if not SORTED.search(image.well)}
    for name in names:
        usable = [image.cells for image in images if image.well == name and image.cells is not None]
        sizes = [len(cells.p_outlet) for cells in usable]
        none = np.zeros((0, n_outlets), np.float32)
        yield WellCells(
            name=name,
            p_outlet=np.concatenate([none, *(cells.p_outlet for cells in usable)]),
            image_index=np.repeat(np.arange(len(usable), dtype=np.intp), sizes),
            n_images=len(usable),
            mean_looks=mean_looks(LookSums.of(cells.looks) for cells in usable),
        )
