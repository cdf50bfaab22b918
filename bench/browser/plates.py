"""Folders of drawn images as a microscope leaves them: two wells, every file another one."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from app.domain.imaging.scan_image import write_bmp
from bench.images import drawn_bmp

WELLS: Final = 2
VIEWS: Final = 8


@contextmanager
def plate(*, images_per_well: int, number: int = 0) -> Iterator[Path]:
    """A folder of two wells; plates of other numbers differ in a pixel of every image.

    Few images are drawn, the rest are their turned and mirrored views.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "plate"
        views = islice(_views(number), WELLS * images_per_well)
        for count, pixels in enumerate(views):
            path = folder / f"well_{count // images_per_well + 1}" / f"{count:03}.bmp"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(write_bmp(pixels))
        yield folder


def _views(number: int) -> Iterator[NDArray[np.uint8]]:
    for drawing in range(1_000):
        for turns in range(VIEWS // 2):
            turned = np.rot90(_drawn(drawing), turns)
            for view in (turned, turned[::-1]):
                own = np.ascontiguousarray(view)
                own.flat[number] ^= 1
                yield own


@cache
def _drawn(number: int) -> NDArray[np.uint8]:
    encoded = np.frombuffer(drawn_bmp(number), np.uint8)
    pixels = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE)
    assert pixels is not None
    return np.asarray(pixels, np.uint8)
