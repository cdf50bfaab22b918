"""`python -m bench.gallery`: what a page of the gallery costs the server, on 70,000 cells.

Fabricated rows on a private PostgreSQL for the lists; for the sheet of crops, real bitmaps of the
published size in a folder. Wall-clock, the median of PASSES; a busy machine raises it.
"""

import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from app.db.session import transaction
from app.domain.imaging.scan_image import ImageFormat, write_bmp
from app.security.permissions import SYSTEM
from app.services import crop_sheets, gallery
from app.services.crop_sheets import CropPlace
from app.services.gallery import GalleryQuery, Sort
from app.services.images import StoredPicture
from app.storage import Store, image_key, open_store
from bench.image_to_rows import worker
from bench.rescoring import fabricate_sample
from worker.context import Context

PASSES: Final = 7
CELLS_PER_PAGE: Final = 240
SIDE_PX: Final = 2424
N_FILES: Final = 60
DEEP: Final = 200
"""Pages turned before the one that is timed: how far somebody may go on looking."""


def main() -> None:
    with threadpool_limits(limits=1), worker() as context:
        sample_id = fabricate_sample(context)
        for sort in Sort:
            print(f"{sort.value:12} {timed(partial(page, context, sample_id, sort)):6.0f} ms")
        cursor = page(context, sample_id, Sort.SMALL, limit=DEEP * CELLS_PER_PAGE)
        deep = partial(page, context, sample_id, Sort.SMALL, cursor)
        print(f"page {DEEP}     {timed(deep):6.0f} ms")
        print(f"count        {timed(lambda: count(context, sample_id)):6.0f} ms")
    with files() as (store, places, cell_ids):
        print(
            f"sheet of {CELLS_PER_PAGE} crops from {N_FILES} bitmaps "
            f"{timed(lambda: crop_sheets.sheet_jpeg(store, places, cell_ids)):6.0f} ms"
        )


def timed(work: Callable[[], object]) -> float:
    passes = []
    for _ in range(PASSES):
        begun = time.perf_counter()
        work()
        passes.append(1000 * (time.perf_counter() - begun))
    return median(passes)


def page(
    context: Context,
    sample_id: uuid.UUID,
    sort: Sort,
    cursor: str | None = None,
    limit: int = CELLS_PER_PAGE,
) -> str | None:
    with transaction(context.sessions) as session:
        query = GalleryQuery(sort=sort)
        return gallery.list_cells(
            session, SYSTEM, sample_id, query, cursor=cursor, limit=limit
        ).next_cursor


def count(context: Context, sample_id: uuid.UUID) -> int:
    with transaction(context.sessions) as session:
        return gallery.count_cells(session, SYSTEM, sample_id, GalleryQuery())


@contextmanager
def files() -> Iterator[tuple[Store, crop_sheets.Places, list[uuid.UUID]]]:
    """Bitmaps of noise, and cells spread over all of them."""
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder).as_uri())
        places: dict[StoredPicture, list[CropPlace]] = {}
        for number in range(N_FILES):
            sha256 = f"{number:064x}"
            pixels = rng.integers(150, 200, (SIDE_PX, SIDE_PX), dtype=np.uint8)
            store.put_once(image_key(sha256), write_bmp(pixels))
            picture = StoredPicture(sha256, ImageFormat.BMP, SIDE_PX, SIDE_PX)
            places[picture] = [
                CropPlace(uuid.uuid4(), *rng.integers(0, SIDE_PX, 2).tolist())
                for _ in range(CELLS_PER_PAGE // N_FILES)
            ]
        yield store, places, [cell.cell_id for found in places.values() for cell in found]


if __name__ == "__main__":
    main()
