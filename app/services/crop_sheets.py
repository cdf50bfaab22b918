"""Crops of many cells in one picture; of a BMP only the rows of each crop are read."""

import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from app.db.queries import gallery as queries
from app.domain.errors import NotFound, Unavailable
from app.domain.imaging.crops import CROP_PX
from app.domain.imaging.scan_image import HEADER_BYTES, PALETTE_BYTES, ImageFormat, locate_rows
from app.security.permissions import Principal
from app.services.images import StoredPicture, pixels_of
from app.services.visibility import visible_sample
from app.storage import Store, image_key

SHEET_COLUMNS: Final = 20
MOST_CROPS: Final = 400
JPEG_QUALITY: Final = 88
BEYOND: Final = 128
"""Grey of what would lie outside the image."""

Crop = NDArray[np.uint8]


@dataclass(frozen=True)
class CropPlace:
    """Where a crop's middle lies in its image, px."""

    cell_id: uuid.UUID
    row: int
    column: int

    def rows_within(self, height_px: int) -> tuple[int, int]:
        top = self.row - CROP_PX // 2
        return max(top, 0), min(top + CROP_PX, height_px)


Places = Mapping[StoredPicture, Sequence[CropPlace]]


def find_places(
    session: Session, principal: Principal, sample_id: uuid.UUID, cell_ids: Sequence[uuid.UUID]
) -> Places:
    """Where the cells lie, by image.

    Raises
    ------
    NotFound
        ``cell_unknown``: one of them is not of this sample.
    """
    visible_sample(session, principal, sample_id)
    found = queries.cells_with_files(session, sample_id, cell_ids)
    if len(found) < len(set(cell_ids)):
        raise NotFound(
            "cell_unknown", "A cell asked for is not of this sample; load the page again."
        )
    places: dict[StoredPicture, list[CropPlace]] = defaultdict(list)
    for cell_id, row, column, image, profile in found:
        stored = StoredPicture(
            image.sha256, ImageFormat(image.format), profile.height, profile.width
        )
        places[stored].append(CropPlace(cell_id, round(row), round(column)))
    return places


def sheet_jpeg(store: Store, places: Places, cell_ids: Sequence[uuid.UUID]) -> bytes:
    """Crops in the order asked, `SHEET_COLUMNS` in a row, 60 × 60 px each."""
    crops = {
        place.cell_id: crop
        for stored, wanted in places.items()
        for place, crop in _crops(store, stored, wanted)
    }
    n_rows = -(-len(cell_ids) // SHEET_COLUMNS)
    sheet = np.full((n_rows * CROP_PX, SHEET_COLUMNS * CROP_PX), BEYOND, np.uint8)
    for number, cell_id in enumerate(cell_ids):
        row, column = (CROP_PX * place for place in divmod(number, SHEET_COLUMNS))
        sheet[row : row + CROP_PX, column : column + CROP_PX] = crops[cell_id]
    _, encoded = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return encoded.tobytes()


def _crops(
    store: Store, stored: StoredPicture, places: Sequence[CropPlace]
) -> Iterator[tuple[CropPlace, Crop]]:
    if stored.format is ImageFormat.BMP:
        bands = _bands_of_bmp(store, stored, places)
    else:
        pixels = pixels_of(store, stored)
        spans = [place.rows_within(stored.height_px) for place in places]
        bands = [pixels[top:bottom] for top, bottom in spans]
    for place, band in zip(places, bands, strict=True):
        yield place, _cut(band, place)


def _bands_of_bmp(
    store: Store, stored: StoredPicture, places: Sequence[CropPlace]
) -> list[NDArray[np.uint8]]:
    """The rows each crop lies in; reading them costs a fortieth of reading the whole file."""
    key = image_key(stored.sha256)
    try:
        (head,) = store.get_parts(key, [(0, HEADER_BYTES + PALETTE_BYTES)])
        rows = [
            locate_rows(head, top=top, bottom=bottom)
            for top, bottom in (place.rows_within(stored.height_px) for place in places)
        ]
        parts = store.get_parts(key, [(band.offset, band.n_bytes) for band in rows])
    except FileNotFoundError as error:
        raise Unavailable(
            "stored_file_missing",
            "A stored file is missing; restore it from the backup or send it again.",
        ) from error
    return [band.pixels(part) for band, part in zip(rows, parts, strict=True)]


def _cut(band: NDArray[np.uint8], place: CropPlace) -> Crop:
    """The crop out of its rows, grey where it leaves the image."""
    left, top = place.column - CROP_PX // 2, place.row - CROP_PX // 2
    first, last = max(left, 0), min(left + CROP_PX, band.shape[1])
    crop = np.full((CROP_PX, CROP_PX), BEYOND, np.uint8)
    above = max(-top, 0)
    crop[above : above + len(band), first - left : last - left] = band[:, first:last]
    return crop
