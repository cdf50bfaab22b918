"""Images and their cells as people and programs see them."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from app.db.queries import corrections
from app.db.queries import images as queries
from app.db.queries.accounts import names_of
from app.db.queries.analyses import latest_analysis
from app.db.queries.model_versions import active_version
from app.db.tables import Cell, Correction, InstrumentProfile, Prediction, ScanImage, Well
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
class CorrectionView:
    """A technician's word that holds instead of what was found: why, who, when."""

    reason: str
    corrected_by: str
    corrected_at: dt.datetime


@dataclass(frozen=True)
class ImageView:
    """An image; `verdict` is the one that holds.

    `usable_mask` is spread over the field, a text per row and a character per square: 1 usable,
    0 not; None where all of the field is usable, or none.
    """

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
    found_verdict: str
    correction: CorrectionView | None
    findings: tuple[Finding, ...]
    mean_grey: float | None
    sd_grey: float | None
    usable_share: float | None
    usable_mask: tuple[str, ...] | None
    n_cells: int | None
    created_at: dt.datetime
    inspected_at: dt.datetime | None


@dataclass(frozen=True)
class CellView:
    """A cell; `verdict` is the one that holds.

    `outline` holds 32 (row, column) corners in px of the original image; `shading_angle` is in
    radians, contrasts are fractions of the background, the rim's per µm. `p_verdict` is the
    probability that `found_verdict` is right.
    """

    id: uuid.UUID
    row: float
    column: float
    area_um2: float
    diameter_um: float
    circularity: float
    elongation: float
    rim_contrast: float
    rim_width_um: float
    shading_angle: float
    contrast: float | None
    crenation: float | None
    verdict: str
    found_verdict: str
    p_verdict: float | None
    correction: CorrectionView | None
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
    words = _words_on_images(session, [image])
    return _view(image, well, sample.id, profile, None, words.get(image.id))


def list_images(session: Session, principal: Principal, sample_id: uuid.UUID) -> list[ImageView]:
    """Every image of the sample's newest scans, by well and file name."""
    visible_sample(session, principal, sample_id)
    rows = queries.images_of_sample(session, sample_id)
    words = _words_on_images(session, [row[0] for row in rows])
    return [
        _view(image, well, sample_id, profile, n_cells, words.get(image.id))
        for image, well, profile, n_cells in rows
    ]


Words = Mapping[uuid.UUID, CorrectionView]
"""Corrections in force, by image or cell."""


def _words_on_images(session: Session, images: Sequence[ScanImage]) -> Words:
    ids = [image.id for image in images if image.corrected_verdict is not None]
    return _words(session, corrections.latest_of_images(session, ids) if ids else {})


def _words_on_cells(session: Session, cells: Iterable[Cell]) -> Words:
    ids = [cell.id for cell in cells if cell.corrected_verdict is not None]
    return _words(session, corrections.latest_of_cells(session, ids) if ids else {})


def _words(session: Session, latest: Mapping[uuid.UUID, Correction]) -> Words:
    names = names_of(session, {word.created_by for word in latest.values()}) if latest else {}
    return {
        subject_id: CorrectionView(
            reason=word.reason,
            corrected_by=names.get(word.created_by, word.created_by),
            corrected_at=word.created_at,
        )
        for subject_id, word in latest.items()
    }


def _view(
    image: ScanImage,
    well: Well,
    sample_id: uuid.UUID,
    profile: InstrumentProfile,
    n_cells: int | None,
    correction: CorrectionView | None,
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
        verdict=image.corrected_verdict or image.verdict,
        found_verdict=image.verdict,
        correction=correction,
        findings=tuple(Finding.from_json(values) for values in image.findings),
        mean_grey=image.mean_grey,
        sd_grey=image.sd_grey,
        usable_share=image.usable_share,
        usable_mask=_mask_rows(image),
        n_cells=n_cells,
        created_at=image.created_at,
        inspected_at=image.inspected_at,
    )


def cells_of_image(session: Session, principal: Principal, image_id: uuid.UUID) -> list[CellView]:
    """The image's cells with the probabilities of its sample's latest analysis's version."""
    _, _, sample, _ = visible_image(session, principal, image_id)
    return _cell_views(session, sample.id, Cell.image_id == image_id)


def views_of_cells(
    session: Session, sample_id: uuid.UUID, cell_ids: Sequence[uuid.UUID]
) -> list[CellView]:
    """Cells of one sample, in the order asked."""
    views = _cell_views(session, sample_id, Cell.id.in_(cell_ids))
    by_id = {view.id: view for view in views}
    return [by_id[cell_id] for cell_id in cell_ids]


def _cell_views(
    session: Session, sample_id: uuid.UUID, condition: ColumnElement[bool]
) -> list[CellView]:
    analysis = latest_analysis(session, sample_id)
    version = active_version(session)
    version_id = analysis.model_version_id if analysis else version.id if version else None
    outlets = queries.outlets_of_version(session, version_id)
    rows = queries.cells_with_predictions(session, condition, version_id)
    words = _words_on_cells(session, [row[0] for row in rows])
    return [
        _cell_view(cell, verdict, prediction, outlets, words.get(cell.id))
        for cell, verdict, prediction in rows
    ]


def _mask_rows(image: ScanImage) -> tuple[str, ...] | None:
    if image.usable_mask is None or image.usable_rows is None or image.usable_columns is None:
        return None
    shape = (image.usable_rows, image.usable_columns)
    bits = np.unpackbits(np.frombuffer(image.usable_mask, np.uint8), count=shape[0] * shape[1])
    return tuple("".join(map(str, row)) for row in bits.reshape(shape).tolist())


def _cell_view(
    cell: Cell,
    verdict: str,
    prediction: Prediction | None,
    outlets: list[int],
    correction: CorrectionView | None,
) -> CellView:
    outline = outline_points(cell.row, cell.column, np.frombuffer(cell.outline, np.uint8))
    return CellView(
        id=cell.id,
        row=cell.row,
        column=cell.column,
        area_um2=cell.area_um2,
        diameter_um=cell.diameter_um,
        circularity=cell.circularity,
        elongation=cell.elongation,
        rim_contrast=cell.rim_contrast,
        rim_width_um=cell.rim_width_um,
        shading_angle=cell.shading_angle,
        contrast=cell.contrast,
        crenation=cell.crenation,
        verdict=verdict,
        found_verdict=cell.verdict,
        p_verdict=cell.p_verdict,
        correction=correction,
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
    return _jpeg(_scaled(pixels_of(store, stored), width))


def overlay_jpeg(
    store: Store, stored: StoredPicture, cells: list[CellView], *, width: int
) -> bytes:
    """The image with every cell outlined: blue deformable, orange rigid, grey rejected."""
    pixels = pixels_of(store, stored)
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


def pixels_of(store: Store, stored: StoredPicture) -> NDArray[np.uint8]:
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
