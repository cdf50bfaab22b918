"""Bytes to findings and cells, cells to probabilities; no database, no store."""

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.decoding import decode_image
from app.domain.cell_looks import measure_looks
from app.domain.errors import ProcessingFailed
from app.domain.imaging.analysis import Inspection, inspect_and_segment
from app.domain.imaging.crops import cut_crops, has_crop
from app.domain.imaging.outliner import Outliner
from app.domain.imaging.parameters import ImagingParameters
from app.domain.imaging.scan_image import ImageFormat
from models.classifier import Classifier

PIPELINE_VERSION: Final = "4"
"""Raised whenever the same bytes could give other findings or cells."""


@dataclass(frozen=True)
class StoredImage:
    """An image as received, with the hash it must still have."""

    data: bytes
    sha256: str
    format: ImageFormat


@dataclass(frozen=True)
class ClassifiedCells:
    """Probabilities of the cells that have a whole crop.

    Attributes
    ----------
    index
        Shape (m,), positions of these cells among all n given.
    p_outlet
        Shape (m, k), float32.
    looks
        Shape (m, f), float32, `app.domain.cell_looks`.
    """

    index: NDArray[np.intp]
    p_outlet: NDArray[np.float32]
    looks: NDArray[np.float32]


def read_pixels(stored: StoredImage, parameters: ImagingParameters) -> NDArray[np.uint8]:
    """Decode the stored bytes, shape (H, W).

    Raises
    ------
    ProcessingFailed
        `stored_bytes_changed`: a result must never be bound to bytes other than those received.
    """
    if hashlib.sha256(stored.data).hexdigest() != stored.sha256:
        raise ProcessingFailed(
            "stored_bytes_changed",
            "The stored file no longer has the hash it was received with; upload it again.",
        )
    return decode_image(
        stored.data,
        format=stored.format,
        height_px=parameters.height_px,
        width_px=parameters.width_px,
    )


def inspect(
    pixels: NDArray[np.uint8], parameters: ImagingParameters, outliner: Outliner
) -> Inspection:
    return inspect_and_segment(pixels, parameters, outliner)


def classify(
    pixels: NDArray[np.uint8],
    rows: NDArray[np.float32],
    columns: NDArray[np.float32],
    classifier: Classifier,
) -> ClassifiedCells:
    """Classify every cell whose crop lies within the image, rejected ones too.

    A technician may restore a rejected cell; its probability is then already there.
    """
    index = np.flatnonzero(has_crop(rows, columns, (pixels.shape[0], pixels.shape[1])))
    crops = cut_crops(pixels, rows[index], columns[index])
    return ClassifiedCells(index, classifier.predict(crops), measure_looks(crops))
