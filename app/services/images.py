"""Images and their cells as people and programs see them."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from app.db.queries import images as queries
from app.db.queries.analyses import latest_analysis
from app.db.queries.model_versions import active_version
from app.db.tables import Cell, InstrumentProfile, Prediction, ScanImage, Well
from app.decoding import decode_image
from app.domain.errors import Unavailable
from app.domain.imaging.regions import outline_points
from app.domain.imaging.scan_image import ImageFormat
from app.domain.quality import Finding
from app.security.permissions import Principal
from app.services.scores import well_name
from app.services.visibility import visible_image, visible_sample
from app.storage import Store, image_key

JPEG_QUALITY: Final = 90
# Blue and orange of the Okabe-Ito palette (BGR), which colour-blind readers tell apart.
DEFORMABLE_BGR: Final = (178, 114, 0)
RIGID_BGR: Final = (0, 94, 213)
REJECTED_BGR: Final = (150, 150, 150)


@dataclass(frozen=True)
class ImageView:
    id: uuid.UUID
    sample_id: uuid.UUID
    well_id: uuid.UUID
    well_name: str
    outlet: int | None
    filename: str
    sha256: str
    width: int
    height: int
    um_per_px: float
    verdict: str
    findings: tuple[Finding, ...]
    mean_grey: float | None
    sd_grey: float | None
    usable_share: float | None
    n_cells: int | None
    created_at: dt.datetime
    inspected_at: dt.datetime | None


@dataclass(frozen=True)
class CellView:
    """A cell; `outline` holds 32 (row, column) corners in px of the original image."""

    id: uuid.UUID
    row: float
    column: float
    area_um2: float
    diameter_um: float
    circularity: float
    elongation: float
    verdict: str
    findings: list[str]
    outline: list[tuple[float, float]]
    p_deformable: float | None
    p_outlet: dict[str, float] | None


@dataclass(frozen=True)
class StoredPicture:
    """What is needed to decode an image, read before any transaction-free work."""

    sha256: str
    format: ImageFormat
    height_px: int
    width_px: int


def get_image(session: Session, principal: Principal, image_id: uuid.UUID) -> ImageView:
    image, well, sample, profile = visible_image(session, principal, image_id)
    return _view(image, well, sample.id, profile, None)


def list_images(session: Session, principal: Principal, sample_id: uuid.UUID) -> list[ImageView]:
    """Every image of the sample's newest scans, by well and file name."""
    visible_sample(session, principal, sample_id)
    return [
        _view(image, well, sample_id, profile, n_cells)
        for image, well, profile, n_cells in queries.images_of_sample(session, sample_id)
    ]


def _view(
    image: ScanImage,
    well: Well,
    sample_id: uuid.UUID,
    profile: InstrumentProfile,
    n_cells: int | None,
) -> ImageView:
    return ImageView(
        id=image.id,
        sample_id=sample_id,
        well_id=well.id,
        well_name=well_name(well),
        outlet=well.outlet,
        filename=image.filename,
        sha256=image.sha256,
        width=profile.width,
        height=profile.height,
        um_per_px=profile.um_per_px,
        verdict=image.verdict,
        findings=tuple(Finding.from_json(values) for values in image.findings),
        mean_grey=image.mean_grey,
        sd_grey=image.sd_grey,
        usable_share=image.usable_share,
        n_cells=n_cells,
        created_at=image.created_at,
        inspected_at=image.inspected_at,
    )


def cells_of_image(session: Session, principal: Principal, image_id: uuid.UUID) -> list[CellView]:
    """The image's cells with the probabilities of its sample's latest analysis's version."""
    _, _, sample, _ = visible_image(session, principal, image_id)
    analysis = latest_analysis(session, sample.id)
    version = active_version(session)
    version_id = analysis.model_version_id if analysis else version.id if version else None
    outlets = queries.outlets_of_version(session, version_id)
    return [
        _cell_view(cell, prediction, outlets)
        for cell, prediction in queries.cells_with_predictions(session, image_id, version_id)
    ]


def _cell_view(cell: Cell, prediction: Prediction | None, outlets: list[int]) -> CellView:
    outline = outline_points(cell.row, cell.column, np.frombuffer(cell.outline, np.uint8))
    return CellView(
        id=cell.id,
        row=cell.row,
        column=cell.column,
        area_um2=cell.area_um2,
        diameter_um=cell.diameter_um,
        circularity=cell.circularity,
        elongation=cell.elongation,
        verdict=cell.verdict,
        findings=cell.findings,
        outline=[(round(float(r), 2), round(float(c), 2)) for r, c in outline],
        p_deformable=None if prediction is None else prediction.p_deformable,
        p_outlet=None
        if prediction is None
        else {str(o): p for o, p in zip(outlets, prediction.p_outlet, strict=True)},
    )


def stored_picture(session: Session, principal: Principal, image_id: uuid.UUID) -> StoredPicture:
    image, _, _, profile = visible_image(session, principal, image_id)
    return StoredPicture(image.sha256, ImageFormat(image.format), profile.height, profile.width)


def picture_jpeg(store: Store, stored: StoredPicture, *, width: int) -> bytes:
    """The image as JPEG, scaled to `width` px."""
    return _jpeg(_scaled(_pixels(store, stored), width))


def overlay_jpeg(
    store: Store, stored: StoredPicture, cells: list[CellView], *, width: int
) -> bytes:
    """The image with every cell outlined: blue deformable, orange rigid, grey rejected."""
    pixels = _pixels(store, stored)
    scale = width / pixels.shape[1]
    canvas = cv2.cvtColor(_scaled(pixels, width), cv2.COLOR_GRAY2BGR)
    for cell in cells:
        corners = np.array([(c * scale, r * scale) for r, c in cell.outline])
        points = np.rint(corners * 16).astype(np.int32)  # sixteenths of a pixel, for smooth lines
        cv2.polylines(canvas, [points], True, _colour(cell), 1, cv2.LINE_AA, shift=4)  # noqa: FBT003  OpenCV's isClosed
    return _jpeg(np.asarray(canvas, dtype=np.uint8))


def _colour(cell: CellView) -> tuple[int, int, int]:
    if cell.verdict != "accepted" or cell.p_deformable is None:
        return REJECTED_BGR
    return DEFORMABLE_BGR if cell.p_deformable >= 0.5 else RIGID_BGR


def _pixels(store: Store, stored: StoredPicture) -> NDArray[np.uint8]:
    try:
        data = store.get(image_key(stored.sha256))
    except FileNotFoundError as error:
        raise Unavailable(
            "stored_file_missing",
            "A stored file is missing; restore it from the backup or send it again.",
        ) from error
    return decode_image(
        data,
        format=stored.format,
        height_px=stored.height_px,
        width_px=stored.width_px,
    )


def _scaled(pixels: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    height = round(pixels.shape[0] * width / pixels.shape[1])
    if width == pixels.shape[1]:
        return pixels
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    _, encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return encoded.tobytes()
