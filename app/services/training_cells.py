"""The cells a training run learns from: chosen by sample or donor, frozen, read again by a worker.

A label is the outlet a cell left the device through. Frozen are the cells' ids with their label,
and a hash over images, places and labels; a worker that finds anything else refuses to train.
"""

import hashlib
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from app.db.queries import training_cells as queries
from app.db.queries.training_cells import ImageCellsRow, SortedWellRow
from app.db.tables import Cell, TrainingRunImage
from app.domain.coverage import Coverage, SortedWell, describe_coverage
from app.domain.errors import InvalidInput, ProcessingFailed
from app.domain.imaging.crops import has_crop
from app.domain.imaging.regions import RADIUS_UNIT_PX
from app.domain.outlets import IMAGED_OUTLETS
from app.services.inspections import ImageToRead, image_to_read

MOST_CELLS: Final = 300_000
"""Of one run: their crops, 3.6 kB each, are held in memory."""


@dataclass(frozen=True)
class Selection:
    """Samples and donors to learn from; neither: every sample that is no demonstration."""

    samples: tuple[uuid.UUID, ...] | None = None
    donors: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ChosenWell:
    """A sorted well; `name` is unique among the wells of a run, and the same wherever it is run.

    `number` counts the donor's wells of that outlet, over samples.
    """

    row: SortedWellRow
    name: str
    number: int

    @property
    def sorted_well(self) -> SortedWell:
        return SortedWell(self.row.donor_code, self.row.outlet, self.name, self.row.n_cells)


@dataclass(frozen=True)
class FrozenDataset:
    n_images: int
    n_cells: int
    sha256: str


@dataclass(frozen=True)
class LabelledImage:
    """The n frozen cells of one image.

    Attributes
    ----------
    rows, columns
        Centres in px, shape (n,).
    diameters_um
        Shape (n,).
    radii_px
        Outlines, shape (n, 32).
    """

    image: ImageToRead
    donor: str
    outlet: int
    well_name: str
    well_number: int
    rows: NDArray[np.float32]
    columns: NDArray[np.float32]
    diameters_um: NDArray[np.float32]
    radii_px: NDArray[np.float32]


class DatasetHash:
    """SHA-256 over images, places and labels, in the order in which they are added."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def add(
        self, well_name: str, outlet: int, sha256: str, rows: Sequence[float] | NDArray[np.float32],
        columns: Sequence[float] | NDArray[np.float32],
    ) -> None:  # fmt: skip
        self._digest.update(f"{well_name}\n{outlet}\n{sha256}\n{len(rows)}\n".encode())
        for places in (rows, columns):
            self._digest.update(np.asarray(places, "<f4").tobytes())

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def choose_wells(session: Session, selection: Selection) -> list[ChosenWell]:
    """The sorted wells of the selection, in an order that no change of a row disturbs."""
    _refuse_unknown(session, selection)
    return _chosen(
        queries.sorted_wells(session, samples=selection.samples, donors=selection.donors)
    )


def all_wells(session: Session) -> list[ChosenWell]:
    """Every sorted well there is, the demonstration's too."""
    return _chosen(queries.sorted_wells(session, with_demonstration=True))


def _chosen(rows: Sequence[SortedWellRow]) -> list[ChosenWell]:
    places = _places_of_samples(rows)
    counts: Counter[tuple[str, int]] = Counter()
    wells = []
    for row in rows:
        counts[row.donor_code, row.outlet] += 1
        name = _name(row, places[row.sample_id])
        wells.append(ChosenWell(row, name, counts[row.donor_code, row.outlet]))
    return wells


def _places_of_samples(rows: Sequence[SortedWellRow]) -> dict[uuid.UUID, int]:
    """Which of its donor's samples each is, from 1."""
    places: dict[uuid.UUID, int] = {}
    counts: Counter[str] = Counter()
    for row in rows:
        if row.sample_id not in places:
            counts[row.donor_code] += 1
            places[row.sample_id] = counts[row.donor_code]
    return places


def _name(row: SortedWellRow, place: int) -> str:
    return f"{row.donor_code}, sample {place}, outlet {row.outlet}, well {row.number}"


def _refuse_unknown(session: Session, selection: Selection) -> None:
    samples, donors = set(selection.samples or ()), set(selection.donors or ())
    if strange := samples - queries.known_samples(session, samples):
        named = ", ".join(sorted(map(str, strange)))
        raise InvalidInput("training_sample_unknown", f"There is no sample {named}; check the ids.")
    if unknown := donors - queries.known_donors(session, donors):
        raise InvalidInput(
            "training_donor_unknown",
            f"There is no donor {', '.join(sorted(unknown))}; check the codes.",
        )


def coverage_of(wells: Sequence[ChosenWell]) -> Coverage:
    return describe_coverage([well.sorted_well for well in wells])


def freeze_cells(session: Session, run_id: uuid.UUID, wells: Sequence[ChosenWell]) -> FrozenDataset:
    """Write down which cells the run learns from: those that count now and have a whole crop."""
    by_id = {well.row.well_id: well for well in wells if well.row.outlet in IMAGED_OUTLETS}
    place = {well_id: place for place, well_id in enumerate(by_id)}
    images = [
        (by_id[row.well_id], row)
        for row in map(_with_crops, queries.cells_of_wells(session, by_id))
    ]
    images = [(well, row) for well, row in images if row.cell_ids]
    images.sort(key=lambda pair: (place[pair[0].row.well_id], pair[1].sha256))
    digest, n_cells = DatasetHash(), 0
    for ordinal, (well, row) in enumerate(images):
        digest.add(well.name, well.row.outlet, row.sha256, row.rows, row.columns)
        n_cells += len(row.cell_ids)
        session.add(_frozen(run_id, ordinal, well, row))
    _refuse_unusable(n_cells)
    session.flush()
    return FrozenDataset(len(images), n_cells, digest.hexdigest())


def _with_crops(row: ImageCellsRow) -> ImageCellsRow:
    fits = has_crop(
        np.asarray(row.rows, np.float32),
        np.asarray(row.columns, np.float32),
        (row.height, row.width),
    )
    kept = np.flatnonzero(fits).tolist()
    return ImageCellsRow(
        well_id=row.well_id,
        image_id=row.image_id,
        sha256=row.sha256,
        height=row.height,
        width=row.width,
        cell_ids=[row.cell_ids[i] for i in kept],
        rows=[row.rows[i] for i in kept],
        columns=[row.columns[i] for i in kept],
    )


def _frozen(
    run_id: uuid.UUID, ordinal: int, well: ChosenWell, row: ImageCellsRow
) -> TrainingRunImage:
    return TrainingRunImage(
        training_run_id=run_id,
        ordinal=ordinal,
        image_id=row.image_id,
        donor_code=well.row.donor_code,
        outlet=well.row.outlet,
        well_number=well.number,
        well_name=well.name,
        cell_ids=b"".join(cell_id.bytes for cell_id in row.cell_ids),
    )


def _refuse_unusable(n_cells: int) -> None:
    if n_cells > MOST_CELLS:
        raise InvalidInput(
            "training_too_many_cells",
            f"These wells hold {n_cells} cells, more than {MOST_CELLS} at once; choose fewer.",
        )
    if n_cells == 0:
        raise no_cells()


def no_cells() -> InvalidInput:
    return InvalidInput(
        "training_no_cells",
        "There are no accepted cells in sorted wells of outlets 2 to 5; upload images of sorted "
        "cells first.",
    )


def labelled_image(session: Session, run_id: uuid.UUID, ordinal: int) -> LabelledImage:
    """One frozen image of a run with its cells as they were.

    Raises
    ------
    ProcessingFailed
        `training_data_changed`: the image or a cell is no longer there.
    """
    frozen = queries.frozen_image(session, run_id, ordinal)
    image = image_to_read(session, frozen.image_id)
    ids = [
        uuid.UUID(bytes=frozen.cell_ids[at : at + 16]) for at in range(0, len(frozen.cell_ids), 16)
    ]
    cells = queries.cells_by_id(session, ids)
    if image is None or len(cells) != len(ids):
        raise data_changed()
    ordered = [cells[cell_id] for cell_id in ids]
    return LabelledImage(
        image=image,
        donor=frozen.donor_code,
        outlet=frozen.outlet,
        well_name=frozen.well_name,
        well_number=frozen.well_number,
        rows=np.array([cell.row for cell in ordered], np.float32),
        columns=np.array([cell.column for cell in ordered], np.float32),
        diameters_um=np.array([cell.diameter_um for cell in ordered], np.float32),
        radii_px=np.stack([_radii_px(cell) for cell in ordered]),
    )


def _radii_px(cell: Cell) -> NDArray[np.float32]:
    return np.frombuffer(cell.outline, np.uint8).astype(np.float32) * np.float32(RADIUS_UNIT_PX)


def data_changed() -> ProcessingFailed:
    return ProcessingFailed(
        "training_data_changed",
        "Images or cells of this run are no longer what they were when it was asked for; start it "
        "again.",
    )
